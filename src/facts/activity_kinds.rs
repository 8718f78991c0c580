//! Kinds that trail records alone make: what happened.

use super::pages;
use super::schema::Origin::Activity;
use super::schema::declare_activity;

declare_activity! {
    /// An API call whose fields are read when asked.
    LazyApiCall from
    /// What an API call's fields are read from.
    ApiCallSource;
    /// One API call.
    ApiCall, API_CALL = "api_call" {
        means: "An API call that a trail recorded, refused ones included",
        origins: &[Activity],
        events: &[],
        subject: Text = "subject" { means: "The function the call is about, else the caller" }
        event_source: Text = "event_source" { means: "Endpoint of the service: iam.amazonaws.com", page: pages::RECORD }
        event_name: Text = "event_name" { means: "Name of the call without a date or version suffix", page: pages::LAMBDA_TRAIL }
        succeeded: Bool = "succeeded" { means: "The record has no error code", page: pages::RECORD }
        error_code: Text = "error_code" { optional: true, means: "Why it was refused or failed", page: pages::RECORD }
        weakens_guardrail: Bool = "weakens_guardrail" { can_be_unread: true, means: "Where it succeeds, it turns off what protects the account: deletes or suspends a GuardDuty detector or turns off its Lambda Protection, deletes an analyzer, disables Security Hub, deletes a metric filter, deletes alarms or disables their actions; unread where its parameters are hidden", page: pages::GUARDDUTY_LAMBDA }
        account: Text = "account" { can_be_unread: true, means: "Account whose trail recorded it" }
        region: Text = "region" { can_be_unread: true, means: "Region of the call" }
        principal: Text = "principal" { can_be_unread: true, means: "ARN of the role or user, without the session; account and principal id where a record has no ARN", page: pages::IDENTITY }
        identity_type: Text = "identity_type" { can_be_unread: true, means: "userIdentity.type", page: pages::IDENTITY }
        caller_account: Text = "caller_account" { can_be_unread: true, optional: true, means: "Account of the caller; absent for services and anonymous callers", page: pages::IDENTITY }
        session_arn: Text = "session_arn" { optional: true, can_be_unread: true, means: "userIdentity.arn, the session included", page: pages::IDENTITY }
        session_name: Text = "session_name" { optional: true, can_be_unread: true, means: "Name of the role session", page: pages::IDENTITY }
        access_key: Text = "access_key" { optional: true, can_be_unread: true, means: "Identifier (not the secret) of the access key", page: pages::IDENTITY }
        direct: Bool = "direct" { can_be_unread: true, means: "Not made by or on behalf of an AWS service", page: pages::IDENTITY }
        on_behalf_of: Text = "on_behalf_of" { optional: true, can_be_unread: true, means: "The AWS service that made it", page: pages::IDENTITY }
        lambda_session: Bool = "lambda_session" { can_be_unread: true, means: "Made with the credentials of a Lambda function: by the record, by that of their issue, or by the role that Lambda may assume and the name of a function (docs/sessions.md)", page: pages::IDENTITY }
        lambda_function: Text = "lambda_function" { optional: true, can_be_unread: true, means: "ARN of the function the credentials were issued to", page: pages::IDENTITY }
        function: Text = "function" { optional: true, can_be_unread: true, means: "Name of the function that a Lambda call is about", page: pages::LAMBDA_TRAIL }
        qualifier: Text = "qualifier" { optional: true, can_be_unread: true, means: "Version or alias that a Lambda call is about", page: pages::LAMBDA_TRAIL }
        read_only: Bool = "read_only" { can_be_unread: true, means: "The call changes nothing", page: pages::RECORD }
        source_ip: Text = "source_ip" { optional: true, can_be_unread: true, means: "Address the call came from, or the name of a service", page: pages::RECORD }
        user_agent: Text = "user_agent" { optional: true, can_be_unread: true, means: "What the caller said it is; anyone can forge it", page: pages::RECORD }
        vpc_endpoint: Text = "vpc_endpoint" { optional: true, can_be_unread: true, means: "VPC endpoint the call came through", page: pages::RECORD }
        vpc_endpoint_account: Text = "vpc_endpoint_account" { optional: true, can_be_unread: true, means: "Account of that endpoint", page: pages::RECORD }
        vpc_endpoint_trusted: Bool = "vpc_endpoint_trusted" { optional: true, can_be_unread: true, means: "The account of the VPC endpoint the call came through is the caller's, or trusted by the configuration; absent where there is none", page: pages::RECORD }
        asn: Int = "asn" { optional: true, can_be_unread: true, means: "Number of the AS that announces the address the call came from; absent for services and private addresses, unread where the table of networks does not list it" }
        cloud: Bool = "cloud" { optional: true, can_be_unread: true, means: "That AS is a large cloud provider's, AWS included (data/cloud-asns.toml)" }
        outside: Bool = "outside" { can_be_unread: true, means: "From a public address that is none of AWS's and of none of the configured networks, through no VPC endpoint, and not by or on behalf of an AWS service" }
        command_line: Bool = "command_line" { can_be_unread: true, means: "The user agent is a command line's (data/cli-user-agents.toml); anyone can forge it" }
    }
}

