//! The pages that field meanings rest on.

pub(super) const RESOURCE_POLICY: &str =
    "https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html";
pub(super) const LAYERS: &str = "https://docs.aws.amazon.com/lambda/latest/dg/chapter-layers.html";
pub(super) const URL_AUTH: &str = "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html";
pub(super) const URL_API: &str = "https://docs.aws.amazon.com/lambda/latest/api/API_FunctionUrlConfig.html";
pub(super) const CORS_API: &str = "https://docs.aws.amazon.com/lambda/latest/api/API_Cors.html";
pub(super) const MAPPING_API: &str =
    "https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html";
pub(super) const FUNCTION_API: &str =
    "https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html";
pub(super) const DESTINATIONS: &str =
    "https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html";
pub(super) const DATA_EVENTS: &str =
    "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html";
pub(super) const TRAIL_STATUS: &str =
    "https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetTrailStatus.html";
pub(super) const TRAIL_API: &str =
    "https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_Trail.html";
pub(super) const VALIDATION: &str =
    "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-intro.html";
pub(super) const DIGEST_FILES: &str = "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html";
pub(super) const DIGEST_CHECK: &str =
    "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-custom-validation.html";
pub(super) const RECORD: &str = "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html";
pub(super) const IDENTITY: &str = "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html";
pub(super) const LAMBDA_TRAIL: &str =
    "https://docs.aws.amazon.com/lambda/latest/dg/logging-using-cloudtrail.html";
pub(super) const INVOKE_API: &str = "https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html";
pub(super) const TRUST_POLICY: &str =
    "https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html";
pub(super) const RUNTIMES: &str = "https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html";
pub(super) const VPC: &str = "https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html";
pub(super) const TAGS: &str = "https://docs.aws.amazon.com/lambda/latest/dg/configuration-tags.html";
pub(super) const TRACING: &str = "https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html";
pub(super) const ENVIRONMENT: &str =
    "https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars-encryption.html";
pub(super) const CODE_SIGNING: &str =
    "https://docs.aws.amazon.com/lambda/latest/dg/configuration-codesigning.html";
pub(super) const CONCURRENCY: &str =
    "https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html";
pub(super) const EVALUATION: &str =
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html";
pub(super) const SERVICE_LINKED: &str =
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html";
pub(super) const CONTROL_POLICIES: &str =
    "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html";
pub(super) const METRICS: &str = "https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html";
pub(super) const GUARDDUTY_LAMBDA: &str =
    "https://docs.aws.amazon.com/guardduty/latest/ug/lambda-protection.html";
pub(super) const SECURITY_HUB_LAMBDA: &str =
    "https://docs.aws.amazon.com/securityhub/latest/userguide/lambda-controls.html";
