use super::*;

const CALLER: &str = r#""userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/alice","accountId":"111122223333"}"#;

fn record(members: &str) -> String {
    format!(
        r#"{{"eventTime":"2025-03-01T00:00:00Z","eventSource":"lambda.amazonaws.com","eventName":"Invoke","awsRegion":"eu-west-1",{CALLER},{members}}}"#
    )
}

fn function(members: &str) -> FunctionRef<'static> {
    let text = record(members);
    let record = TrailRecord::parse(&text).unwrap();
    let found = record.function();
    // Where the ARN can be had without the rest it is the same.
    assert!(record.function_arn().is_none_or(|arn| found.arn.text() == Some(&*arn)), "{text}");
    let own = |field: Text<'_>| field.map(|text| Cow::Owned(text.into_owned()));
    FunctionRef {
        name: own(found.name),
        arn: own(found.arn),
        account: own(found.account),
        account_basis: found.account_basis,
        qualifier: own(found.qualifier),
    }
}

#[test]
fn designators_of_every_form() {
    for (text, parts) in [
        ("f", Some((None, "f", None))),
        ("f:live", Some((None, "f", Some("live")))),
        ("f:$LATEST", Some((None, "f", Some("$LATEST")))),
        ("function:f", Some((None, "f", None))),
        ("function:f:7", Some((None, "f", Some("7")))),
        ("function", Some((None, "function", None))),
        ("111122223333:function:f", Some((Some("111122223333"), "f", None))),
        ("111122223333:function:f:live", Some((Some("111122223333"), "f", Some("live")))),
        ("111122223333:f", Some((Some("111122223333"), "f", None))),
        ("us-east-1:111122223333:function:f", Some((Some("111122223333"), "f", None))),
        ("arn:aws:lambda:us-east-1:111122223333:function:f", Some((Some("111122223333"), "f", None))),
        (
            "arn:aws-cn:lambda:cn-north-1:111122223333:function:f:1",
            Some((Some("111122223333"), "f", Some("1"))),
        ),
        ("arn:aws:lambda:us-east-1:111122223333:layer:l:1", None),
        ("arn:aws:s3:::bucket", None),
        ("arn:aws:lambda:us-east-1:111122223333:function:", None),
        ("a:b:c", None),
        ("f:", None),
        ("", None),
    ] {
        assert_eq!(parse_function_designator(text), parts, "{text}");
    }
}

