//! Trail files in S3: lists a prefix without what its paths leave out, and fetches ahead, as much as there is room for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_xml::decode::{Document, try_data};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use super::http::{Call, Reply, Signed, encoded, endpoint, suffix};
use super::outcome::{Next, Trouble, next};
use super::prefix::{self, Below};
use super::session::{CollectError, Whence, own_config};
use crate::snapshot::Outcome;
use crate::trail::{Content, FaultKind, Fetched, Prune, Remote, TrailFileName, Watch};

/// Objects that are fetched at one time.
const AT_ONCE: usize = 24;
/// Prefixes that are listed at one time.
const LISTINGS: usize = 8;
/// Units of memory, of [`UNIT`] bytes each, that fetched objects may take before they are read.
const UNITS: u32 = 192;
const UNIT: u64 = 1 << 20;
/// The largest object that is fetched: the bound of files.
const LARGEST: u64 = 512 << 20;
/// Room for an object that is fetched again, whose size is not known any more.
const AGAIN: u64 = 16 * UNIT;
/// The largest answer of a listing: a thousand keys of the longest.
const LISTING: usize = 16 << 20;
/// The most pages of one prefix.
const PAGES: usize = 1_000_000;
const ATTEMPTS: u32 = 6;
const PAUSE: Duration = Duration::from_millis(150);

const LIST: &str = "s3:ListBucket";
const GET: &str = "s3:GetObject";

/// A place in S3: `s3://bucket/prefix`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    bucket: String,
    prefix: String,
}

