//! Kinds that a snapshot or a configuration change makes: what is.

use super::pages;
use super::schema::Origin::{Change, State};
use super::schema::declare_kind;

/// Who a grant admits, widest first; `exposure` gives the meaning of each.
pub const EXPOSURES: &[&str] = &[
    "public",
    "cross_account",
    "network",
    "service_unrestricted",
    "organization",
    "service_restricted",
    "same_account",
    "none",
];

/// May it? `conditional`: only where conditions hold, or do not.
const MAY: &[&str] = &["yes", "conditional", "no"];
/// What service control policies say of an account. They only take away.
const CONTROL_POLICIES: &[&str] = &["applied", "none", "not_read"];
const DETAILS: &[&str] = &["iam:GetAccountAuthorizationDetails"];
const GUARDRAILS: &[&str] = &[
    "access-analyzer:ListAnalyzers",
    "cloudtrail:DescribeTrails",
    "cloudtrail:GetEventSelectors",
    "cloudtrail:GetTrailStatus",
    "cloudwatch:DescribeAlarms",
    "events:ListRules",
    "events:ListTargetsByRule",
    "guardduty:GetDetector",
    "guardduty:ListDetectors",
    "logs:DescribeMetricFilters",
    "organizations:DescribePolicy",
    "organizations:ListParents",
    "organizations:ListPoliciesForTarget",
    "securityhub:DescribeStandardsControls",
    "securityhub:GetEnabledStandards",
];
const GET_POLICY: &[&str] = &["lambda:GetPolicy", "lambda:GetLayerVersionPolicy"];

const LIST: &[&str] = &["lambda:ListFunctions"];

declare_kind! {
    /// A statement of a resource policy, as far as it concerns one class of actions.
    Grant, GRANT = "grant" {
        means: "A statement of the resource policy of a function, version, alias or layer version: one fact for the \
                invoking actions it allows, another for whatever else it allows",
        origins: &[State, Change],
        events: &["lambda:AddLayerVersionPermission", "lambda:AddPermission", "lambda:PutResourcePolicy"],
        subject: Text = "subject" { means: "ARN of the function, version, alias or layer version (its name where the ARN is not known)" }
        resource_type: Text = "resource_type" { values: &["function", "layer"], means: "What the policy is attached to" }
        qualifier: Text = "qualifier" { optional: true, means: "Version, alias or layer version number the policy belongs to", page: pages::RESOURCE_POLICY }
        account: Text = "account" { can_be_unread: true, means: "Account that owns the resource" }
        region: Text = "region" { can_be_unread: true, means: "Region of the resource" }
        statement_id: Text = "statement_id" { optional: true, can_be_unread: true, means: "The statement's Sid" }
        effect: Text = "effect" { values: &["allow", "deny"], can_be_unread: true, means: "The statement's Effect" }
        principal: Text = "principal" { can_be_unread: true, means: "The statement's principals in normal form" }
        actions: List = "actions" { can_be_unread: true, permissions: GET_POLICY, means: "The actions of this class as written" }
        allows_invoke: Bool = "allows_invoke" { can_be_unread: true, permissions: GET_POLICY, means: "It allows an invoking action (InvokeFunction, InvokeFunctionUrl, InvokeAsync; for a layer GetLayerVersion) or a wildcard that covers one", page: pages::RESOURCE_POLICY }
        allows_beyond_invoke: Bool = "allows_beyond_invoke" { can_be_unread: true, permissions: GET_POLICY, means: "It allows anything beyond the invoking actions: writes, reads of code, control", page: pages::RESOURCE_POLICY }
        exposure: Text = "exposure" { can_be_unread: true, permissions: GET_POLICY, values: EXPOSURES, means: "Who the statement admits to these actions, after the policy's Deny statements where the whole policy was read" }
        trusted: Bool = "trusted" { can_be_unread: true, permissions: GET_POLICY, means: "Everyone it admits is the owner or trusted by the configuration; unread where that depends on an organization whose members are not known" }
        reason: Text = "reason" { can_be_unread: true, means: "Why the exposure is what it is, as a sentence" }
        accounts: List = "accounts" { can_be_unread: true, means: "Accounts the statement names" }
        organizations: List = "organizations" { can_be_unread: true, means: "Organizations the statement names" }
        services: List = "services" { can_be_unread: true, means: "AWS services the statement names" }
        source_accounts: List = "source_accounts" { can_be_unread: true, means: "Accounts for which a service must act" }
        url_only: Bool = "url_only" { can_be_unread: true, means: "It only helps to open a function URL that asks for no signature: evidence of the URL's finding, not one of its own", page: pages::URL_AUTH }
        listed_principal: Bool = "listed_principal" { can_be_unread: true, means: "The principal is one that AWS itself needs for these actions, such as the replicator of Lambda@Edge (data/aws-principals.toml)" }
        deny_applied: Bool = "deny_applied" { means: "The policy's Deny statements were read with it; otherwise the exposure is an upper bound" }
    }
}

