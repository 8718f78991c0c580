//! Parts of an ARN: `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`. Pure. Partitions are never matched against a
//! list: there are newer ones. <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>

use memchr::memchr_iter;

/// From the first (the partition) to the fifth (the resource).
fn part(arn: &str, at: usize) -> Option<&str> {
    let mut colons = memchr_iter(b':', arn.as_bytes());
    let mut ends = [arn.len(); 6];
    for end in ends.iter_mut().take(5) {
        *end = colons.next()?;
    }
    let [from, to] = [at - 1, at].map(|at| ends.get(at).copied());
    arn.get(from? + 1..to?).filter(|part| !part.is_empty() && arn.starts_with("arn:"))
}

/// What stands behind the first `:role/`: a role's path and name.
pub fn role_path(arn: &str) -> Option<&str> {
    let slashes = memchr_iter(b'/', arn.as_bytes());
    let mut paths = slashes.filter_map(|at| arn.split_at_checked(at));
    paths.find(|(before, _)| before.ends_with(":role")).and_then(|(_, path)| path.strip_prefix('/'))
}

pub fn partition(arn: &str) -> Option<&str> {
    part(arn, 1)
}

pub fn service(arn: &str) -> Option<&str> {
    part(arn, 2)
}

pub fn region(arn: &str) -> Option<&str> {
    part(arn, 3)
}

/// The 12-digit account; `None` for ARNs without one, such as a bucket's.
pub fn account(arn: &str) -> Option<&str> {
    part(arn, 4).filter(|account| is_account(account))
}

/// Is it an account id: 12 digits?
pub fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What stands behind the last colon: a function's name, where its ARN has no qualifier. A text without colons is one.
pub fn last(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}

/// A function's ARN without its qualifier, and the qualifier. `None` for what is no function's ARN.
pub fn split_function(arn: &str) -> Option<(&str, Option<&str>)> {
    let colons: Vec<usize> = arn.match_indices(':').map(|(at, _)| at).take(8).collect();
    let resource = part(arn, 5)?;
    if service(arn) != Some("lambda") || !resource.starts_with("function:") {
        return None;
    }
    match colons.as_slice() {
        [_, _, _, _, _, _] => Some((arn, None)),
        [_, _, _, _, _, _, last] => Some((&arn[..*last], arn.get(last + 1..))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_arns() {
        let function = "arn:aws-cn:lambda:cn-north-1:111122223333:function:orders";
        assert_eq!(partition(function), Some("aws-cn"));
        assert_eq!(account(function), Some("111122223333"));
        assert_eq!(region(function), Some("cn-north-1"));
        assert_eq!(account("arn:aws:s3:::bucket"), None);
        assert_eq!(account("111122223333"), None);
        assert_eq!(account("arn:aws:sqs:eu-west-1:11112222333:q"), None);
        assert_eq!(split_function(function), Some((function, None)));
        assert_eq!(split_function(&format!("{function}:live")), Some((function, Some("live"))));
        assert_eq!(split_function(&format!("{function}:live:x")), None);
        assert_eq!(split_function("arn:aws:lambda:eu-west-1:111122223333:layer:l:1"), None);
    }
}
