//! One bucket: where it is, and what is asked of it, again after what passes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::LARGEST;
use super::answer::{Object, Page, parse, refused};
use crate::collect::http::{Call, Reply, Signed, domain, encoded, endpoint};
use crate::collect::outcome::{Next, Trouble, next};
use crate::snapshot::Outcome;
use crate::trail::FaultKind;

/// The largest answer of a listing: a thousand keys of the longest.
const LISTING: usize = 16 << 20;
const ATTEMPTS: u32 = 6;
const PAUSE: Duration = Duration::from_millis(150);

const LIST: &str = "s3:ListBucket";
const GET: &str = "s3:GetObject";

/// A bucket, and the region where it turned out to be.
#[derive(Debug)]
pub(super) struct Bucket {
    client: Arc<Signed>,
    name: String,
    region: Mutex<String>,
}

impl Bucket {
    pub(super) fn new(client: Arc<Signed>, name: String) -> Self {
        let region = client.config().region().map_or("us-east-1", |region| region.as_ref()).to_owned();
        Bucket { client, name, region: Mutex::new(region) }
    }

    pub(super) fn name(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.name)
    }

    fn region(&self) -> String {
        self.region.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The address of a key: below the endpoint that is configured, else the bucket's own.
    fn url(&self, region: &str, key: &str, query: &str) -> String {
        let key = encoded(key, true);
        let base = match endpoint(self.client.config(), "S3") {
            Some(endpoint) => format!("{}/{}", endpoint.trim_end_matches('/'), self.name),
            None => {
                let suffix = domain(region);
                // Certificates of bucket addresses have no room for dots in names.
                if self.name.contains('.') {
                    format!("https://s3.{region}.{suffix}/{}", self.name)
                } else {
                    format!("https://{}.s3.{region}.{suffix}", self.name)
                }
            }
        };
        if query.is_empty() { format!("{base}/{key}") } else { format!("{base}/{key}?{query}") }
    }

    pub(super) async fn page(
        &self,
        prefix: &str,
        flat: bool,
        token: Option<&str>,
    ) -> Result<Page, FaultKind> {
        let mut query = String::new();
        if let Some(token) = token {
            query.push_str(&format!("continuation-token={}&", encoded(token, false)));
        }
        if !flat {
            query.push_str("delimiter=%2F&");
        }
        query.push_str(&format!(
            "encoding-type=url&list-type=2&max-keys=1000&prefix={}",
            encoded(prefix, false)
        ));
        self.persist(LIST, ("", &query), LISTING, |reply| {
            let text = std::str::from_utf8(&reply.body).ok().filter(|_| !reply.cut)?;
            parse(text)
        })
        .await
    }

    pub(super) async fn get(&self, object: &Object) -> Result<Vec<u8>, FaultKind> {
        let limit = usize::try_from(LARGEST).unwrap_or(usize::MAX);
        self.persist(GET, (&object.key, ""), limit, |reply| (!reply.cut).then_some(reply.body)).await
    }

    /// Asks until there is an answer, or no hope of one.
    async fn persist<T>(
        &self,
        api: &str,
        (key, query): (&str, &str),
        limit: usize,
        parse: impl Fn(Reply) -> Option<T>,
    ) -> Result<T, FaultKind> {
        let (mut attempts, mut moved) = (0, false);
        loop {
            let region = self.region();
            let call = Call {
                service: "s3",
                method: "GET",
                url: self.url(&region, key, query),
                region,
                headers: Vec::new(),
                body: Vec::new(),
                limit,
            };
            let trouble = match self.client.send(&call).await {
                Ok(reply) if reply.status == 200 => match parse(reply) {
                    Some(read) => return Ok(read),
                    None => Trouble::Malformed("the answer broke off or does not parse".to_owned()),
                },
                Ok(reply) => {
                    // <https://docs.aws.amazon.com/AmazonS3/latest/userguide/Redirects.html>
                    if let Some(region) = reply.headers.get("x-amz-bucket-region")
                        && region != call.region
                        && !std::mem::replace(&mut moved, true)
                    {
                        *self.region.lock().unwrap_or_else(PoisonError::into_inner) = region.to_owned();
                        continue;
                    }
                    refused(&reply)
                }
                Err(trouble) => trouble,
            };
            attempts += 1;
            let fault = match next(api, &trouble) {
                Next::Ends(outcome) => return Err(fault(outcome)),
                Next::Expired => return Err(FaultKind::Io("the credentials have expired".to_owned())),
                Next::Again(outcome) => fault(outcome),
                Next::Throttled => FaultKind::Io(format!("throttled {attempts} times in a row")),
                Next::NoPolicy => FaultKind::Io("no answer".to_owned()),
            };
            if attempts >= ATTEMPTS {
                return Err(fault);
            }
            tokio::time::sleep(PAUSE * 2u32.pow(attempts - 1)).await;
        }
    }
}

fn fault(outcome: Outcome) -> FaultKind {
    match outcome {
        Outcome::Denied { permission, .. } => FaultKind::Denied { permission },
        other => FaultKind::Io(other.message().unwrap_or("no answer").to_owned()),
    }
}