declare_kind! {
    /// A function URL.
    FunctionUrl, FUNCTION_URL = "function_url" {
        means: "The URL of a function or of one of its aliases",
        origins: &[State, Change],
        events: &["lambda:CreateFunctionUrlConfig", "lambda:UpdateFunctionUrlConfig"],
        subject: Text = "subject" { means: "ARN of the function or alias (its name where the ARN is not known)" }
        account: Text = "account" { can_be_unread: true, means: "Account that owns the function" }
        region: Text = "region" { can_be_unread: true, means: "Region of the function" }
        qualifier: Text = "qualifier" { optional: true, means: "The alias, where the URL is an alias's" }
        url: Text = "url" { optional: true, can_be_unread: true, means: "The URL's address" }
        auth_type: Text = "auth_type" { values: &["NONE", "AWS_IAM"], can_be_unread: true, permissions: &["lambda:ListFunctionUrlConfigs"], means: "NONE: the URL asks for no signature", page: pages::URL_API }
        admits_public: Text = "admits_public" { values: &["both", "older_only", "neither"], can_be_unread: true, origins: &[State], permissions: GET_POLICY, means: "What the resource policy admits everyone to through the URL: both InvokeFunctionUrl and InvokeFunction, only the older InvokeFunctionUrl (whether that still suffices is not documented), or neither", page: pages::URL_AUTH }
        allow_origins: List = "allow_origins" { can_be_unread: true, permissions: &["lambda:ListFunctionUrlConfigs"], means: "Origins that cross-origin requests may come from; empty without CORS", page: pages::CORS_API }
        allow_credentials: Bool = "allow_credentials" { can_be_unread: true, permissions: &["lambda:ListFunctionUrlConfigs"], means: "Cross-origin requests may carry credentials", page: pages::CORS_API }
    }
}

declare_kind! {
    /// One layer of one function.
    LayerUse, LAYER_USE = "layer_use" {
        means: "A layer version that a function uses",
        origins: &[State, Change],
        events: &["lambda:CreateFunction", "lambda:UpdateFunctionConfiguration"],
        subject: Text = "subject" { means: "ARN of the function (its name where the ARN is not known)" }
        account: Text = "account" { can_be_unread: true, means: "Account that owns the function" }
        region: Text = "region" { can_be_unread: true, means: "Region of the function" }
        layer: Text = "layer" { can_be_unread: true, permissions: &["lambda:ListFunctions"], means: "ARN of the layer version", page: pages::LAYERS }
        layer_account: Text = "layer_account" { can_be_unread: true, permissions: &["lambda:ListFunctions"], means: "Account that owns the layer" }
        trusted: Bool = "trusted" { can_be_unread: true, permissions: &["lambda:ListFunctions"], means: "The layer's account is the function's own or trusted by the configuration" }
        aws_owned: Bool = "aws_owned" { can_be_unread: true, permissions: &["lambda:ListFunctions"], means: "The layer's account is one that AWS publishes layers from (data/aws-layer-accounts.toml)" }
        existing_function: Bool = "existing_function" { origins: &[Change], means: "The function existed before (the record is not its creation)" }
        attached: Bool = "attached" { can_be_unread: true, origins: &[Change], means: "The record names the layer among those the function has from then on; unread where its parameters are hidden" }
        before: Text = "before" { values: &["present", "absent", "not_known"], origins: &[Change], means: "Whether the function used the layer before the change: from earlier records, or an older snapshot" }
    }
}

