//! Answers and errors, in the form of each protocol.

use axum::body::Body;
use axum::http::Response;

use super::Asked;

#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub content_type: &'static str,
    pub error: Option<String>,
    pub body: String,
}

impl Answer {
    pub fn json(value: &serde_json::Value) -> Self {
        Answer { status: 200, content_type: "application/json", error: None, body: value.to_string() }
    }

    pub fn xml(body: String) -> Self {
        Answer { status: 200, content_type: "text/xml", error: None, body }
    }

    /// REST-JSON: the error's name is in a header.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        let body = serde_json::json!({"Type": "User", "Message": message, "message": message}).to_string();
        Answer { status, content_type: "application/json", error: Some(code.to_owned()), body }
    }

    /// An error in the protocol of the API.
    pub fn refused(asked: &Asked, status: u16, code: &str, message: &str) -> Self {
        match asked.api.split(':').next().unwrap_or_default() {
            "iam" | "sts" => Answer {
                status,
                content_type: "text/xml",
                error: None,
                body: format!(
                    "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message>\
                     </Error><RequestId>5f6a4f2e-0000-4000-8000-000000000000</RequestId></ErrorResponse>"
                ),
            },
            "cloudtrail" | "organizations" => Answer {
                status: if status == 429 || status == 403 { 400 } else { status },
                content_type: "application/x-amz-json-1.1",
                error: None,
                body: serde_json::json!({"__type": code, "message": message}).to_string(),
            },
            _ => Answer::error(status, code, message),
        }
    }

    /// Half of the body.
    pub fn halved(mut self) -> Self {
        let mut at = self.body.len() / 2;
        while !self.body.is_char_boundary(at) {
            at -= 1;
        }
        self.body.truncate(at);
        self
    }

    pub fn response(self) -> Response<Body> {
        let mut response = Response::builder().status(self.status).header("content-type", self.content_type);
        if let Some(error) = &self.error {
            response = response.header("x-amzn-errortype", error);
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
    let code = if matches!(service(asked), "iam" | "sts") { "AccessDenied" } else { "AccessDeniedException" };
    Answer::refused(asked, 403, code, &message)
}

pub fn throttled(asked: &Asked) -> Answer {
    match service(asked) {
        "lambda" => Answer::error(429, "TooManyRequestsException", "Rate exceeded"),
        "iam" | "sts" => Answer::refused(asked, 400, "Throttling", "Rate exceeded"),
        _ => Answer::refused(asked, 400, "ThrottlingException", "Rate exceeded"),
    }
}

pub fn server_error(asked: &Asked) -> Answer {
    let code = if service(asked) == "lambda" { "ServiceException" } else { "InternalFailure" };
    Answer::refused(asked, 500, code, "An error occurred and the request cannot be processed.")
}

pub fn expired(asked: &Asked) -> Answer {
    let code = if matches!(service(asked), "iam" | "sts") { "ExpiredToken" } else { "ExpiredTokenException" };
    Answer::refused(asked, 403, code, "The security token included in the request is expired")
}

fn service(asked: &Asked) -> &str {
    asked.api.split(':').next().unwrap_or_default()
}
