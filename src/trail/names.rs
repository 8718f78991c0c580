//! Event names: one canonical name for every dated or versioned spelling.

/// The event name without the date and version that Lambda appends (`AddPermission20150331v2` → `AddPermission`).
///
/// The suffix is eight digits that start with 2, optionally followed by `v` and digits, behind something that is not
/// a digit. Other names come back unchanged.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/logging-using-cloudtrail.html>
pub fn canonical_name(name: &str) -> &str {
    // Of most names this is all.
    if !name.ends_with(|last: char| last.is_ascii_digit()) {
        return name;
    }
    strip_date(name).or_else(|| strip_date(strip_version(name)?)).unwrap_or(name)
}

fn strip_version(name: &str) -> Option<&str> {
    let without_digits = name.trim_end_matches(|c: char| c.is_ascii_digit());
    if without_digits.len() == name.len() { None } else { without_digits.strip_suffix('v') }
}

fn strip_date(name: &str) -> Option<&str> {
    let (head, date) = name.split_at_checked(name.len().checked_sub(8)?)?;
    let dated = date.starts_with('2') && date.bytes().all(|byte| byte.is_ascii_digit());
    let named = head.chars().next_back().is_some_and(|c| !c.is_ascii_digit());
    (dated && named).then_some(head)
}

/// Lambda's event names as CloudTrail writes them, per canonical name, the current spelling first.
///
/// LookupEvents matches `EventName` exactly, so a plan asks for each spelling. A spelling that no record uses costs a
/// call and nothing else; one left out would hide a change: where in doubt, the name without a suffix, each documented
/// dated form and the earlier form without `v2` are all here. The dated spelling of the resource-policy operations is
/// a guess from their API version (no record of them was seen yet).
/// Sources: <https://docs.aws.amazon.com/lambda/latest/dg/logging-using-cloudtrail.html> and the operation names of
/// the API, <https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html>.
const LAMBDA_NAMES: &[(&str, &[&str])] = &[
    ("AddLayerVersionPermission", &["AddLayerVersionPermission20181031", "AddLayerVersionPermission"]),
    ("AddPermission", &["AddPermission20150331v2", "AddPermission20150331", "AddPermission"]),
    ("CreateAlias", &["CreateAlias20150331", "CreateAlias"]),
    ("CreateCodeSigningConfig", &["CreateCodeSigningConfig"]),
    ("CreateEventSourceMapping", &["CreateEventSourceMapping20150331", "CreateEventSourceMapping"]),
    ("CreateFunction", &["CreateFunction20150331", "CreateFunction"]),
    ("CreateFunctionUrlConfig", &["CreateFunctionUrlConfig"]),
    ("DeleteAlias", &["DeleteAlias20150331", "DeleteAlias"]),
    ("DeleteCodeSigningConfig", &["DeleteCodeSigningConfig"]),
    ("DeleteEventSourceMapping", &["DeleteEventSourceMapping20150331", "DeleteEventSourceMapping"]),
    ("DeleteFunction", &["DeleteFunction20150331", "DeleteFunction"]),
    ("DeleteFunctionCodeSigningConfig", &["DeleteFunctionCodeSigningConfig"]),
    ("DeleteFunctionConcurrency", &["DeleteFunctionConcurrency20171031", "DeleteFunctionConcurrency"]),
    ("DeleteFunctionEventInvokeConfig", &["DeleteFunctionEventInvokeConfig"]),
    ("DeleteFunctionUrlConfig", &["DeleteFunctionUrlConfig"]),
    ("DeleteLayerVersion", &["DeleteLayerVersion20181031", "DeleteLayerVersion"]),
    ("DeleteProvisionedConcurrencyConfig", &["DeleteProvisionedConcurrencyConfig"]),
    ("DeleteResourcePolicy", &["DeleteResourcePolicy20260709", "DeleteResourcePolicy"]),
    ("GetFunction", &["GetFunction20150331v2", "GetFunction20150331", "GetFunction"]),
    (
        "GetFunctionConfiguration",
        &[
            "GetFunctionConfiguration20150331v2",
            "GetFunctionConfiguration20150331",
            "GetFunctionConfiguration",
        ],
    ),
    ("GetLayerVersion", &["GetLayerVersion20181031", "GetLayerVersion"]),
    ("GetLayerVersionByArn", &["GetLayerVersionByArn20181031", "GetLayerVersionByArn"]),
    ("GetLayerVersionPolicy", &["GetLayerVersionPolicy20181031", "GetLayerVersionPolicy"]),
    ("GetPolicy", &["GetPolicy20150331v2", "GetPolicy20150331", "GetPolicy"]),
    ("Invoke", &["Invoke"]),
    ("InvokeExecution", &["InvokeExecution"]),
    ("InvokeFunctionUrl", &["InvokeFunctionUrl"]),
    ("InvokeWebFunctionEndpoint", &["InvokeWebFunctionEndpoint"]),
    ("ListFunctions", &["ListFunctions20150331", "ListFunctions"]),
    ("PublishLayerVersion", &["PublishLayerVersion20181031", "PublishLayerVersion"]),
    ("PublishVersion", &["PublishVersion20150331", "PublishVersion"]),
    ("PutFunctionCodeSigningConfig", &["PutFunctionCodeSigningConfig"]),
    ("PutFunctionConcurrency", &["PutFunctionConcurrency20171031", "PutFunctionConcurrency"]),
    ("PutFunctionEventInvokeConfig", &["PutFunctionEventInvokeConfig"]),
    ("PutFunctionRecursionConfig", &["PutFunctionRecursionConfig"]),
    ("PutProvisionedConcurrencyConfig", &["PutProvisionedConcurrencyConfig"]),
    ("PutResourcePolicy", &["PutResourcePolicy20260709", "PutResourcePolicy"]),
    ("PutRuntimeManagementConfig", &["PutRuntimeManagementConfig"]),
    (
        "RemoveLayerVersionPermission",
        &["RemoveLayerVersionPermission20181031", "RemoveLayerVersionPermission"],
    ),
    ("RemovePermission", &["RemovePermission20150331v2", "RemovePermission20150331", "RemovePermission"]),
    ("TagResource", &["TagResource20170331v2", "TagResource20170331", "TagResource"]),
    ("UntagResource", &["UntagResource20170331v2", "UntagResource20170331", "UntagResource"]),
    ("UpdateAlias", &["UpdateAlias20150331", "UpdateAlias"]),
    ("UpdateCodeSigningConfig", &["UpdateCodeSigningConfig"]),
    ("UpdateEventSourceMapping", &["UpdateEventSourceMapping20150331", "UpdateEventSourceMapping"]),
    (
        "UpdateFunctionCode",
        &["UpdateFunctionCode20150331v2", "UpdateFunctionCode20150331", "UpdateFunctionCode"],
    ),
    (
        "UpdateFunctionConfiguration",
        &[
            "UpdateFunctionConfiguration20150331v2",
            "UpdateFunctionConfiguration20150331",
            "UpdateFunctionConfiguration",
        ],
    ),
    ("UpdateFunctionEventInvokeConfig", &["UpdateFunctionEventInvokeConfig"]),
    ("UpdateFunctionUrlConfig", &["UpdateFunctionUrlConfig"]),
];