declare_kind! {
    /// An event source mapping.
    EventSource, EVENT_SOURCE = "event_source" {
        means: "An event source mapping: a stream or queue that Lambda reads and calls a function with",
        origins: &[State, Change],
        events: &["lambda:CreateEventSourceMapping", "lambda:UpdateEventSourceMapping"],
        subject: Text = "subject" { means: "ARN or UUID of the mapping, or the function where neither is known" }
        account: Text = "account" { can_be_unread: true, means: "Account that owns the mapping" }
        region: Text = "region" { can_be_unread: true, means: "Region of the mapping" }
        function: Text = "function" { can_be_unread: true, means: "ARN or name of the function it calls", page: pages::MAPPING_API }
        source: Text = "source" { optional: true, can_be_unread: true, permissions: &["lambda:ListEventSourceMappings"], means: "ARN of the stream, queue, table or cluster; absent for a self-managed broker", page: pages::MAPPING_API }
        source_account: Text = "source_account" { optional: true, can_be_unread: true, permissions: &["lambda:ListEventSourceMappings"], means: "Account of the source" }
        self_managed: Bool = "self_managed" { can_be_unread: true, permissions: &["lambda:ListEventSourceMappings"], means: "The source is a broker outside AWS's managed services", page: pages::MAPPING_API }
        trusted: Bool = "trusted" { can_be_unread: true, permissions: &["lambda:ListEventSourceMappings"], means: "The source's account is the mapping's own or trusted by the configuration; false for a self-managed broker" }
        enabled: Bool = "enabled" { can_be_unread: true, means: "The mapping is enabled, or being enabled or created", page: pages::MAPPING_API }
        action: Text = "action" { values: &["created", "updated"], origins: &[Change], means: "What the record did" }
        sets_function: Bool = "sets_function" { origins: &[Change], can_be_unread: true, means: "The record names the function to call: a creation, or an update that may redirect" }
    }
}

