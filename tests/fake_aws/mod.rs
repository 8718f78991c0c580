//! A fake of AWS's endpoints on their real wire protocols, from a snapshot: what a live collection can be tried
//! against without an account. It listens on loopback only.
//!
//! The access key id says whose account is asked: twelve digits, or `ASIA` and twelve digits after AssumeRole. The
//! region is that of the signature. Signatures are not checked.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic, reason = "test support")]

mod answers;
mod guardrails;
mod history;
mod iam;
mod json;
mod lambda;
mod metrics;
mod query;
mod s3;
mod state;
mod tls;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, Uri};

pub use answers::Answer;
pub use history::History;
pub use metrics::Counts;
pub use s3::Bucket;
pub use state::{Asked, Content};

/// A fault that is put in the way of an API.
#[derive(Debug, Clone)]
pub struct Fault {
    /// `lambda:GetPolicy`, or `*`.
    pub api: String,
    pub kind: FaultKind,
    /// For the first so many calls; `None`: for all.
    pub times: Option<u32>,
    /// Only calls after so many of this API.
    pub after: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    Denied,
    ServerError,
    /// The connection is closed without an answer.
    Reset,
    /// Half of the answer's body.
    Truncated,
    Slow(Duration),
    ExpiredToken,
    Throttled,
    /// The signature is refused, with the request and its session token in the message.
    Signature,
    /// The region has not got the call.
    UnknownOperation,
    /// A page shows the last entry of the page before again.
    Overlap,
    /// The pages come in another order.
    Reversed,
}

impl Fault {
    pub fn always(api: &str, kind: FaultKind) -> Self {
        Fault { api: api.to_owned(), kind, times: None, after: 0 }
    }

    pub fn times(api: &str, kind: FaultKind, times: u32) -> Self {
        Fault { api: api.to_owned(), kind, times: Some(times), after: 0 }
    }

    pub fn after(api: &str, kind: FaultKind, after: u32) -> Self {
        Fault { api: api.to_owned(), kind, times: None, after }
    }
}

/// One request that was answered.
#[derive(Debug, Clone)]
pub struct Seen {
    pub api: String,
    pub account: String,
    pub region: String,
    pub resource: Option<String>,
    pub status: u16,
    pub at: Duration,
}

struct Quota {
    tokens: f64,
    at: Instant,
}

pub struct Fake {
    content: Content,
    faults: Mutex<Vec<(Fault, u32)>>,
    /// How many times larger than documented the quotas are; `None`: there are none.
    quotas: Option<f64>,
    buckets: Mutex<BTreeMap<(String, String, &'static str), Quota>>,
    log: Mutex<Vec<Seen>>,
    began: Instant,
}

/// A running fake. It ends with the process.
#[derive(Clone)]
pub struct Endpoint {
    pub address: SocketAddr,
    scheme: &'static str,
    fake: Arc<Fake>,
}

impl Endpoint {
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.fake.log.lock().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        self.fake.log.lock().unwrap().len()
    }

    pub fn forget(&self) {
        self.fake.log.lock().unwrap().clear();
    }

    pub fn fault(&self, fault: Fault) {
        self.fake.faults.lock().unwrap().push((fault, 0));
    }

    pub fn heal(&self) {
        self.fake.faults.lock().unwrap().clear();
    }
}

/// Starts it on a free port of loopback.
pub fn start(content: Content, quotas: Option<f64>, port: u16) -> Endpoint {
    serve(content, quotas, port, "http")
}

/// Starts it behind TLS, with a certificate of the authority in `tls/ca.pem`.
pub fn start_with_tls(content: Content) -> Endpoint {
    serve(content, None, 0, "https")
}

fn serve(content: Content, quotas: Option<f64>, port: u16, scheme: &'static str) -> Endpoint {
    let fake = Arc::new(Fake {
        content,
        faults: Mutex::default(),
        quotas,
        buckets: Mutex::default(),
        log: Mutex::default(),
        began: Instant::now(),
    });
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let served = fake.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let router = Router::new().fallback(handle).with_state(served);
            match scheme {
                "https" => axum::serve(tls::Listener::new(listener), router).await.unwrap(),
                _ => axum::serve(listener, router).await.unwrap(),
            }
        });
    });
    Endpoint { address, scheme, fake }
}

