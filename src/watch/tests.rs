use super::*;

const TRUE: Truth = Truth::True;
const FALSE: Truth = Truth::False;
const UNKNOWN: Truth = Truth::Unknown;

#[test]
fn patterns_of_rules() {
    for (changes, calls, pattern) in [
        (TRUE, TRUE, r#"{"source": ["aws.lambda"]}"#),
        (
            TRUE,
            FALSE,
            r#"{"detail-type": ["AWS API Call via CloudTrail"], "detail": {"eventSource": ["lambda.amazonaws.com"], "eventName": [{"prefix": "AddPermission"}]}}"#,
        ),
        (TRUE, FALSE, r#"{"detail": {"eventName": ["AddPermission20150331v2", "DeleteFunction20150331"]}}"#),
        (
            TRUE,
            UNKNOWN,
            r#"{"source": [{"anything-but": ["aws.ec2"]}], "detail": {"requestParameters": {"principal": ["*"]}}}"#,
        ),
        (TRUE, TRUE, r#"{"$or": [{"source": ["aws.s3"]}, {"source": [{"wildcard": "aws.l*a"}]}]}"#),
        (
            TRUE,
            FALSE,
            r#"{"detail": {"eventName": [{"equals-ignore-case": "createfunctionurlconfig"}], "errorCode": [{"exists": false}]}}"#,
        ),
        (
            TRUE,
            TRUE,
            r#"{"source": [{"suffix": ".lambda"}], "detail": {"eventName": [{"anything-but": {"prefix": "List"}}]}}"#,
        ),
        (
            TRUE,
            TRUE,
            r#"{"source": [{"prefix": {"equals-ignore-case": "AWS."}}], "detail": {"readOnly": [false]}}"#,
        ),
        (FALSE, TRUE, r#"{"detail": {"eventCategory": ["Data"], "eventSource": ["lambda.amazonaws.com"]}}"#),
        (
            TRUE,
            FALSE,
            r#"{"detail": {"requestParameters": {"authType": ["NONE"]}, "eventName": [{"suffix": "FunctionUrlConfig"}]}}"#,
        ),
        (FALSE, FALSE, r#"{"source": ["aws.ec2"]}"#),
        (FALSE, FALSE, r#"{"source": ["aws.lambda"], "detail-type": ["AWS Service Event via CloudTrail"]}"#),
        (FALSE, FALSE, r#"{"source": ["aws.lambda"], "detail": {"eventName": ["DeleteFunction20150331"]}}"#),
        // What goes away lets nobody in.
        (
            FALSE,
            FALSE,
            r#"{"source": ["aws.lambda"], "detail": {"eventName": [{"prefix": "RemovePermission"}]}}"#,
        ),
        (
            FALSE,
            FALSE,
            r#"{"source": ["aws.lambda"], "detail": {"eventName": [{"anything-but": {"wildcard": "*"}}]}}"#,
        ),
        (
            FALSE,
            FALSE,
            r#"{"detail": {"eventSource": ["iam.amazonaws.com"], "userIdentity": {"arn": ["x"]}}}"#,
        ),
        (FALSE, FALSE, r#"{"detail": {"eventName": [{"exists": false}]}}"#),
        (FALSE, FALSE, r#"{"detail": {"userIdentity": {"type": ["Root"]}}}"#),
        (FALSE, FALSE, r#"{"source": ["aws.lambda"], "detail": {"errorCode": [{"exists": true}]}}"#),
        (FALSE, FALSE, r#"{"$or": [{"source": ["aws.s3"]}]}"#),
        // Spellings that CloudTrail may not use.
        (
            UNKNOWN,
            FALSE,
            r#"{"source": ["aws.lambda"], "detail": {"eventName": ["AddPermission", "PutResourcePolicy"]}}"#,
        ),
        // It depends on what these records do not say.
        (UNKNOWN, UNKNOWN, r#"{"account": ["111122223333"]}"#),
        (
            UNKNOWN,
            FALSE,
            r#"{"detail": {"eventName": ["AddPermission20150331v2"], "requestParameters": {"functionName": ["payments"]}}}"#,
        ),
        // What is not understood.
        (UNKNOWN, UNKNOWN, r#"{"source": [{"sounds-like": "aws.lambda"}]}"#),
        (UNKNOWN, UNKNOWN, r#"{"source": [{"anything-but": {"sounds-like": "aws.ec2"}}]}"#),
        (UNKNOWN, UNKNOWN, r#"{"source": [{"prefix": "aws.", "suffix": ".s3"}]}"#),
        (UNKNOWN, UNKNOWN, r#"{"source": [{"prefix": ["aws."]}]}"#),
        (UNKNOWN, UNKNOWN, r#"{"source": [{"wildcard": "aws\\.*"}]}"#),
        (UNKNOWN, UNKNOWN, r#"{"source": [{"wildcard": {"equals-ignore-case": "AWS.*"}}]}"#),
        (UNKNOWN, UNKNOWN, r#"{"detail": {"errorCode": [{"anything-but": "AccessDenied"}]}}"#),
        (UNKNOWN, UNKNOWN, r#"{"source": "aws.lambda"}"#),
        (UNKNOWN, UNKNOWN, r#"{"source": [["aws.lambda"]]}"#),
        (UNKNOWN, UNKNOWN, r#"{"detail": {"eventName": []}}"#),
        (UNKNOWN, UNKNOWN, r#"{"$or": ["aws.lambda"]}"#),
        (UNKNOWN, UNKNOWN, r#"{"detail": {}}"#),
        (UNKNOWN, UNKNOWN, "{}"),
        (UNKNOWN, UNKNOWN, ""),
        (UNKNOWN, UNKNOWN, "[]"),
        (UNKNOWN, UNKNOWN, "{"),
    ] {
        assert_eq!(rule_watches(pattern), Watches { changes, calls }, "{pattern}");
    }
}

#[test]
fn patterns_of_filters() {
    for (changes, calls, pattern) in [
        (TRUE, TRUE, ""),
        (TRUE, TRUE, r#"{ $.eventSource = "lambda.amazonaws.com" }"#),
        (
            TRUE,
            FALSE,
            "{ ($.eventSource = lambda.amazonaws.com) && (($.eventName = AddPermission*) || ($.eventName = PutResourcePolicy)) }",
        ),
        (
            TRUE,
            FALSE,
            r#"{ ($.eventName = "AddPermission20150331v2") && ($.errorCode NOT EXISTS) && ($.requestParameters.principal = "*") }"#,
        ),
        (TRUE, TRUE, r#"{ $.eventName != "DeleteFunction" && $.eventSource = "*lambda*" }"#),
        (TRUE, FALSE, "{ $.eventName = %^AddPermission|^CreateFunctionUrl% }"),
        (FALSE, TRUE, r#"{ $.['eventName'] = "Invoke" }"#),
        (TRUE, FALSE, "{ $.managementEvent IS TRUE && $.readOnly IS FALSE }"),
        (TRUE, UNKNOWN, "AddPermission20150331v2"),
        (TRUE, UNKNOWN, "%AddPermission20%"),
        (TRUE, TRUE, r#""lambda.amazonaws.com""#),
        (FALSE, FALSE, r#"{ $.eventSource = "iam.amazonaws.com" }"#),
        (FALSE, FALSE, "{ ($.eventName = DeleteTrail) || ($.eventName = StopLogging) }"),
        (FALSE, FALSE, r#"{ $.eventSource = lambda.amazonaws.com && $.eventName = "DeleteFunction*" }"#),
        (FALSE, FALSE, "{ $.eventName NOT EXISTS }"),
        (FALSE, FALSE, "{ $.eventName > 3 }"),
        (FALSE, FALSE, r#"{ ($.errorCode = "*UnauthorizedOperation") || ($.errorCode = "AccessDenied*") }"#),
        (
            FALSE,
            FALSE,
            r#"{ $.userIdentity.type = "Root" && $.userIdentity.invokedBy NOT EXISTS && $.eventType != "AwsServiceEvent" }"#,
        ),
        (FALSE, FALSE, r#"{ ($.eventName = "ConsoleLogin") && ($.additionalEventData.MFAUsed != "Yes") }"#),
        (FALSE, FALSE, "lambda.amazonaws.com -eventName"),
        // Spellings that CloudTrail may not use.
        (UNKNOWN, FALSE, "{ $.eventName = AddPermission }"),
        // It depends on what these records do not say.
        (UNKNOWN, UNKNOWN, r#"{ $.awsRegion = "eu-west-1" }"#),
        (UNKNOWN, FALSE, r#"{ $.eventName = "Add*" && $.requestParameters.functionName = "payments" }"#),
        (UNKNOWN, UNKNOWN, "ConsoleLogin"),
        (UNKNOWN, UNKNOWN, "AddPermission"),
        (UNKNOWN, UNKNOWN, r#""lambda.amazonaws.com" -DeleteFunction"#),
        // What is not understood, or not documented.
        (UNKNOWN, UNKNOWN, "?AddPermission20150331v2 eventName"),
        (UNKNOWN, UNKNOWN, "lambda.amazonaws.com"),
        (UNKNOWN, UNKNOWN, r#"{ $.errorCode != "AccessDenied" }"#),
        (UNKNOWN, UNKNOWN, r#"{ $.eventName IS NULL }"#),
        (UNKNOWN, UNKNOWN, "{ $.eventName = %^(Add|Remove)Permission% }"),
        (UNKNOWN, UNKNOWN, r#"{ $.eventName = "%AddPermission%" }"#),
        (UNKNOWN, UNKNOWN, r#"{ $.eventName = "Add\*" }"#),
        (UNKNOWN, UNKNOWN, r#"{ $.['userIdentity.type'] = "Root" }"#),
        (UNKNOWN, UNKNOWN, r#"{ $['eventName'] = "DeleteFunction" }"#),
        (UNKNOWN, UNKNOWN, r#"{ $.eventName[0] = "DeleteFunction" }"#),
        (UNKNOWN, UNKNOWN, "{ $.eventName = }"),
        (UNKNOWN, UNKNOWN, "{ ($.eventName = a }"),
        (UNKNOWN, UNKNOWN, "{ eventName }"),
        (UNKNOWN, UNKNOWN, "[a, b]"),
        (UNKNOWN, UNKNOWN, "{ $.a = 1"),
        (UNKNOWN, UNKNOWN, "{ $.eventName = ä }"),
    ] {
        assert_eq!(filter_watches(pattern), Watches { changes, calls }, "{pattern}");
    }
}

#[test]
fn brackets_end_somewhere() {
    let nested =
        |depth: usize| format!("{{ {}$.eventName = Invoke{} }}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(filter_watches(&nested(20)).calls, Truth::True);
    assert_eq!(filter_watches(&nested(100_000)).calls, Truth::Unknown);
}