declare_kind! {
    /// A function's configuration.
    Function, FUNCTION = "function" {
        means: "A function's configuration",
        origins: &[State, Change],
        events: &["lambda:CreateFunction", "lambda:PutFunctionEventInvokeConfig", "lambda:UpdateFunctionConfiguration", "lambda:UpdateFunctionEventInvokeConfig"],
        subject: Text = "subject" { means: "ARN of the function (its name where the ARN is not known)" }
        name: Text = "name" { can_be_unread: true, means: "Name of the function" }
        account: Text = "account" { can_be_unread: true, means: "Account that owns the function" }
        region: Text = "region" { can_be_unread: true, means: "Region of the function" }
        runtime: Text = "runtime" { optional: true, can_be_unread: true, permissions: &["lambda:ListFunctions"], means: "Identifier of the runtime; absent for images", page: pages::FUNCTION_API }
        role: Text = "role" { can_be_unread: true, permissions: &["lambda:ListFunctions"], means: "ARN of the execution role", page: pages::FUNCTION_API }
        package_type: Text = "package_type" { values: &["Zip", "Image"], can_be_unread: true, origins: &[State], permissions: LIST, means: "How its code is deployed", page: pages::FUNCTION_API }
        runtime_support: Text = "runtime_support" { values: &["supported", "deprecated"], optional: true, can_be_unread: true, origins: &[State], permissions: LIST, means: "Whether AWS had deprecated the runtime by the time of the snapshot (data/lambda-runtimes.toml); absent for images, unread for a runtime that is not listed", page: pages::RUNTIMES }
        vpc: Text = "vpc" { optional: true, can_be_unread: true, origins: &[State], permissions: LIST, means: "Id of the VPC that it is attached to; absent where it is attached to none", page: pages::VPC }
        zones: List = "zones" { can_be_unread: true, origins: &[State], permissions: &["lambda:ListFunctions", "ec2:DescribeSubnets"], means: "Availability zones of its subnets, each once; empty outside of a VPC", page: pages::VPC }
        tags: List = "tags" { can_be_unread: true, origins: &[State], permissions: &["lambda:ListTags"], means: "Keys of its tags", page: pages::TAGS }
        tracing: Text = "tracing" { values: &["Active", "PassThrough"], can_be_unread: true, origins: &[State], permissions: LIST, means: "Active: it samples requests and traces them; PassThrough: only where its caller does", page: pages::TRACING }
        failure_targets: List = "failure_targets" { can_be_unread: true, origins: &[State], permissions: &["lambda:ListFunctions", "lambda:ListFunctionEventInvokeConfigs"], means: "Where asynchronous events go that could not be processed: its dead-letter target and on-failure destinations", page: pages::DESTINATIONS }
        kms_key: Text = "kms_key" { optional: true, can_be_unread: true, origins: &[State], permissions: LIST, means: "ARN of the customer managed key that its environment variables are encrypted with; absent: a key of AWS's", page: pages::ENVIRONMENT }
        environment: List = "environment" { can_be_unread: true, origins: &[State], permissions: LIST, means: "Names of its environment variables, never their values; unread where AWS could not decrypt them for the caller (kms:Decrypt)", page: pages::ENVIRONMENT }
        environment_secrets: List = "environment_secrets" { can_be_unread: true, origins: &[State], permissions: LIST, means: "Of the variables whose value looks like a credential: name, colon, space, id of the rule of gitleaks that says so", page: pages::ENVIRONMENT }
        code_signing: Text = "code_signing" { optional: true, can_be_unread: true, origins: &[State], permissions: &["lambda:GetFunctionCodeSigningConfig"], means: "ARN of its code signing configuration; absent where it has none; not asked for images", page: pages::CODE_SIGNING }
        reserved_concurrency: Int = "reserved_concurrency" { optional: true, can_be_unread: true, origins: &[State], permissions: &["lambda:GetFunctionConcurrency"], unit: "executions", means: "How many may run at one time, reserved for it; absent where none are reserved", page: pages::CONCURRENCY }
        action: Text = "action" { values: &["created", "updated", "invoke_config"], origins: &[Change], means: "What the record set: the new function, its configuration, or the destinations of asynchronous calls" }
        sets_role: Bool = "sets_role" { origins: &[Change], means: "The record sets the role, or may: its parameters name one or are not there" }
        previous_role: Text = "previous_role" { can_be_unread: true, origins: &[Change], means: "ARN of the role before an update that sets it: from earlier records, or an older snapshot" }
        destinations: List = "destinations" { can_be_unread: true, permissions: &["lambda:ListFunctions", "lambda:ListFunctionEventInvokeConfigs"], means: "Targets of on-success, on-failure and dead-letter delivery, of the function and its qualifiers", page: pages::DESTINATIONS }
        untrusted_destinations: List = "untrusted_destinations" { can_be_unread: true, permissions: &["lambda:ListFunctions", "lambda:ListFunctionEventInvokeConfigs"], means: "Those of the destinations that are in an untrusted account; incomplete where a target's ARN names no account (buckets) or a list was not read", page: pages::DESTINATIONS }
    }
}

declare_kind! {
    /// A change of code signing.
    CodeSigningChange, CODE_SIGNING_CHANGE = "code_signing_change" {
        means: "A change of which code Lambda takes: a function's code signing configuration, or what such a configuration demands",
        origins: &[Change],
        events: &["lambda:DeleteFunctionCodeSigningConfig", "lambda:PutFunctionCodeSigningConfig", "lambda:UpdateCodeSigningConfig"],
        subject: Text = "subject" { means: "ARN of the function or of the code signing configuration (its name where the ARN is not known)" }
        account: Text = "account" { can_be_unread: true, means: "Account that owns it" }
        region: Text = "region" { can_be_unread: true, means: "Region of the call" }
        action: Text = "action" { means: "Name of the call" }
        weakened: Bool = "weakened" { can_be_unread: true, means: "Code is taken after it that was refused before. Certain of a configuration that was taken off, and of one that only warns now; unread where the record does not say what stood before: another configuration, or other signing profiles", page: pages::CODE_SIGNING }
        how: Text = "how" { means: "What the record sets, in words" }
    }
}

