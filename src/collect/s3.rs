//! Trail files in S3: lists a prefix without what its paths leave out, and fetches ahead, as much as there is room for.

mod answer;
mod bucket;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use answer::Object;
use bucket::Bucket;

use super::http::Signed;
use super::prefix::{self, Below};
use super::session::{CollectError, Whence, own_config};
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
/// The most pages of one prefix.
const PAGES: usize = 1_000_000;

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
}
