//! What became of one request: an answer, a reason to try again, or an outcome for the ledger.
//!
//! AWS's messages are kept for refusals only, one line and not long: other errors can quote the request, and a
//! signature error quotes the session token.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::snapshot::Outcome;
use crate::snapshot::api::*;

/// The longest message that is kept, in characters.
const MESSAGE: usize = 400;

/// Why a request has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The service answered with an error.
    Service { status: u16, code: String, message: Option<String> },
    /// No connection, no answer in time, or it broke off.
    Network(&'static str),
    /// An answer that does not parse.
    Malformed(String),
    /// The request could not be built: what was asked about is no name that AWS would accept.
    NotAsked(String),
}

impl Trouble {
    pub(super) fn of<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Self {
        let status = error.raw_response().map_or(0, |raw| raw.status().as_u16());
        match error {
            SdkError::ConstructionFailure(_) => {
                Trouble::NotAsked("the request could not be built".to_owned())
            }
            SdkError::TimeoutError(_) => Trouble::Network("no answer in time"),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => {
                Trouble::Network("no answer in time")
            }
            SdkError::DispatchFailure(_) => Trouble::Network("the connection failed"),
            // What does not parse is a response error, or an error of the service that came with success.
            SdkError::ResponseError(_) | SdkError::ServiceError(_) if status < 400 => {
                Trouble::Malformed("the answer broke off or does not parse".to_owned())
            }
            other => Trouble::Service {
                status,
                code: other.code().unwrap_or_default().to_owned(),
                message: other.message().map(str::to_owned),
            },
        }
    }
}

/// What follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// Wait for the quota, and ask again.
    Throttled,
    /// Ask again after a moment.
    Again(Outcome),
    /// AWS says that the policy does not exist: an answer.
    NoPolicy,
    /// The credentials have expired: nothing more can be asked with them.
    Expired,
    Ends(Outcome),
}

/// Lambda throttles as `TooManyRequestsException` with 429, CloudTrail as `ThrottlingException` with 400, IAM and STS
/// as `Throttling`. <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/CommonErrors.html>
const THROTTLES: [&str; 8] = [
    "TooManyRequestsException",
    "ThrottlingException",
    "Throttling",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestLimitExceeded",
    "SlowDown",
];
const EXPIRED: [&str; 4] =
    ["ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"];
/// A key or signature that is not accepted: 403, but no permission that somebody could give.
const NOT_ACCEPTED: [&str; 6] = [
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "IncompleteSignature",
    "MissingAuthenticationToken",
];
/// The account has not got the service: nothing of it is there.
const NOT_SUBSCRIBED: [&str; 2] = ["OptInRequired", "SubscriptionRequiredException"];

/// What follows from a request for `api` without an answer.
pub(super) fn next(api: &str, trouble: &Trouble) -> Next {
    let (status, code, message) = match trouble {
        Trouble::Network(what) => {
            return Next::Again(Outcome::Failed { message: Some((*what).to_owned()) });
        }
        Trouble::Malformed(what) => {
            return Next::Again(Outcome::Malformed { message: Some(what.clone()) });
        }
        Trouble::NotAsked(what) => return Next::Ends(Outcome::Failed { message: Some(what.clone()) }),
        Trouble::Service { status, code, message } => (*status, code.as_str(), message.as_deref()),
    };
    let failed = || Outcome::Failed { message: Some(described(status, code)) };
    if THROTTLES.contains(&code) || status == 429 {
        Next::Throttled
    } else if EXPIRED.contains(&code) {
        Next::Expired
    } else if status >= 500 || code.is_empty() {
        // An error that does not say which it is broke off on the way, or is a proxy's.
        Next::Again(failed())
    } else if NOT_SUBSCRIBED.contains(&code) || is_disabled(api, code) {
        Next::Ends(Outcome::Disabled { message: message.map(shortened) })
    } else if has_policy(api) && code == "ResourceNotFoundException" {
        Next::NoPolicy
    } else if NOT_ACCEPTED.contains(&code) {
        Next::Ends(failed())
    } else if status == 403 || code.starts_with("AccessDenied") {
        let permission = message.and_then(named_permission).unwrap_or(api).to_owned();
        Next::Ends(Outcome::Denied { permission, message: message.map(shortened) })
    } else {
        Next::Ends(failed())
    }
}

