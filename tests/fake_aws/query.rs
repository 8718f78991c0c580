//! IAM, STS and EC2: a form in, XML out.

use serde_json::Value;

use super::{Answer, Asked, fields};

pub fn request(body: &str) -> Result<Asked, Answer> {
    let form = fields(body);
    let invalid =
        || Answer::xml("<ErrorResponse><Error><Code>InvalidAction</Code></Error></ErrorResponse>".into());
    match form.get("Action").map(String::as_str) {
        Some("GetRole") => Ok(Asked::about("iam:GetRole", form.get("RoleName").ok_or_else(invalid)?)),
        Some("GetAccountAuthorizationDetails") => Ok(Asked {
            token: form.get("Marker").cloned(),
            items: form.get("MaxItems").and_then(|items| items.parse().ok()),
            ..Asked::new("iam:GetAccountAuthorizationDetails")
        }),
        Some("GetCallerIdentity") => Ok(Asked::new("sts:GetCallerIdentity")),
        Some("AssumeRole") => Ok(Asked::about("sts:AssumeRole", form.get("RoleArn").ok_or_else(invalid)?)),
        Some("DescribeSubnets") => Ok(Asked {
            token: form.get("NextToken").cloned(),
            items: form.get("MaxResults").and_then(|items| items.parse().ok()),
            ..Asked::new("ec2:DescribeSubnets")
        }),
        _ => Err(Answer { status: 400, ..invalid() }),
    }
}

pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// As IAM gives documents: percent-encoded.
pub fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

pub fn role(role: &Value) -> Answer {
    let text = |name: &str| escaped(role.get(name).and_then(Value::as_str).unwrap_or_default());
    let document = match role.get("AssumeRolePolicyDocument") {
        Some(Value::String(document)) => document.clone(),
        Some(document) => document.to_string(),
        None => String::new(),
    };
    Answer::xml(format!(
        "<GetRoleResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><GetRoleResult><Role><Path>/</Path>\
         <Arn>{}</Arn><RoleName>{}</RoleName><AssumeRolePolicyDocument>{}</AssumeRolePolicyDocument>\
         <RoleId>AROAEXAMPLEEXAMPLE000</RoleId><CreateDate>2026-01-01T00:00:00Z</CreateDate></Role></GetRoleResult>\
         <ResponseMetadata><RequestId>5f6a4f2e-0000-4000-8000-000000000000</RequestId></ResponseMetadata>\
         </GetRoleResponse>",
        text("Arn"),
        text("RoleName"),
        encoded(&document)
    ))
}

/// A page of subnets.
pub fn subnets(page: &Value) -> Answer {
    let text = |of: &Value, name: &str| escaped(of.get(name).and_then(Value::as_str).unwrap_or_default());
    let item = |one: &Value| {
        format!(
            "<item><subnetId>{}</subnetId><state>available</state><vpcId>{}</vpcId><availabilityZone>{}             </availabilityZone><availableIpAddressCount>250</availableIpAddressCount></item>",
            text(one, "SubnetId"),
            text(one, "VpcId"),
            text(one, "AvailabilityZone")
        )
    };
    let items: String = page["Subnets"].as_array().into_iter().flatten().map(item).collect();
    let next = page["NextToken"].as_str().map(|token| format!("<nextToken>{}</nextToken>", escaped(token)));
    Answer::xml(format!(
        "<DescribeSubnetsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
         <requestId>5f6a4f2e-0000-4000-8000-000000000000</requestId><subnetSet>{items}</subnetSet>{}\
         </DescribeSubnetsResponse>",
        next.unwrap_or_default()
    ))
}

pub fn identity(account: &str) -> Answer {
    Answer::xml(format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
         <Arn>arn:aws:sts::{account}:assumed-role/reader/session</Arn><UserId>AROAEXAMPLE:session</UserId>\
         <Account>{account}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
    ))
}

/// The secret and token are canaries: no file may ever hold them.
pub fn assumed(role: &str) -> Answer {
    let account = role.split(':').nth(4).unwrap_or_default();
    Answer::xml(format!(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
         <AccessKeyId>ASIA{account}</AccessKeyId><SecretAccessKey>canary-assumed-secret</SecretAccessKey>\
         <SessionToken>canary-assumed-token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>\
         <AssumedRoleUser><Arn>{role}/session</Arn><AssumedRoleId>AROAEXAMPLE:session</AssumedRoleId>\
         </AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>"
    ))
}