#[test]
fn a_bare_name_is_of_the_callers_account() {
    let found = function(r#""requestParameters":{"functionName":"f"}"#);
    assert_eq!(found.arn.text(), Some("arn:aws:lambda:eu-west-1:111122223333:function:f"));
    assert_eq!(found.account_basis, Some(AccountBasis::Caller));
    assert_eq!((found.name.text(), found.qualifier), (Some("f"), Field::Absent));
}

#[test]
fn an_arn_says_everything_and_the_qualifier_is_taken_off() {
    let arn = "arn:aws:lambda:us-east-1:444455556666:function:f";
    let found = function(&format!(r#""requestParameters":{{"functionName":"{arn}:live"}}"#));
    assert_eq!(found.arn.text(), Some(arn));
    assert_eq!((found.account.text(), found.qualifier.text()), (Some("444455556666"), Some("live")));
    assert_eq!(found.account_basis, Some(AccountBasis::Designator));
    let found = function(&format!(r#""requestParameters":{{"functionName":"{arn}","qualifier":"7"}}"#));
    assert_eq!(found.qualifier.text(), Some("7"));
    let partial = function(r#""requestParameters":{"functionName":"444455556666:function:f"}"#);
    assert_eq!(partial.arn.text(), Some("arn:aws:lambda:eu-west-1:444455556666:function:f"));
}

#[test]
fn resources_name_the_owner_and_the_parameters_may_be_missing() {
    let resources = r#""resources":[{"type":"AWS::Other","ARN":"arn:aws:x"},{"accountId":"444455556666","type":"AWS::Lambda::Function","ARN":"arn:aws:lambda:us-east-1:444455556666:function:f"}]"#;
    let found = function(&format!(r#""requestParameters":null,{resources}"#));
    assert_eq!(found.arn.text(), Some("arn:aws:lambda:us-east-1:444455556666:function:f"));
    assert_eq!((found.name.text(), found.account.text()), (Some("f"), Some("444455556666")));
    assert_eq!(found.account_basis, Some(AccountBasis::Resources));
    // The resource is unqualified even for a call to an alias: nothing says which was called.
    assert_eq!(found.qualifier, Field::Unread);
    let found = function(&format!(r#""requestParameters":{{"functionName":"f:live"}},{resources}"#));
    assert_eq!((found.account.text(), found.qualifier.text()), (Some("444455556666"), Some("live")));
    let found = function(&format!(r#""requestParameters":{{"functionName":null}},{resources}"#));
    assert_eq!(found.name.text(), Some("f"));
}

#[test]
fn what_is_not_there_is_unread_not_guessed() {
    for parameters in [r#""requestParameters":null"#, r#""resources":[]"#] {
        let found = function(parameters);
        assert_eq!((found.name, found.arn, found.account), (Field::Unread, Field::Unread, Field::Unread));
        assert_eq!((found.qualifier, found.account_basis), (Field::Unread, None));
    }
    let hidden = function(r#""requestParameters":{"functionName":"HIDDEN_DUE_TO_SECURITY_REASONS"}"#);
    assert_eq!((hidden.name, hidden.arn), (Field::Unread, Field::Unread));
    let other = function(r#""requestParameters":{"functionName":7}"#);
    assert_eq!((other.name, other.arn), (Field::Unread, Field::Unread));
    let none = function(r#""requestParameters":{"maxItems":7}"#);
    assert_eq!((none.name, none.arn, none.qualifier), (Field::Absent, Field::Absent, Field::Absent));
}

#[test]
fn a_public_callers_bare_name_has_no_account() {
    let text = r#"{"eventTime":"2025-03-01T00:00:00Z","eventSource":"lambda.amazonaws.com","eventName":"InvokeFunctionUrl","awsRegion":"us-east-1","userIdentity":{"type":"AWSAccount","principalId":"anonymous","accountId":"aws"},"requestParameters":{"functionName":"f"}}"#;
    let found = TrailRecord::parse(text).unwrap().function();
    assert_eq!((found.account, found.arn, found.name.text()), (Field::Unread, Field::Unread, Some("f")));
}

#[test]
fn layers_by_name_arn_and_answer() {
    let layer = |members: &str| {
        let text = record(members);
        let found = TrailRecord::parse(&text).unwrap().layer();
        (found.name.text().map(str::to_owned), found.arn.text().map(str::to_owned), found.version)
    };
    let arn = "arn:aws:lambda:us-east-1:444455556666:layer:tools";
    let (name, found) = (Some("tools".to_owned()), Some(arn.to_owned()));
    assert_eq!(
        layer(r#""requestParameters":{"layerName":"tools","versionNumber":3}"#),
        (name.clone(), None, Field::Known(3))
    );
    assert_eq!(
        layer(&format!(r#""requestParameters":{{"layerName":"{arn}","versionNumber":3}}"#)),
        (name.clone(), found.clone(), Field::Known(3))
    );
    assert_eq!(
        layer(&format!(r#""requestParameters":{{"layerName":"{arn}:9"}}"#)),
        (name.clone(), found.clone(), Field::Known(9))
    );
    assert_eq!(
        layer(&format!(
            r#""requestParameters":{{"layerName":"tools"}},"responseElements":{{"layerArn":"{arn}","version":4}}"#
        )),
        (name, found, Field::Known(4))
    );
    assert_eq!(layer(r#""requestParameters":null"#), (None, None, Field::Unread));
}
