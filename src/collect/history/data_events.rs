//! Calls that CloudTrail records as data events: its lookup history never has them.
//!
//! Of other services only the calls that policies are likely to be about. What is missing here is looked up in vain,
//! which costs a page.
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html>

use crate::facts::from_record::{INVOCATIONS, LAMBDA};

/// By the endpoint of their service, in order of name.
const OF_OTHERS: &[(&str, &[&str])] = &[
    (
        "cognito-identity.amazonaws.com",
        &["GetCredentialsForIdentity", "GetId", "GetOpenIdToken", "GetOpenIdTokenForDeveloperIdentity"],
    ),
    (
        "dynamodb.amazonaws.com",
        &[
            "BatchExecuteStatement",
            "BatchGetItem",
            "BatchWriteItem",
            "DeleteItem",
            "ExecuteStatement",
            "ExecuteTransaction",
            "GetItem",
            "GetRecords",
            "GetShardIterator",
            "PutItem",
            "Query",
            "Scan",
            "TransactGetItems",
            "TransactWriteItems",
            "UpdateItem",
        ],
    ),
    (
        "ebs.amazonaws.com",
        &["GetSnapshotBlock", "ListChangedBlocks", "ListSnapshotBlocks", "PutSnapshotBlock"],
    ),
    (
        "kinesis.amazonaws.com",
        &["GetRecords", "GetShardIterator", "PutRecord", "PutRecords", "SubscribeToShard"],
    ),
    (
        "rdsdata.amazonaws.com",
        &["BatchExecuteStatement", "BeginTransaction", "CommitTransaction", "ExecuteStatement"],
    ),
    (
        "s3.amazonaws.com",
        &[
            "AbortMultipartUpload",
            "CompleteMultipartUpload",
            "CopyObject",
            "CreateMultipartUpload",
            "DeleteObject",
            "DeleteObjectTagging",
            "DeleteObjects",
            "GetObject",
            "GetObjectAcl",
            "GetObjectAttributes",
            "GetObjectLegalHold",
            "GetObjectRetention",
            "GetObjectTagging",
            "GetObjectTorrent",
            "HeadObject",
            "ListObjectVersions",
            "ListObjects",
            "ListParts",
            "PutObject",
            "PutObjectAcl",
            "PutObjectLegalHold",
            "PutObjectRetention",
            "PutObjectTagging",
            "RestoreObject",
            "SelectObjectContent",
            "UploadPart",
            "UploadPartCopy",
        ],
    ),
    ("sns.amazonaws.com", &["Publish", "PublishBatch"]),
    (
        "sqs.amazonaws.com",
        &[
            "ChangeMessageVisibility",
            "ChangeMessageVisibilityBatch",
            "DeleteMessage",
            "DeleteMessageBatch",
            "ReceiveMessage",
            "SendMessage",
            "SendMessageBatch",
        ],
    ),
];

/// Is it known to be one?
pub(super) fn has(source: &str, name: &str) -> bool {
    let of = OF_OTHERS.iter().find(|(of, _)| *of == source);
    (source == LAMBDA && INVOCATIONS.contains(&name)) || of.is_some_and(|(_, names)| names.contains(&name))
}