async fn handle(
    State(fake): State<Arc<Fake>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let caller = headers.get("authorization").and_then(|value| value.to_str().ok()).and_then(caller);
    let Some((account, region, service)) = caller else {
        return Answer::error(403, "MissingAuthenticationToken", "Missing Authentication Token").response();
    };
    let body = String::from_utf8_lossy(&body).into_owned();
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    let asked = match target {
        Some(target) => json::request(target, &body),
        None if service == "s3" => s3::request(&method, &uri),
        None if guardrails::SERVICES.contains(&service.as_str()) => {
            guardrails::request(&service, &method, &uri, &body)
        }
        None if method == Method::POST && body.contains("Action=") => query::request(&body),
        None if uri.path() == "/listRegions" => Ok(Asked::new("account:ListRegions")),
        None => lambda::request(&method, &uri),
    };
    let asked = match asked {
        Ok(asked) => Asked { account: account.clone(), region: region.clone(), ..asked },
        Err(answer) => return answer.response(),
    };
    let (answer, slow, reset) = fake.answer(&asked);
    fake.log.lock().unwrap().push(Seen {
        api: asked.api.clone(),
        account,
        region,
        resource: asked.resource.clone(),
        status: answer.status,
        at: fake.began.elapsed(),
    });
    if let Some(slow) = slow {
        tokio::time::sleep(slow).await;
    }
    if reset {
        // Ends the connection's task, and so the connection.
        std::panic::resume_unwind(Box::new("reset"));
    }
    answer.response()
}

/// Account, region and service of `AWS4-HMAC-SHA256 Credential=ID/DATE/REGION/SERVICE/aws4_request, …`.
fn caller(authorization: &str) -> Option<(String, String, String)> {
    let (_, credential) = authorization.split_once("Credential=")?;
    let mut parts = credential.split('/');
    let id = parts.next()?;
    let (region, service) = (parts.nth(1)?, parts.next()?.to_owned());
    let account = id.strip_prefix("ASIA").unwrap_or(id).get(..12)?;
    account
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| (account.to_owned(), region.to_owned(), service))
}

impl Fake {
    /// The answer, a pause before it, and whether the connection is closed instead.
    fn answer(&self, asked: &Asked) -> (Answer, Option<Duration>, bool) {
        if !self.within_quota(asked) {
            return (answers::throttled(asked), None, false);
        }
        let fault = self.next_fault(&asked.api);
        match fault {
            Some(FaultKind::Denied) => (answers::denied(asked), None, false),
            Some(FaultKind::ServerError) => (answers::server_error(asked), None, false),
            Some(FaultKind::ExpiredToken) => (answers::expired(asked), None, false),
            Some(FaultKind::Signature) => (answers::signature(asked), None, false),
            Some(FaultKind::Throttled) => (answers::throttled(asked), None, false),
            Some(FaultKind::UnknownOperation) => {
                (Answer::refused(asked, 404, "UnknownOperationException", ""), None, false)
            }
            Some(FaultKind::Reset) => (answers::server_error(asked), None, true),
            Some(FaultKind::Truncated) => (self.content.answer(asked, None).halved(), None, false),
            Some(FaultKind::Slow(time)) => (self.content.answer(asked, None), Some(time), false),
            Some(kind @ (FaultKind::Overlap | FaultKind::Reversed)) => {
                (self.content.answer(asked, Some(kind)), None, false)
            }
            None => (self.content.answer(asked, None), None, false),
        }
    }

    fn next_fault(&self, api: &str) -> Option<FaultKind> {
        let mut faults = self.faults.lock().unwrap();
        for (fault, calls) in faults.iter_mut() {
            if fault.api != "*" && fault.api != api {
                continue;
            }
            *calls += 1;
            let over = fault.times.is_some_and(|times| *calls > fault.after + times);
            if *calls > fault.after && !over {
                return Some(fault.kind);
            }
        }
        None
    }

    /// The documented quotas: a bucket fills at the rate and holds one second's worth.
    fn within_quota(&self, asked: &Asked) -> bool {
        let Some(scale) = self.quotas else { return true };
        let (bucket, rate) = match asked.api.as_str() {
            "lambda:GetPolicy" => ("GetPolicy", 15.0),
            "cloudtrail:LookupEvents" => ("LookupEvents", 2.0),
            "cloudwatch:GetMetricData" => ("GetMetricData", 50.0),
            api if api.starts_with("lambda:") => ("lambda", 15.0),
            api if api.starts_with("cloudtrail:") => ("cloudtrail", 10.0),
            _ => return true,
        };
        let rate = rate * scale;
        let now = Instant::now();
        let mut buckets = self.buckets.lock().unwrap();
        let key = (asked.account.clone(), asked.region.clone(), bucket);
        let quota = buckets.entry(key).or_insert(Quota { tokens: rate, at: now });
        quota.tokens = (quota.tokens + now.duration_since(quota.at).as_secs_f64() * rate).min(rate);
        quota.at = now;
        if quota.tokens < 1.0 {
            return false;
        }
        quota.tokens -= 1.0;
        true
    }
}

/// Percent-decoded.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits = [rest.next().unwrap_or(b'0'), rest.next().unwrap_or(b'0')];
                bytes.push(
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap_or("0"), 16).unwrap_or(b'?'),
                );
            }
            b'+' => bytes.push(b' '),
            byte => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The fields of `a=b&c=d`.
fn fields(text: &str) -> BTreeMap<String, String> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}
