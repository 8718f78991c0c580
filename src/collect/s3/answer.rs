//! What S3 answers, in XML: pages of listings, and errors.

use aws_smithy_xml::decode::{Document, try_data};

use crate::collect::http::Reply;
use crate::collect::outcome::Trouble;

#[derive(Debug)]
pub(super) struct Object {
    pub(super) key: String,
    pub(super) size: u64,
}

#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) objects: Vec<Object>,
    pub(super) prefixes: Vec<String>,
    pub(super) next: Option<String>,
}

/// An error as S3 writes it.
pub(super) fn refused(reply: &Reply) -> Trouble {
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
pub(super) fn parse(text: &str) -> Option<Page> {
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