/// Every known spelling of a Lambda event's canonical name, the current one first; empty for a name that is not known.
pub fn lambda_event_names(canonical: &str) -> &'static [&'static str] {
    match LAMBDA_NAMES.binary_search_by_key(&canonical, |entry| entry.0) {
        Ok(at) => LAMBDA_NAMES.get(at).map_or(&[], |entry| entry.1),
        Err(_) => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strips_dates_and_versions_only() {
        for (name, canonical) in [
            ("AddPermission20150331v2", "AddPermission"),
            ("CreateFunction20150331", "CreateFunction"),
            ("PublishLayerVersion20181031", "PublishLayerVersion"),
            ("UpdateFunctionCode20150331v12", "UpdateFunctionCode"),
            ("Invoke", "Invoke"),
            ("InvokeFunctionUrl", "InvokeFunctionUrl"),
            ("ListObjectsV2", "ListObjectsV2"),
            ("CreateDistribution2020_05_31", "CreateDistribution2020_05_31"),
            ("GetItem19991231", "GetItem19991231"),
            ("Name120150331", "Name120150331"),
            ("20150331", "20150331"),
            ("20150331v2", "20150331v2"),
            ("Namev2", "Namev2"),
            ("Name20150331v", "Name20150331v"),
            ("Näme20150331", "Näme"),
            ("é2015033", "é2015033"),
            ("", ""),
        ] {
            assert_eq!(canonical_name(name), canonical, "{name}");
        }
    }

    #[test]
    fn the_table_is_sorted_and_its_spellings_belong_to_their_names() {
        assert!(LAMBDA_NAMES.is_sorted_by(|a, b| a.0 < b.0));
        for (canonical, spellings) in LAMBDA_NAMES {
            assert!(spellings.contains(canonical), "{canonical}");
            for spelling in *spellings {
                assert_eq!(canonical_name(spelling), *canonical);
            }
            assert_eq!(lambda_event_names(canonical), *spellings);
        }
        assert!(lambda_event_names("Unheard").is_empty());
    }
}