declare_kind! {
    /// What records a function's invocations.
    InvokeLogging, INVOKE_LOGGING = "invoke_logging" {
        means: "Whether a trail or event data store records the Invoke data events of a function",
        origins: &[State],
        events: &[],
        subject: Text = "subject" { means: "ARN of the function" }
        account: Text = "account" { means: "Account that owns the function" }
        region: Text = "region" { means: "Region of the function" }
        configured: Text = "configured" { values: &["yes", "partial", "no"], can_be_unread: true, permissions: &["cloudtrail:DescribeTrails", "cloudtrail:GetEventSelectors", "cloudtrail:GetTrailStatus", "cloudtrail:ListEventDataStores", "cloudtrail:GetEventDataStore"], means: "yes: some active trail or event data store records every invocation; partial: only some; no: none does", page: pages::DATA_EVENTS }
        delivery_failing: Bool = "delivery_failing" { can_be_unread: true, permissions: &["cloudtrail:GetTrailStatus"], means: "A trail or event data store would record the invocations, and every one that would is stopped or reports a delivery error", page: pages::TRAIL_STATUS }
        reason: Text = "reason" { can_be_unread: true, means: "The selector that proves it, or what excludes the function" }
        proof: Text = "proof" { optional: true, can_be_unread: true, means: "ARN of the trail or event data store, and the selector in it" }
        excluded: List = "excluded" { can_be_unread: true, means: "The cases that exclude or narrow: stopped, delivery_failing, other_region, read_only, other_arn, other_event, other_principal, no_data_events, replaced", page: pages::DATA_EVENTS }
    }
}

declare_kind! {
    /// Whether what CloudWatch counts arrived.
    InvokeDelivery, INVOKE_DELIVERY = "invoke_delivery" {
        means: "Whether the invocations that CloudWatch counts of a function arrived as records; made only where a snapshot with these counts (--metrics) is judged beside trail files",
        origins: &[State],
        events: &[],
        subject: Text = "subject" { means: "ARN of the function" }
        account: Text = "account" { means: "Account that owns the function" }
        region: Text = "region" { means: "Region of the function" }
        configured: Text = "configured" { values: &["yes", "partial", "no"], can_be_unread: true, permissions: &["cloudtrail:DescribeTrails", "cloudtrail:GetEventSelectors", "cloudtrail:GetTrailStatus"], means: "yes: active trails record every invocation; event data stores do not count, since they write no files", page: pages::DATA_EVENTS }
        undelivered: Bool = "undelivered" { can_be_unread: true, permissions: &["cloudwatch:GetMetricData"], means: "In an hour of which the records were read, CloudWatch counts invocations, and no record of one arrived, from six hours before it (events wait as long) to a quarter of an hour after", page: pages::METRICS }
        hours: Int = "hours" { can_be_unread: true, permissions: &["cloudwatch:GetMetricData"], means: "How many such hours there are" }
        reason: Text = "reason" { can_be_unread: true, means: "What was compared, as a sentence" }
    }
}

declare_kind! {
    /// A change of what records invocations.
    LoggingChange, LOGGING_CHANGE = "logging_change" {
        means: "A change of a trail or event data store that may end the recording of Lambda data events",
        origins: &[Change],
        events: &["cloudtrail:DeleteEventDataStore", "cloudtrail:DeleteTrail", "cloudtrail:PutEventSelectors", "cloudtrail:StopEventDataStoreIngestion", "cloudtrail:StopLogging", "cloudtrail:UpdateEventDataStore", "cloudtrail:UpdateTrail"],
        subject: Text = "subject" { means: "ARN of the trail or event data store (its name where the ARN is not known)" }
        recorder: Text = "recorder" { values: &["trail", "event_data_store"], means: "What was changed" }
        account: Text = "account" { can_be_unread: true, means: "Account that owns it" }
        region: Text = "region" { can_be_unread: true, means: "Region of the call" }
        action: Text = "action" { means: "Name of the call: StopLogging" }
        weakened: Bool = "weakened" { can_be_unread: true, means: "It recorded Lambda data events before, by its selectors, that it does not record after; unread where neither earlier records nor an older snapshot say what it recorded", page: pages::DATA_EVENTS }
        lost: Text = "lost" { optional: true, can_be_unread: true, means: "What is not recorded any more, in words" }
        recording_before: Text = "recording_before" { values: &["yes", "no", "not_known"], means: "Whether it was started before; where that is not known, it is taken to have been", page: pages::TRAIL_STATUS }
    }
}

