//! AWS's JSON protocol by hand: an operation in a header, JSON in and out, for services of which a few calls are needed.
//! <https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html>

use serde_json::Value;

use super::http::{Call, Reply, Signed};
use super::outcome::Trouble;

/// The largest answer: far more than the services' own limits let come.
const LARGEST: usize = 64 << 20;

/// A service with this protocol.
#[derive(Debug)]
pub(super) struct Service {
    /// In addresses and signatures.
    name: &'static str,
    /// In `AWS_ENDPOINT_URL_…`.
    variable: &'static str,
    /// Before the operation.
    target: &'static str,
    /// Of the protocol: `1.0` or `1.1`.
    version: &'static str,
}

/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CommonParameters.html>
pub(super) const CLOUDWATCH: Service = Service {
    name: "monitoring",
    variable: "CLOUDWATCH",
    target: "GraniteServiceVersion20100801",
    version: "1.0",
};

/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/CommonParameters.html>
pub(super) const LOGS: Service =
    Service { name: "logs", variable: "CLOUDWATCH_LOGS", target: "Logs_20140328", version: "1.1" };
/// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/CommonParameters.html>
pub(super) const EVENTS: Service =
    Service { name: "events", variable: "EVENTBRIDGE", target: "AWSEvents", version: "1.1" };

/// Asks once.
pub(super) async fn ask(
    signed: &Signed,
    service: &Service,
    region: &str,
    (operation, body): (&str, &Value),
) -> Result<Vec<u8>, Trouble> {
    let call = Call {
        service: service.name,
        region: region.to_owned(),
        method: "POST",
        url: signed.address(service.variable, service.name, region),
        headers: vec![
            ("content-type", format!("application/x-amz-json-{}", service.version)),
            ("x-amz-target", format!("{}.{operation}", service.target)),
        ],
        body: body.to_string().into_bytes(),
        limit: LARGEST,
    };
    answer(signed.send(&call).await?)
}

/// The body of an answer, or what it says went wrong.
pub(super) fn answer(reply: Reply) -> Result<Vec<u8>, Trouble> {
    match reply.status {
        200 if reply.cut => Err(Trouble::Malformed("the answer is larger than any should be".to_owned())),
        200 => Ok(reply.body),
        _ => Err(refused(&reply)),
    }
}

/// An error's name is in a header or in the body; services that spoke another protocol once have their old names in a
/// header of their own.
fn refused(reply: &Reply) -> Trouble {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let older = reply.headers.get("x-amzn-query-error").and_then(|one| one.split(';').next());
    let named = older.or_else(|| reply.headers.get("x-amzn-errortype")).map(str::to_owned);
    let name = named.or_else(|| text("__type")).unwrap_or_default();
    // `com.amazonaws.service#Name:http://…`
    let code = name.rsplit('#').next().unwrap_or_default();
    let code = code.split(':').next().unwrap_or_default().to_owned();
    Trouble::Service { status: reply.status, code, message: text("message").or_else(|| text("Message")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(body: &str, headers: &[(&'static str, &'static str)]) -> Reply {
        let mut all = aws_smithy_runtime_api::http::Headers::new();
        headers.iter().for_each(|(name, value)| {
            all.insert(*name, *value);
        });
        Reply { status: 400, headers: all, body: body.as_bytes().to_vec(), cut: false }
    }

    fn code(body: &str, headers: &[(&'static str, &'static str)]) -> String {
        match refused(&reply(body, headers)) {
            Trouble::Service { code, .. } => code,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_error_is_named_in_a_header_or_in_the_body() {
        let body = r#"{"__type": "com.amazonaws.cloudwatch#AccessDenied", "message": "no"}"#;
        assert_eq!(code(body, &[]), "AccessDenied");
        assert_eq!(code(body, &[("x-amzn-query-error", "Throttling;Sender")]), "Throttling");
        assert_eq!(code("", &[("x-amzn-errortype", "AccessDenied:http://internal/")]), "AccessDenied");
        assert_eq!(code("half of {", &[]), "");
    }
}