declare_activity! {
    /// An invocation whose fields are read when asked.
    LazyInvocation from
    /// What an invocation's fields are read from.
    InvocationSource;
    /// One invocation of a function.
    Invocation, INVOCATION = "invocation" {
        means: "An invocation of a function that a trail's data events recorded",
        origins: &[Activity],
        events: &["lambda:Invoke", "lambda:InvokeExecution", "lambda:InvokeFunctionUrl", "lambda:InvokeWebFunctionEndpoint"],
        subject: Text = "subject" { means: "ARN of the function (its name where the ARN is not known)" }
        event_name: Text = "event_name" { values: &["Invoke", "InvokeExecution", "InvokeFunctionUrl", "InvokeWebFunctionEndpoint"], means: "Name of the data event", page: pages::LAMBDA_TRAIL }
        succeeded: Bool = "succeeded" { means: "The record has no error code", page: pages::RECORD }
        error_code: Text = "error_code" { optional: true, means: "Why it was refused or failed", page: pages::RECORD }
        account: Text = "account" { can_be_unread: true, means: "Account whose trail recorded it" }
        region: Text = "region" { can_be_unread: true, means: "Region of the function" }
        function_account: Text = "function_account" { can_be_unread: true, means: "Account that owns the function: of the record's resource, else of the ARN in functionName", page: pages::LAMBDA_TRAIL }
        qualifier: Text = "qualifier" { optional: true, can_be_unread: true, means: "Version or alias that was called", page: pages::INVOKE_API }
        dry_run: Bool = "dry_run" { can_be_unread: true, means: "invocationType is DryRun: permissions were checked, nothing ran", page: pages::INVOKE_API }
        principal: Text = "principal" { can_be_unread: true, means: "ARN of the role or user, without the session; account and principal id where a record has no ARN", page: pages::IDENTITY }
        caller_account: Text = "caller_account" { optional: true, can_be_unread: true, means: "Account of the caller; absent for services and anonymous callers", page: pages::IDENTITY }
        cross_account: Bool = "cross_account" { can_be_unread: true, means: "The caller's account is not the function's; false for services and anonymous callers" }
        foreign_account: Text = "foreign_account" { optional: true, can_be_unread: true, means: "The other side: the caller's account, or the function's where the trail is the caller's" }
        trusted: Bool = "trusted" { can_be_unread: true, means: "The foreign account is trusted by the configuration; true where there is none" }
        direct: Bool = "direct" { can_be_unread: true, means: "Not made by or on behalf of an AWS service", page: pages::IDENTITY }
        on_behalf_of: Text = "on_behalf_of" { optional: true, can_be_unread: true, means: "The AWS service that made it", page: pages::IDENTITY }
        anonymous: Bool = "anonymous" { can_be_unread: true, means: "Nobody signed it: a call through a URL without authentication", page: pages::URL_AUTH }
        lambda_session: Bool = "lambda_session" { can_be_unread: true, means: "Made with the credentials of a Lambda function: by the record, by that of their issue, or by the role that Lambda may assume and the name of a function (docs/sessions.md)", page: pages::IDENTITY }
        access_key: Text = "access_key" { optional: true, can_be_unread: true, means: "Identifier (not the secret) of the access key", page: pages::IDENTITY }
        source_ip: Text = "source_ip" { optional: true, can_be_unread: true, means: "Address the call came from, or the name of a service", page: pages::RECORD }
        user_agent: Text = "user_agent" { optional: true, can_be_unread: true, means: "What the caller said it is; anyone can forge it", page: pages::RECORD }
        vpc_endpoint_trusted: Bool = "vpc_endpoint_trusted" { optional: true, can_be_unread: true, means: "The account of the VPC endpoint the call came through is the caller's, or trusted by the configuration; absent where there is none", page: pages::RECORD }
        asn: Int = "asn" { optional: true, can_be_unread: true, means: "Number of the AS that announces the address the call came from; absent for services and private addresses, unread where the table of networks does not list it" }
        cloud: Bool = "cloud" { optional: true, can_be_unread: true, means: "That AS is a large cloud provider's, AWS included (data/cloud-asns.toml)" }
        outside: Bool = "outside" { can_be_unread: true, means: "From a public address that is none of AWS's and of none of the configured networks, through no VPC endpoint, and not by or on behalf of an AWS service" }
        command_line: Bool = "command_line" { can_be_unread: true, means: "The user agent is a command line's (data/cli-user-agents.toml); anyone can forge it" }
    }
}
