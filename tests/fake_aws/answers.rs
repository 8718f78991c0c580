//! Answers and errors, in the form of each protocol.

use axum::body::Body;
use axum::http::Response;

use super::Asked;

#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub content_type: &'static str,
    pub error: Option<String>,
    pub body: Vec<u8>,
    /// Where a bucket is.
    pub bucket_region: Option<String>,
}

impl Answer {
    pub fn json(value: &serde_json::Value) -> Self {
        Answer::new(200, "application/json", value.to_string())
    }

    pub fn xml(body: String) -> Self {
        Answer::new(200, "text/xml", body)
    }

    pub fn new(status: u16, content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Answer { status, content_type, error: None, body: body.into(), bucket_region: None }
    }

    /// REST-JSON: the error's name is in a header.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        let body = serde_json::json!({"Type": "User", "Message": message, "message": message}).to_string();
        Answer { error: Some(code.to_owned()), ..Answer::new(status, "application/json", body) }
    }

    /// An error in the protocol of the API.
    pub fn refused(asked: &Asked, status: u16, code: &str, message: &str) -> Self {
        match asked.api.split(':').next().unwrap_or_default() {
            "s3" => Answer::new(
                if code == "SlowDown" { 503 } else { status },
                "application/xml",
                format!(
                    "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
                ),
            ),
            "ec2" => Answer::new(
                status,
                "text/xml",
                format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Errors><Error><Code>{code}</Code><Message>\
                     {message}</Message></Error></Errors><RequestID>5f6a4f2e-0000-4000-8000-000000000000\
                     </RequestID></Response>"
                ),
            ),
            "iam" | "sts" => Answer::new(
                status,
                "text/xml",
                format!(
                    "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message>\
                     </Error><RequestId>5f6a4f2e-0000-4000-8000-000000000000</RequestId></ErrorResponse>"
                ),
            ),
            "cloudtrail" | "organizations" | "cloudwatch" | "logs" | "events" => Answer::new(
                if status == 429 || status == 403 { 400 } else { status },
                "application/x-amz-json-1.1",
                serde_json::json!({"__type": code, "message": message}).to_string(),
            ),
            _ => Answer::error(status, code, message),
        }
    }

    /// Half of the body.
    pub fn halved(mut self) -> Self {
        self.body.truncate(self.body.len() / 2);
        self
    }

    pub fn response(self) -> Response<Body> {
        let mut response = Response::builder().status(self.status).header("content-type", self.content_type);
        if let Some(error) = &self.error {
            response = response.header("x-amzn-errortype", error);
        }
        if let Some(region) = &self.bucket_region {
            response = response.header("x-amz-bucket-region", region);
        }
        response.body(Body::from(self.body)).unwrap()
    }
}

pub fn denied(asked: &Asked) -> Answer {
    let message = format!(
        "User: arn:aws:sts::{}:assumed-role/reader/session is not authorized to perform: {} on resource: {} because \
         no identity-based policy allows the {} action",
        asked.account,
        asked.api,
        asked.resource.as_deref().unwrap_or("*"),
        asked.api
    );
    let code = match service(asked) {
        "iam" | "sts" | "s3" => "AccessDenied",
        "ec2" => "UnauthorizedOperation",
        _ => "AccessDeniedException",
    };
    Answer::refused(asked, 403, code, &message)
}

pub fn throttled(asked: &Asked) -> Answer {
    match service(asked) {
        "lambda" => Answer::error(429, "TooManyRequestsException", "Rate exceeded"),
        "iam" | "sts" => Answer::refused(asked, 400, "Throttling", "Rate exceeded"),
        "ec2" => Answer::refused(asked, 503, "RequestLimitExceeded", "Request limit exceeded."),
        "s3" => Answer::refused(asked, 503, "SlowDown", "Please reduce your request rate."),
        _ => Answer::refused(asked, 400, "ThrottlingException", "Rate exceeded"),
    }
}

pub fn server_error(asked: &Asked) -> Answer {
    let code = if service(asked) == "lambda" { "ServiceException" } else { "InternalFailure" };
    Answer::refused(asked, 500, code, "An error occurred and the request cannot be processed.")
}

/// What AWS says quotes the request that it would have signed.
pub fn signature(asked: &Asked) -> Answer {
    let message = "The request signature we calculated does not match. The Canonical String should have been \
                   'POST / x-amz-security-token:canary-session-token'";
    Answer::refused(asked, 403, "SignatureDoesNotMatch", message)
}

pub fn expired(asked: &Asked) -> Answer {
    let code = if matches!(service(asked), "iam" | "sts" | "s3" | "ec2") {
        "ExpiredToken"
    } else {
        "ExpiredTokenException"
    };
    Answer::refused(asked, 403, code, "The security token included in the request is expired")
}

fn service(asked: &Asked) -> &str {
    asked.api.split(':').next().unwrap_or_default()
}
