use super::*;
use crate::trail::TrailRecord;

const REST: &str =
    r#""eventTime":"2025-03-01T00:00:00Z","eventSource":"lambda.amazonaws.com","eventName":"Invoke""#;

/// The identity of a record with this `userIdentity` and these further members.
fn with_identity<T>(identity: &str, more: &str, check: impl FnOnce(&Identity<'_>) -> T) -> T {
    let text = format!("{{{REST}{more},\"userIdentity\":{identity}}}");
    check(TrailRecord::parse(&text).unwrap().identity())
}

fn role_session(more: &str) -> String {
    format!(
        r#"{{"type":"AssumedRole","principalId":"AROAEXAMPLE1:build-7","arn":"arn:aws:sts::111122223333:assumed-role/deploy/build-7","accountId":"111122223333","accessKeyId":"ASIAEXAMPLE1"{more}}}"#
    )
}

#[test]
fn a_roles_session_is_its_role() {
    let context = r#","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLE1","arn":"arn:aws:iam::111122223333:role/ci/deploy","accountId":"111122223333","userName":"deploy"},"attributes":{"creationDate":"2025-02-28T23:00:00Z","mfaAuthenticated":"false"},"sourceIdentity":"carol"}"#;
    with_identity(&role_session(context), "", |caller| {
        assert_eq!(caller.kind(), IdentityKind::AssumedRole);
        let role = "arn:aws:iam::111122223333:role/ci/deploy";
        assert_eq!(caller.principal(), Field::Known(Principal::Arn(role.into())));
        assert_eq!(caller.session_name().text(), Some("build-7"));
        assert_eq!(caller.arn().text(), Some("arn:aws:sts::111122223333:assumed-role/deploy/build-7"));
        assert_eq!(caller.account().text(), Some("111122223333"));
        assert_eq!(caller.access_key_id().text(), Some("ASIAEXAMPLE1"));
        assert_eq!(caller.source_identity().text(), Some("carol"));
        assert_eq!(caller.session_created().text(), Some("2025-02-28T23:00:00Z"));
        assert_eq!((caller.direct(), caller.anonymous()), (Some(true), false));
        assert_eq!(caller.lambda_session(), LambdaSession::Unread);
    });
}

#[test]
fn without_an_issuer_the_roles_path_is_not_known() {
    for context in ["", r#","sessionContext":{"sessionIssuer":{}}"#, r#","sessionContext":null"#] {
        with_identity(&role_session(context), "", |caller| {
            let role = "arn:aws:iam::111122223333:role/deploy".to_owned();
            assert_eq!(caller.principal(), Field::Known(Principal::RoleWithoutPath(role)), "{context}");
        });
    }
}

#[test]
fn a_session_issued_to_a_function_says_so() {
    let scope = |issuer: &str| {
        role_session(&format!(
            r#","inScopeOf":{{"issuerType":"{issuer}","credentialsIssuedTo":"arn:aws:lambda:us-east-1:111122223333:function:f"}}"#
        ))
    };
    with_identity(&scope("AWS::Lambda::Function"), "", |caller| {
        let function = Field::Known("arn:aws:lambda:us-east-1:111122223333:function:f".into());
        assert_eq!(caller.lambda_session(), LambdaSession::Yes { function });
    });
    with_identity(&scope("AWS::EC2::Instance"), "", |caller| {
        assert_eq!(caller.lambda_session(), LambdaSession::No);
    });
    let bare = role_session(r#","sessionContext":{"inScopeOf":{"issuerType":"AWS::Lambda::Function"}}"#);
    with_identity(&bare, "", |caller| {
        assert_eq!(caller.lambda_session(), LambdaSession::Yes { function: Field::Unread });
    });
    let instance = role_session(r#","sessionContext":{"ec2RoleDelivery":"2.0"}"#);
    with_identity(&instance, "", |caller| assert_eq!(caller.lambda_session(), LambdaSession::No));
    let odd = role_session(r#","inScopeOf":{"issuerType":7}"#);
    with_identity(&odd, "", |caller| assert_eq!(caller.lambda_session(), LambdaSession::Unread));
}

#[test]
fn a_session_that_was_got_in_another_way_is_no_functions() {
    let context = |more: &str, issuer: &str| {
        role_session(&format!(
            r#","sessionContext":{{"sessionIssuer":{{"arn":"arn:aws:iam::111122223333:role/{issuer}"}}{more}}}"#
        ))
    };
    let answer = |more: &str, issuer: &str| {
        with_identity(&context(more, issuer), "", |caller| match caller.lambda_session() {
            LambdaSession::No => Some(false),
            LambdaSession::Yes { .. } => Some(true),
            LambdaSession::Unread => None,
        })
    };
    for more in [
        r#","ec2RoleDelivery":"1.0""#,
        r#","attributes":{"mfaAuthenticated":"true"}"#,
        r#","attributes":{"mfaAuthenticated":true}"#,
        r#","webIdFederationData":{"federatedProvider":"arn:aws:iam::111122223333:oidc-provider/ci.example.com"}"#,
    ] {
        assert_eq!(answer(more, "deploy"), Some(false), "{more}");
    }
    for more in [
        "",
        r#","ec2RoleDelivery":null"#,
        r#","attributes":{"mfaAuthenticated":"false"}"#,
        r#","webIdFederationData":{}"#,
        r#","webIdFederationData":{"federatedProvider":"","attributes":{}}"#,
        r#","webIdFederationData":null,"attributes":7"#,
    ] {
        assert_eq!(answer(more, "deploy"), None, "{more}");
    }
    for role in [
        "aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Admin_0123456789abcdef",
        "aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789abcdef",
        "aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling",
    ] {
        assert_eq!(answer("", role), Some(false), "{role}");
    }
    for role in [
        // A name says nothing: only the path is reserved.
        "AWSReservedSSO_Admin_0123456789abcdef",
        "team/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789abcdef",
        "aws-service-role/lambda.amazonaws.com/AWSServiceRoleForLambda",
        "aws-service-role/replicator.lambda.amazonaws.com/AWSServiceRoleForLambdaReplicator",
        "aws-service-role/",
    ] {
        assert_eq!(answer("", role), None, "{role}");
    }
    // What the credentials were issued to says more than how.
    let scope =
        r#","attributes":{"mfaAuthenticated":"true"},"inScopeOf":{"issuerType":"AWS::Lambda::Function"}"#;
    assert_eq!(answer(scope, "deploy"), Some(true));
}

#[test]
fn callers_on_behalf_of_a_service_are_not_direct() {
    let user = |more: &str| {
        format!(
            r#"{{"type":"IAMUser","principalId":"AIDAEXAMPLE1","arn":"arn:aws:iam::111122223333:user/alice","accountId":"111122223333","userName":"alice"{more}}}"#
        )
    };
    with_identity(&user(""), "", |caller| {
        assert_eq!(
            caller.principal(),
            Field::Known(Principal::Arn("arn:aws:iam::111122223333:user/alice".into()))
        );
        assert_eq!(caller.direct(), Some(true));
        assert_eq!(caller.lambda_session(), LambdaSession::No);
        assert_eq!(caller.session_name(), Field::Absent);
    });
    for by in ["cloudformation.amazonaws.com", "AWS Internal"] {
        with_identity(&user(&format!(r#","invokedBy":"{by}""#)), "", |caller| {
            assert_eq!((caller.direct(), caller.invoked_by().text()), (Some(false), Some(by)));
        });
    }
    with_identity(&user(r#","invokedBy":["x"]"#), "", |caller| assert_eq!(caller.direct(), None));
    for more in [
        r#","eventType":"AwsServiceEvent""#,
        r#","sourceIPAddress":"cloudformation.amazonaws.com""#,
        r#","sourceIPAddress":"AWS Internal""#,
    ] {
        with_identity(&user(""), more, |caller| assert_eq!(caller.direct(), Some(false), "{more}"));
    }
    let linked = role_session(
        r#","sessionContext":{"sessionIssuer":{"arn":"arn:aws:iam::111122223333:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX"}}"#,
    );
    with_identity(&linked, "", |caller| assert_eq!(caller.direct(), Some(false)));
}

#[test]
fn services_and_records_without_a_type() {
    let service = r#"{"type":"AWSService","invokedBy":"s3.amazonaws.com"}"#;
    with_identity(service, "", |caller| {
        assert_eq!(caller.principal(), Field::Known(Principal::Service("s3.amazonaws.com".into())));
        assert_eq!((caller.account(), caller.direct()), (Field::Absent, Some(false)));
        assert_eq!(caller.lambda_session(), LambdaSession::No);
    });
    let untyped = r#"{"accountId":"111122223333","invokedBy":"ec2.amazonaws.com"}"#;
    with_identity(untyped, "", |caller| {
        assert_eq!(caller.kind(), IdentityKind::None);
        assert_eq!(caller.principal(), Field::Known(Principal::Service("ec2.amazonaws.com".into())));
        assert_eq!((caller.account().text(), caller.direct()), (Some("111122223333"), Some(false)));
    });
    for nothing in ["null", "{}", "[]", "\"x\"", "7"] {
        with_identity(nothing, "", |caller| {
            assert_eq!(caller.principal(), Field::Unread, "{nothing}");
            assert_eq!((caller.direct(), caller.anonymous()), (None, false));
            assert_eq!(caller.lambda_session(), LambdaSession::Unread);
        });
    }
    let text = format!("{{{REST}}}");
    assert_eq!(TrailRecord::parse(&text).unwrap().identity().account(), Field::Absent);
}

#[test]
fn other_accounts_and_the_public() {
    let anonymous = r#"{"type":"AWSAccount","principalId":"anonymous","accountId":"aws"}"#;
    with_identity(anonymous, "", |caller| {
        assert!(caller.anonymous());
        assert_eq!(
            (caller.principal(), caller.account()),
            (Field::Known(Principal::Anonymous), Field::Absent)
        );
        assert_eq!((caller.direct(), caller.lambda_session()), (Some(true), LambdaSession::No));
    });
    let of_bucket = r#"{"type":"AWSAccount","principalId":"","accountId":"ANONYMOUS_PRINCIPAL"}"#;
    with_identity(of_bucket, "", |caller| assert!(caller.anonymous()));

    let foreign = r#"{"type":"AWSAccount","principalId":"AROAEXAMPLE9:someone","accountId":"444455556666"}"#;
    with_identity(foreign, "", |caller| {
        assert!(!caller.anonymous());
        assert_eq!(caller.account().text(), Some("444455556666"));
        let Field::Known(principal) = caller.principal() else { panic!("unread") };
        assert_eq!(principal.to_string(), "444455556666:AROAEXAMPLE9");
        // It is a role's session in an account whose records are not here: it may be a function's.
        assert_eq!(caller.lambda_session(), LambdaSession::Unread);
    });
    let user = r#"{"type":"AWSAccount","principalId":"AIDAEXAMPLE9","accountId":"444455556666"}"#;
    with_identity(user, "", |caller| assert_eq!(caller.lambda_session(), LambdaSession::No));
}

#[test]
fn federated_root_and_hidden() {
    let federated = r#"{"type":"FederatedUser","principalId":"111122223333:visitor","arn":"arn:aws:sts::111122223333:federated-user/visitor","accountId":"111122223333","sessionContext":{"sessionIssuer":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/broker"}}}"#;
    with_identity(federated, "", |caller| {
        assert_eq!(
            caller.principal(),
            Field::Known(Principal::Arn("arn:aws:iam::111122223333:user/broker".into()))
        );
        assert_eq!(caller.session_name().text(), Some("visitor"));
        assert_eq!(caller.lambda_session(), LambdaSession::No);
    });
    let root = r#"{"type":"Root","principalId":"111122223333","arn":"arn:aws:iam::111122223333:root"}"#;
    with_identity(root, "", |caller| {
        assert_eq!(caller.kind(), IdentityKind::Root);
        assert_eq!(caller.account().text(), Some("111122223333"));
    });
    let web = r#"{"type":"WebIdentityUser","principalId":"accounts.example.com:app:123","userName":"123","identityProvider":"accounts.example.com"}"#;
    with_identity(web, "", |caller| {
        let Field::Known(principal) = caller.principal() else { panic!("unread") };
        assert_eq!(principal.to_string(), "accounts.example.com:app:123");
        assert_eq!(caller.account(), Field::Absent);
    });
    let hidden = r#"{"type":"IAMUser","accountId":"111122223333","accessKeyId":"","userName":"HIDDEN_DUE_TO_SECURITY_REASONS"}"#;
    with_identity(hidden, "", |caller| {
        assert_eq!((caller.user_name(), caller.access_key_id()), (Field::Unread, Field::Absent));
        assert_eq!(caller.principal(), Field::Unread);
    });
}