/// Answers that mean "not in use here" of the one API that gives them. Anywhere else they are failures: taken for
/// "nothing is there" they would become a pass.
fn is_disabled(api: &str, code: &str) -> bool {
    match api {
        DESCRIBE_ORGANIZATION | LIST_ACCOUNTS => code == "AWSOrganizationsNotInUseException",
        LIST_EVENT_DATA_STORES => code == "UnsupportedOperationException",
        // The account, or the region, is not subscribed to Security Hub.
        GET_ENABLED_STANDARDS => code == "InvalidAccessException",
        // A newer call, which a region may not have yet.
        GET_RESOURCE_POLICY => code == "UnknownOperationException",
        _ => false,
    }
}

fn has_policy(api: &str) -> bool {
    matches!(api, GET_POLICY | GET_RESOURCE_POLICY | GET_LAYER_VERSION_POLICY)
}

fn described(status: u16, code: &str) -> String {
    match (status, code) {
        (0, "") => "an error without a name".to_owned(),
        (0, code) => shortened(code),
        (status, "") => format!("HTTP {status}"),
        (status, code) => shortened(&format!("{code} (HTTP {status})")),
    }
}

/// The first line, not too long.
fn shortened(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(MESSAGE).collect()
}

/// The action that the refusal itself names: `… is not authorized to perform: lambda:GetPolicy on resource: …`.
fn named_permission(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("not authorized to perform: ")?;
    let action = rest.split(|c: char| c.is_whitespace() || c == ',').next()?;
    let (service, name) = action.split_once(':')?;
    let plain = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    (plain(service) && plain(name) && action.len() < 100).then_some(action)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(status: u16, code: &str, message: &str) -> Trouble {
        Trouble::Service { status, code: code.to_owned(), message: Some(message.to_owned()) }
    }

    #[test]
    fn both_forms_of_a_throttle() {
        let lambda = service(429, "TooManyRequestsException", "Rate exceeded");
        let trail = service(400, "ThrottlingException", "Rate exceeded");
        assert_eq!(next(GET_POLICY, &lambda), Next::Throttled);
        assert_eq!(next(DESCRIBE_TRAILS, &trail), Next::Throttled);
    }

    #[test]
    fn a_refusal_names_the_permission_that_the_message_names() {
        let message = "User: arn:aws:sts::111122223333:assumed-role/reader/x is not authorized to perform: \
                       lambda:ListFunctions because no identity-based policy allows it\nmore";
        let Next::Ends(Outcome::Denied { permission, message }) =
            next(GET_POLICY, &service(403, "AccessDeniedException", message))
        else {
            panic!("not denied");
        };
        assert_eq!(permission, "lambda:ListFunctions");
        assert!(message.is_some_and(|message| !message.contains("more")));
        let odd = service(400, "AccessDeniedException", "not authorized to perform: \u{1b}[2J:x");
        assert!(
            matches!(next(GET_ROLE, &odd), Next::Ends(Outcome::Denied { permission, .. }) if permission == GET_ROLE)
        );
    }

    /// "There is none" is an answer only to a question about a policy.
    #[test]
    fn not_found_is_no_policy_and_nothing_else() {
        let missing = service(404, "ResourceNotFoundException", "none");
        assert_eq!(next(GET_POLICY, &missing), Next::NoPolicy);
        assert!(matches!(next(LIST_ALIASES, &missing), Next::Ends(Outcome::Failed { .. })));
        let nameless = service(404, "", "none");
        assert!(matches!(next(GET_POLICY, &nameless), Next::Again(Outcome::Failed { .. })));
    }

    #[test]
    fn an_unknown_operation_is_not_an_empty_list() {
        let unknown = service(404, "UnknownOperationException", "");
        assert!(matches!(next(LIST_FUNCTIONS, &unknown), Next::Ends(Outcome::Failed { .. })));
        assert!(matches!(next(GET_RESOURCE_POLICY, &unknown), Next::Ends(Outcome::Disabled { .. })));
    }

    /// A signature error quotes the request with its session token.
    #[test]
    fn a_signature_error_keeps_no_message() {
        let error = service(403, "SignatureDoesNotMatch", "x-amz-security-token:SECRET");
        let Next::Ends(Outcome::Failed { message }) = next(LIST_FUNCTIONS, &error) else {
            panic!("not failed")
        };
        assert_eq!(message.as_deref(), Some("SignatureDoesNotMatch (HTTP 403)"));
    }

    #[test]
    fn expired_credentials_end_everything() {
        assert_eq!(next(GET_ROLE, &service(403, "ExpiredToken", "")), Next::Expired);
        assert_eq!(next(LIST_FUNCTIONS, &service(403, "ExpiredTokenException", "")), Next::Expired);
        assert_eq!(next(LIST_FUNCTIONS, &service(400, "ExpiredTokenException", "")), Next::Expired);
    }
}
