//! EC2, of which one call is needed: the subnets of a region, and the zones that they are in. A form in, XML out.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSubnets.html>

use aws_smithy_xml::decode::{Document, ScopedDecoder, try_data};

use super::http::{Call, Reply, Signed, encoded};
use super::outcome::Trouble;
use crate::snapshot::api::{Subnet, SubnetPage};

const VERSION: &str = "2016-11-15";
/// The largest answer: a page of subnets with many tags and addresses.
const LARGEST: usize = 32 << 20;
const PAGE: u32 = 1_000;

/// A page of a region's subnets, as JSON.
pub(super) async fn subnets(signed: &Signed, region: &str, token: Option<&str>) -> Result<Vec<u8>, Trouble> {
    let mut form = format!("Action=DescribeSubnets&MaxResults={PAGE}&Version={VERSION}");
    if let Some(token) = token {
        form.push_str(&format!("&NextToken={}", encoded(token, false)));
    }
    let call = Call {
        service: "ec2",
        region: region.to_owned(),
        method: "POST",
        url: signed.address("EC2", "ec2", region),
        headers: vec![("content-type", "application/x-www-form-urlencoded; charset=utf-8".to_owned())],
        body: form.into_bytes(),
        limit: LARGEST,
    };
    let reply = signed.send(&call).await?;
    let malformed = || Trouble::Malformed("the answer broke off or does not parse".to_owned());
    let text = std::str::from_utf8(&reply.body).ok().filter(|_| !reply.cut);
    if reply.status != 200 {
        return Err(refused(&reply, text.unwrap_or_default()));
    }
    let page = text.and_then(parse).ok_or_else(malformed)?;
    serde_json::to_vec(&page).map_err(|_| malformed())
}

/// `<Response><Errors><Error><Code>…`
fn refused(reply: &Reply, text: &str) -> Trouble {
    let mut document = Document::new(text);
    let (mut code, mut message) = (String::new(), None);
    if let Ok(mut root) = document.root_element() {
        while let Some(mut errors) = root.next_tag() {
            while let Some(mut error) = errors.next_tag() {
                while let Some(mut field) = error.next_tag() {
                    match field.start_el().local() {
                        "Code" => code = data(&mut field).unwrap_or_default(),
                        "Message" => message = data(&mut field),
                        _ => {}
                    }
                }
            }
        }
    }
    // A refusal is the operation's own here; elsewhere its name begins with `AccessDenied`.
    if code == "UnauthorizedOperation" {
        code = "AccessDenied".to_owned();
    }
    Trouble::Service { status: reply.status, code, message }
}

fn data(field: &mut ScopedDecoder<'_, '_>) -> Option<String> {
    try_data(field).ok().map(std::borrow::Cow::into_owned)
}

/// `None`: it is no such answer, or not the whole of one.
fn parse(text: &str) -> Option<SubnetPage> {
    // The decoder takes a tag that broke off for an empty one.
    if !text.trim_end().ends_with("</DescribeSubnetsResponse>") {
        return None;
    }
    let mut document = Document::new(text);
    let mut root = document.root_element().ok()?;
    let (mut subnets, mut next_token) = (None, None);
    while let Some(mut tag) = root.next_tag() {
        match tag.start_el().local() {
            "subnetSet" => {
                let all: &mut Vec<Subnet> = subnets.get_or_insert_default();
                while let Some(mut item) = tag.next_tag() {
                    all.push(subnet(&mut item)?);
                }
            }
            "nextToken" => next_token = Some(data(&mut tag)?).filter(|token| !token.is_empty()),
            _ => {}
        }
    }
    Some(SubnetPage { subnets: subnets?, next_token })
}

fn subnet(item: &mut ScopedDecoder<'_, '_>) -> Option<Subnet> {
    let (mut id, mut zone, mut vpc) = (None, None, None);
    while let Some(mut field) = item.next_tag() {
        match field.start_el().local() {
            "subnetId" => id = data(&mut field),
            "availabilityZone" => zone = data(&mut field),
            "vpcId" => vpc = data(&mut field),
            _ => {}
        }
    }
    Some(Subnet { subnet_id: id?, availability_zone: zone, vpc_id: vpc })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
        <DescribeSubnetsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>r</requestId>\
        <subnetSet><item><subnetId>subnet-0a</subnetId><state>available</state><vpcId>vpc-01</vpcId>\
        <availabilityZone>eu-west-1a</availabilityZone><tagSet><item><key>subnetId</key><value>x</value></item></tagSet>\
        </item><item><subnetId>subnet-0b</subnetId></item></subnetSet><nextToken>t&amp;1</nextToken>\
        </DescribeSubnetsResponse>";

    #[test]
    fn a_page_that_broke_off_is_none() {
        let page = parse(PAGE).unwrap();
        assert_eq!(page.next_token.as_deref(), Some("t&1"));
        let zones: Vec<_> =
            page.subnets.iter().map(|one| (&*one.subnet_id, one.availability_zone.as_deref())).collect();
        assert_eq!(zones, [("subnet-0a", Some("eu-west-1a")), ("subnet-0b", None)]);
        for length in 0..PAGE.len() - 1 {
            assert!(parse(&PAGE[..length]).is_none(), "{length}");
        }
        assert!(parse("<DescribeSubnetsResponse></DescribeSubnetsResponse>").is_none());
    }

    #[test]
    fn a_refusal_is_one() {
        let text = "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not authorized to \
                    perform this operation.</Message></Error></Errors><RequestID>r</RequestID></Response>";
        let reply = Reply { status: 403, headers: Default::default(), body: Vec::new(), cut: false };
        let Trouble::Service { status, code, message } = refused(&reply, text) else {
            panic!("no service's")
        };
        assert_eq!((status, code.as_str()), (403, "AccessDenied"));
        assert!(message.is_some_and(|message| message.starts_with("You are not")));
    }
}
