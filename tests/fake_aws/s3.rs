//! S3: listings of a prefix, page by page, and objects. Buckets are in the path, and in one region.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use axum::http::{Method, Uri};

use super::{Answer, Asked, decoded, fields};

#[derive(Debug, Clone, Default)]
pub struct Bucket {
    pub region: String,
    pub objects: BTreeMap<String, Vec<u8>>,
    /// Listed, and gone when they are asked for.
    pub gone: BTreeSet<String>,
    /// Keys on a page.
    pub page: usize,
}

impl Bucket {
    /// The files below a directory, under their paths in it.
    pub fn of(directory: &Path, region: &str, page: usize) -> Self {
        let mut bucket = Bucket { region: region.to_owned(), page, ..Bucket::default() };
        let mut open = vec![directory.to_owned()];
        while let Some(path) = open.pop() {
            if path.is_dir() {
                open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
                continue;
            }
            let key = path.strip_prefix(directory).unwrap().to_str().unwrap().replace('\\', "/");
            bucket.objects.insert(key, std::fs::read(&path).unwrap());
        }
        bucket
    }
}

/// The bucket and its key, or its listing's question.
pub fn request(method: &Method, uri: &Uri) -> Result<Asked, Answer> {
    let path = uri.path().trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    if method != Method::GET {
        return Err(Answer::new(405, "application/xml", "<Error><Code>MethodNotAllowed</Code></Error>"));
    }
    if key.is_empty() {
        return Ok(Asked::about("s3:ListBucket", &format!("{bucket}?{}", uri.query().unwrap_or_default())));
    }
    Ok(Asked::about("s3:GetObject", &format!("{bucket}/{}", decoded(&key.replace('+', "%2B")))))
}

pub fn answer(buckets: &BTreeMap<String, Bucket>, asked: &Asked) -> Answer {
    let resource = asked.resource.as_deref().unwrap();
    let name = resource.split(['/', '?']).next().unwrap();
    let Some(bucket) = buckets.get(name) else {
        return Answer::refused(asked, 404, "NoSuchBucket", "The specified bucket does not exist");
    };
    if bucket.region != asked.region {
        let moved = Answer::refused(asked, 301, "PermanentRedirect", "another endpoint");
        return Answer { bucket_region: Some(bucket.region.clone()), ..moved };
    }
    if asked.api == "s3:ListBucket" {
        return list(bucket, resource.split_once('?').map_or("", |(_, query)| query), asked);
    }
    let key = &resource[name.len() + 1..];
    match bucket.objects.get(key).filter(|_| !bucket.gone.contains(key)) {
        Some(bytes) => Answer::new(200, "binary/octet-stream", bytes.clone()),
        None => Answer::refused(asked, 404, "NoSuchKey", "The specified key does not exist."),
    }
}

fn list(bucket: &Bucket, query: &str, asked: &Asked) -> Answer {
    let query = fields(&query.replace('+', "%2B"));
    let of = |name: &str| query.get(name).cloned().unwrap_or_default();
    if of("list-type") != "2" || of("encoding-type") != "url" {
        return Answer::refused(asked, 400, "InvalidArgument", "list-type");
    }
    let (prefix, delimiter, after) = (of("prefix"), of("delimiter"), of("continuation-token"));
    // A key, or a prefix that stands for all below it.
    let mut entries: BTreeMap<String, Option<usize>> = BTreeMap::new();
    for (key, bytes) in bucket.objects.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix))
    {
        match key[prefix.len()..].split_once(&delimiter).filter(|_| !delimiter.is_empty()) {
            Some((head, _)) => entries.insert(format!("{prefix}{head}{delimiter}"), None),
            None => entries.insert(key.clone(), Some(bytes.len())),
        };
    }
    let rest: Vec<_> = entries.into_iter().filter(|(key, _)| after.is_empty() || *key > after).collect();
    let shown = &rest[..rest.len().min(bucket.page)];
    let encoded = |key: &str| key.replace('%', "%25").replace(' ', "%20").replace('&', "%26");
    let mut body = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">",
    );
    body.push_str(&format!("<IsTruncated>{}</IsTruncated>", shown.len() < rest.len()));
    for (key, size) in shown {
        let key = encoded(key);
        body.push_str(&match size {
            Some(size) => format!("<Contents><Key>{key}</Key><Size>{size}</Size></Contents>"),
            None => format!("<CommonPrefixes><Prefix>{key}</Prefix></CommonPrefixes>"),
        });
    }
    if shown.len() < rest.len() {
        let last = encoded(&shown.last().unwrap().0);
        body.push_str(&format!("<NextContinuationToken>{last}</NextContinuationToken>"));
    }
    body.push_str("</ListBucketResult>");
    Answer::xml(body)
}