declare_kind! {
    /// A trail.
    Trail, TRAIL = "trail" {
        means: "A CloudTrail trail",
        origins: &[State],
        events: &[],
        subject: Text = "subject" { means: "ARN of the trail" }
        account: Text = "account" { can_be_unread: true, means: "Account that owns the trail" }
        region: Text = "region" { can_be_unread: true, means: "Home region of the trail" }
        organization: Bool = "organization" { can_be_unread: true, means: "It records all accounts of an organization", page: pages::TRAIL_API }
        multi_region: Bool = "multi_region" { can_be_unread: true, means: "It records all regions", page: pages::TRAIL_API }
        logging: Bool = "logging" { can_be_unread: true, permissions: &["cloudtrail:GetTrailStatus"], means: "It is recording", page: pages::TRAIL_STATUS }
        validation: Bool = "validation" { can_be_unread: true, permissions: &["cloudtrail:DescribeTrails"], means: "Log file validation is on", page: pages::VALIDATION }
        covers_lambda: Bool = "covers_lambda" { can_be_unread: true, permissions: &["cloudtrail:GetEventSelectors"], means: "One of its selectors records Lambda data events, of however few functions", page: pages::DATA_EVENTS }
    }
}

declare_kind! {
    /// A file of a trail, as the digest chain has it.
    TrailFile, TRAIL_FILE = "trail_file" {
        means: "A log file or digest of a trail that was read or should be there, with what the digests prove of it; made only when digests are checked (--verify-digests)",
        origins: &[State],
        events: &[],
        subject: Text = "subject" { means: "S3 key of the file as the digest has it, else its path" }
        role: Text = "role" { values: &["log", "digest"], means: "A file with records, or a digest of such files", page: pages::DIGEST_FILES }
        account: Text = "account" { can_be_unread: true, means: "Account whose records it holds" }
        region: Text = "region" { can_be_unread: true, means: "Region of the records" }
        integrity: Text = "integrity" { values: &["intact", "missing", "altered", "unsigned", "unlisted"], can_be_unread: true, means: "intact: proven to be as delivered; missing: a digest names it, and it is not there; altered: its hash, signature or name is another one; unsigned: a digest without a signature in its metadata; unlisted: no digest of the time of its delivery lists it. Unread where a signature or key is not there to prove it", page: pages::DIGEST_CHECK }
        reason: Text = "reason" { means: "What shows it, as a sentence" }
    }
}

declare_kind! {
    /// An execution role.
    Role, ROLE = "role" {
        means: "An IAM role that functions run under",
        origins: &[State],
        events: &[],
        subject: Text = "subject" { means: "ARN of the role" }
        name: Text = "name" { means: "Name of the role" }
        account: Text = "account" { means: "Account of the role" }
        functions: List = "functions" { permissions: &["lambda:ListFunctions"], can_be_unread: true, means: "ARNs of the functions that run under it" }
        stacks: List = "stacks" { permissions: &["lambda:ListTags"], can_be_unread: true, means: "Names of the CloudFormation stacks that these functions are of; functions of none are not counted", page: pages::TAGS }
        admin: Text = "admin" { values: MAY, can_be_unread: true, permissions: DETAILS, means: "Its policies allow anything on anything, and calls of data/iam-write-actions.toml among it; unread where one of them was not read", page: pages::EVALUATION }
        admin_granted_by: List = "admin_granted_by" { can_be_unread: true, permissions: DETAILS, means: "The statements that allow it, each with its policy" }
        iam_write: Text = "iam_write" { values: MAY, can_be_unread: true, permissions: DETAILS, means: "Its policies allow a call of data/iam-write-actions.toml, on any resource; unread where one of them was not read", page: pages::EVALUATION }
        iam_actions: List = "iam_actions" { can_be_unread: true, permissions: DETAILS, means: "Those of the calls that they allow" }
        iam_granted_by: List = "iam_granted_by" { can_be_unread: true, permissions: DETAILS, means: "The statements that allow them, each with its policy" }
        control_policies: Text = "control_policies" { values: CONTROL_POLICIES, can_be_unread: true, means: "Whether the organization's service control policies were applied; none can apply to an account without an organization or to a management account; not_read: they may still deny what is said to be allowed", page: pages::CONTROL_POLICIES }
        lambda_may_assume: Bool = "lambda_may_assume" { can_be_unread: true, permissions: &["iam:GetRole"], means: "Its trust policy lets Lambda assume it", page: pages::TRUST_POLICY }
    }
}