impl Location {
    /// `None`: it is no such place.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("s3://")?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        // <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
        let is_bucket = (3..=63).contains(&bucket.len()) && bucket.bytes().all(allowed);
        is_bucket.then(|| Location { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

/// Trail files below some places.
#[derive(Debug)]
pub struct Buckets {
    whence: Whence,
    locations: Vec<Location>,
}

impl Buckets {
    pub fn new(whence: Whence, locations: Vec<Location>) -> Self {
        Buckets { whence, locations }
    }
}

impl Remote for Buckets {
    fn fetch(
        &self,
        prune: &Prune,
        only: Option<&BTreeSet<String>>,
        watch: &Watch,
    ) -> Box<dyn Iterator<Item = Fetched> + Send> {
        let (send, receive) = mpsc::channel(AT_ONCE);
        let work = Work {
            prune: prune.clone(),
            only: only.cloned(),
            watch: watch.clone(),
            room: Arc::new(Semaphore::new(UNITS as usize)),
            send,
        };
        let (whence, locations) = (self.whence.clone(), self.locations.clone());
        let names: Vec<String> =
            locations.iter().map(|one| format!("s3://{}/{}", one.bucket, one.prefix)).collect();
        let sender = work.send.clone();
        let started = std::thread::Builder::new().name("s3".to_owned()).spawn(move || {
            let cannot =
                match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
                    Ok(runtime) => {
                        runtime.block_on(work.all(&whence, locations)).err().map(|error| error.to_string())
                    }
                    Err(error) => Some(error.to_string()),
                };
            // Nobody listens any more only where the process ends.
            let none = if cannot.is_none() { Vec::new() } else { names };
            for name in none {
                let why = FaultKind::Io(cannot.clone().unwrap_or_default());
                drop(sender.blocking_send(failed(name, None, why)));
            }
        });
        match started {
            Ok(_) => Box::new(Receiver(receive)),
            Err(error) => {
                let one = |one: &Location| {
                    failed(
                        format!("s3://{}/{}", one.bucket, one.prefix),
                        None,
                        FaultKind::Io(error.to_string()),
                    )
                };
                Box::new(self.locations.iter().map(one).collect::<Vec<_>>().into_iter())
            }
        }
    }
}

struct Receiver(mpsc::Receiver<Fetched>);

impl Iterator for Receiver {
    type Item = Fetched;

    fn next(&mut self) -> Option<Fetched> {
        self.0.blocking_recv()
    }
}

fn failed(name: String, named: Option<TrailFileName>, fault: FaultKind) -> Fetched {
    Fetched { name, named, what: Content::Failed(fault), room: None }
}

/// One reading.
#[derive(Debug, Clone)]
struct Work {
    prune: Prune,
    only: Option<BTreeSet<String>>,
    watch: Watch,
    room: Arc<Semaphore>,
    send: mpsc::Sender<Fetched>,
}

impl Work {
    async fn all(self, whence: &Whence, locations: Vec<Location>) -> Result<(), CollectError> {
        let config = own_config(whence).await?;
        let client = Arc::new(Signed::new(config));
        let (found, objects) = mpsc::channel::<(Arc<Bucket>, Object)>(2_000);
        let objects = Arc::new(tokio::sync::Mutex::new(objects));
        let mut tasks = JoinSet::new();
        let mut buckets: BTreeMap<String, Arc<Bucket>> = BTreeMap::new();
        let mut bucket = |name: String| {
            buckets.entry(name.clone()).or_insert_with(|| Arc::new(Bucket::new(client.clone(), name))).clone()
        };
        match &self.only {
            // They were listed before.
            Some(names) => {
                let again: Vec<_> = names
                    .iter()
                    .filter_map(|name| Location::parse(name))
                    .map(|one| (bucket(one.bucket), Object { key: one.prefix, size: AGAIN }))
                    .collect();
                tasks.spawn(async move {
                    for one in again {
                        if found.send(one).await.is_err() {
                            break;
                        }
                    }
                });
            }
            None => {
                for location in locations {
                    tasks.spawn(self.clone().list(bucket(location.bucket), location.prefix, found.clone()));
                }
                drop(found);
            }
        }
        for _ in 0..AT_ONCE {
            let (work, objects) = (self.clone(), objects.clone());
            tasks.spawn(async move {
                loop {
                    let next = objects.lock().await.recv().await;
                    let Some((bucket, object)) = next else { break };
                    if work.send.send(work.object(&bucket, object).await).await.is_err() {
                        break;
                    }
                }
            });
        }
        while tasks.join_next().await.is_some() {}
        Ok(())
    }

    /// Lists a prefix: directory by directory where that leaves some out, else in one go.
    async fn list(self, bucket: Arc<Bucket>, prefix: String, found: mpsc::Sender<(Arc<Bucket>, Object)>) {
        let listings = Arc::new(Semaphore::new(LISTINGS));
        let mut tasks = JoinSet::new();
        let mut pending = vec![prefix];
        loop {
            while let Some(prefix) = pending.pop() {
                let (work, bucket, found, room) =
                    (self.clone(), bucket.clone(), found.clone(), listings.clone());
                tasks.spawn(async move {
                    // It is never closed.
                    let _permit = room.acquire().await;
                    work.prefix(&bucket, prefix, &found).await
                });
            }
            match tasks.join_next().await {
                Some(Ok(more)) => pending.extend(more),
                Some(Err(_)) => {
                    let fault = FaultKind::Io("the listing was broken off".to_owned());
                    drop(self.send.send(failed(bucket.name(""), None, fault)).await);
                }
                None => break,
            }
        }
    }

    /// Lists one prefix, and gives those below it that are to be listed too.
    async fn prefix(
        &self,
        bucket: &Arc<Bucket>,
        prefix: String,
        found: &mpsc::Sender<(Arc<Bucket>, Object)>,
    ) -> Vec<String> {
        let flat = prefix::is_flat(&prefix, &self.prune);
        let mut more = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..PAGES {
            let page = match bucket.page(&prefix, flat, token.as_deref()).await {
                Ok(page) => page,
                Err(fault) => {
                    let named = prefix::named(&prefix);
                    drop(self.send.send(failed(bucket.name(&prefix), named, fault)).await);
                    return more;
                }
            };
            for object in page.objects {
                // A directory's own marker.
                if object.key.ends_with('/') && object.size == 0 {
                    continue;
                }
                if let Some(meter) = &self.watch.0 {
                    meter.found(1);
                }
                if found.send((bucket.clone(), object)).await.is_err() {
                    return more;
                }
            }
            for below in page.prefixes {
                match prefix::below(&below, &self.prune) {
                    Below::Listed => more.push(below),
                    Below::LeftOut(why) => {
                        let what = Content::LeftOut(why);
                        let named = prefix::named(&below);
                        drop(
                            self.send
                                .send(Fetched { name: bucket.name(&below), named, what, room: None })
                                .await,
                        );
                    }
                }
            }
            let following = page.next;
            if following.is_none() {
                return more;
            }
            if following == token {
                break;
            }
            token = following;
        }
        let fault = FaultKind::Io("its listing has no end".to_owned());
        drop(self.send.send(failed(bucket.name(&prefix), None, fault)).await);
        more
    }

    async fn object(&self, bucket: &Bucket, object: Object) -> Fetched {
        let name = bucket.name(&object.key);
        if let Some(why) = self.prune.leaves_out(&object.key) {
            return Fetched { name, named: None, what: Content::LeftOut(why), room: None };
        }
        if object.size > LARGEST {
            return failed(name, None, FaultKind::TooLarge { limit: LARGEST });
        }
        // What is larger than all room there is waits until it has all of it.
        let units = u32::try_from(object.size / UNIT + 1).unwrap_or(UNITS).min(UNITS);
        let room = self.room.clone().acquire_many_owned(units).await.ok();
        match bucket.get(&object).await {
            Ok(bytes) => {
                let room = room.map(|room| Box::new(room) as Box<dyn std::any::Any + Send>);
                Fetched { name, named: None, what: Content::Bytes(bytes), room }
            }
            Err(fault) => failed(name, None, fault),
        }
    }
}

#[derive(Debug)]
struct Object {
    key: String,
    size: u64,
}

#[derive(Debug, Default)]
struct Page {
    objects: Vec<Object>,
    prefixes: Vec<String>,
    next: Option<String>,
}

/// A bucket, and the region where it turned out to be.
#[derive(Debug)]
struct Bucket {
    client: Arc<Signed>,
    name: String,
    region: Mutex<String>,
}

impl Bucket {
    fn new(client: Arc<Signed>, name: String) -> Self {
        let region = client.config().region().map_or("us-east-1", |region| region.as_ref()).to_owned();
        Bucket { client, name, region: Mutex::new(region) }
    }

    fn name(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.name)
    }

    fn region(&self) -> String {
        self.region.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The address of a key: below the endpoint that is configured, else the bucket's own.
    fn url(&self, region: &str, key: &str, query: &str) -> String {
        let key = encoded(key, true);
        let base = match endpoint(self.client.config(), "AWS_ENDPOINT_URL_S3") {
            Some(endpoint) => format!("{}/{}", endpoint.trim_end_matches('/'), self.name),
            None => {
                let suffix = suffix(region);
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

    async fn page(&self, prefix: &str, flat: bool, token: Option<&str>) -> Result<Page, FaultKind> {
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

    async fn get(&self, object: &Object) -> Result<Vec<u8>, FaultKind> {
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

/// An error as S3 writes it.
fn refused(reply: &Reply) -> Trouble {
    let text = std::str::from_utf8(&reply.body).unwrap_or_default();
    let mut document = Document::new(text);
    let (mut code, mut message) = (String::new(), None);
    if let Ok(mut root) = document.root_element() {
        while let Some(mut tag) = root.next_tag() {
            match tag.start_el().local() {
                "Code" => code = try_data(&mut tag).map(|text| text.into_owned()).unwrap_or_default(),
                "Message" => message = try_data(&mut tag).map(|text| text.into_owned()).ok(),
                _ => {}
            }
        }
    }
    if code.is_empty() {
        // Answers without a body, of which the status is all there is.
        code = match reply.status {
            403 => "AccessDenied".to_owned(),
            404 => "NotFound".to_owned(),
            _ => code,
        };
    }
    Trouble::Service { status: reply.status, code, message }
}

/// One page of a listing; `None`: it is none.
fn parse(text: &str) -> Option<Page> {
    // The decoder takes a tag that broke off for an empty one.
    if !text.trim_end().ends_with("</ListBucketResult>") {
        return None;
    }
    let mut document = Document::new(text);
    let mut root = document.root_element().ok()?;
    if root.start_el().local() != "ListBucketResult" {
        return None;
    }
    let mut page = Page::default();
    let mut truncated = None;
    while let Some(mut tag) = root.next_tag() {
        match tag.start_el().local() {
            "IsTruncated" => truncated = Some(try_data(&mut tag).ok()?.parse::<bool>().ok()?),
            "NextContinuationToken" => page.next = Some(try_data(&mut tag).ok()?.into_owned()),
            "Contents" => {
                let (mut key, mut size) = (None, None);
                while let Some(mut field) = tag.next_tag() {
                    match field.start_el().local() {
                        "Key" => key = Some(decoded(&try_data(&mut field).ok()?)?),
                        "Size" => size = try_data(&mut field).ok()?.parse().ok(),
                        _ => {}
                    }
                }
                page.objects.push(Object { key: key?, size: size? });
            }
            "CommonPrefixes" => {
                while let Some(mut field) = tag.next_tag() {
                    if field.start_el().local() == "Prefix" {
                        page.prefixes.push(decoded(&try_data(&mut field).ok()?)?);
                    }
                }
            }
            _ => {}
        }
    }
    // A page that does not say whether it is the last is none, and one that is has no token.
    match truncated? {
        true if page.next.is_none() => None,
        true => Some(page),
        false => Some(Page { next: None, ..page }),
    }
}

/// A key as `encoding-type=url` writes it.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let value = digit(rest.next())? * 16 + digit(rest.next())?;
                bytes.push(u8::try_from(value).ok()?);
            }
            b'+' => bytes.push(b' '),
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_s3() {
        let place = |text: &str| Location::parse(text).map(|one| (one.bucket, one.prefix));
        assert_eq!(place("s3://example-trail/AWSLogs/"), Some(("example-trail".into(), "AWSLogs/".into())));
        assert_eq!(place("s3://example-trail"), Some(("example-trail".into(), String::new())));
        for no in ["s3://", "s3://x/y", "s3://Upper/x", "./s3://bucket", "s3://a b/c"] {
            assert_eq!(place(no), None, "{no}");
        }
    }

    #[test]
    fn a_page_that_broke_off_is_none() {
        let whole = "<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>a%20b/c.json.gz</Key>\
                     <Size>7</Size></Contents><CommonPrefixes><Prefix>d/</Prefix></CommonPrefixes>\
                     <NextContinuationToken>t</NextContinuationToken></ListBucketResult>";
        let page = parse(whole).unwrap();
        assert_eq!((page.objects[0].key.as_str(), page.objects[0].size), ("a b/c.json.gz", 7));
        assert_eq!((page.prefixes.as_slice(), page.next.as_deref()), (&["d/".to_owned()][..], Some("t")));
        for length in 0..whole.len() - 1 {
            assert!(parse(&whole[..length]).is_none(), "{length}");
        }
        assert!(parse("<Error><Code>AccessDenied</Code></Error>").is_none());
    }
}