declare_kind! {
    /// A user or role.
    Principal, PRINCIPAL = "principal" {
        means: "An IAM user or role and what its policies let it do with every function: its own policies and its groups', as far as its permissions boundary and the service control policies that were read allow it too, less what any of them denies",
        origins: &[State],
        events: &[],
        subject: Text = "subject" { can_be_unread: true, means: "ARN of the user or role" }
        name: Text = "name" { can_be_unread: true, means: "Its name" }
        account: Text = "account" { means: "Its account" }
        kind: Text = "kind" { values: &["user", "role"], can_be_unread: true, means: "What it is" }
        service_linked: Bool = "service_linked" { can_be_unread: true, permissions: DETAILS, means: "A role that an AWS service made for itself: what it may do is AWS's to decide", page: pages::SERVICE_LINKED }
        admin: Text = "admin" { values: MAY, can_be_unread: true, permissions: DETAILS, means: "It may do anything on anything, and calls of data/iam-write-actions.toml among it: an administrator, whatever its name; unread where a policy was not read", page: pages::EVALUATION }
        invokes_all: Text = "invokes_all" { values: MAY, can_be_unread: true, permissions: DETAILS, means: "It may call lambda:InvokeFunction on a function that no policy mentions", page: pages::EVALUATION }
        invoke_granted_by: List = "invoke_granted_by" { can_be_unread: true, permissions: DETAILS, means: "The statements that allow it, each with its policy" }
        controls_all: Text = "controls_all" { values: MAY, can_be_unread: true, permissions: DETAILS, means: "It may call one of AddPermission, PutResourcePolicy, CreateFunctionUrlConfig, CreateEventSourceMapping and UpdateFunctionCode on a function that no policy mentions", page: pages::EVALUATION }
        control_actions: List = "control_actions" { can_be_unread: true, permissions: DETAILS, means: "Those of the calls that it may make" }
        control_granted_by: List = "control_granted_by" { can_be_unread: true, permissions: DETAILS, means: "The statements that allow them, each with its policy" }
        control_policies: Text = "control_policies" { values: CONTROL_POLICIES, can_be_unread: true, means: "Whether the organization's service control policies were applied; none can apply to an account without an organization or to a management account; not_read: they may still deny what is said to be allowed", page: pages::CONTROL_POLICIES }
    }
}

declare_kind! {
    /// A guardrail of an account and region.
    Guardrail, GUARDRAIL = "guardrail" {
        means: "A service or setting that protects an account and region, or tells of changes",
        origins: &[State],
        events: &[],
        subject: Text = "subject" { means: "The guardrail, account and region" }
        name: Text = "name" { values: &["guardduty_lambda", "security_hub_lambda", "access_analyzer_external", "access_analyzer_unused", "lambda_alerts", "control_policy_exposure"], means: "guardduty_lambda: GuardDuty's Lambda Protection; security_hub_lambda: Security Hub's controls of Lambda functions; access_analyzer_external: an active analyzer of external access; access_analyzer_unused: one of unused access, in any region; lambda_alerts: a rule with a target, or a metric filter on a trail's log group with an alarm, that tells of calls that open functions, or of invocations, out of what a trail records; control_policy_exposure: a service control policy that denies public grants or open function URLs" }
        account: Text = "account" { means: "Account" }
        region: Text = "region" { optional: true, means: "Region; absent for one that holds everywhere" }
        has_functions: Bool = "has_functions" { optional: true, can_be_unread: true, permissions: &["lambda:ListFunctions"], means: "The region (the account, where it holds everywhere) has Lambda functions; absent for service control policies" }
        enabled: Bool = "enabled" { can_be_unread: true, permissions: GUARDRAILS, means: "It is on", page: pages::GUARDDUTY_LAMBDA }
        missing: List = "missing" { can_be_unread: true, permissions: &["securityhub:GetEnabledStandards", "securityhub:DescribeStandardsControls"], means: "Of Security Hub: controls of data/security-hub-controls.toml that are on in no standard", page: pages::SECURITY_HUB_LAMBDA }
        reason: Text = "reason" { means: "What shows it, as a sentence" }
    }
}
