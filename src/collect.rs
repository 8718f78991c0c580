//! Live accounts: asks AWS what the loaded policies need and writes each answer as a part of a snapshot.
//!
//! `needs` says which APIs that are, and with which permissions; `plan` what it costs. With the feature `aws`, the
//! rest asks: `session` finds accounts, regions and credentials, `walk` decides what to ask next, `ask` sends one
//! request, `pace` keeps to a share of the quotas, `sink` writes. `history` says which records of the past are looked
//! up, `records` looks them up, `spool` keeps them.
//!
//! Not here: what the answers mean (`facts::from_snapshot`).

pub mod history;
pub mod needs;
pub mod plan;
pub mod quota;

#[cfg(feature = "aws")]
mod ask;
#[cfg(feature = "aws")]
mod authorization;
#[cfg(feature = "aws")]
mod clients;
#[cfg(feature = "aws")]
mod ec2;
#[cfg(feature = "aws")]
mod gauge;
#[cfg(feature = "aws")]
mod guardrails;
#[cfg(feature = "aws")]
mod http;
#[cfg(feature = "aws")]
mod json;
#[cfg(feature = "aws")]
mod metrics;
#[cfg(feature = "aws")]
mod outcome;
#[cfg(feature = "aws")]
mod pace;
#[cfg(feature = "aws")]
mod prefix;
#[cfg(feature = "aws")]
mod records;
#[cfg(feature = "aws")]
mod redact;
#[cfg(feature = "aws")]
mod run;
#[cfg(feature = "aws")]
mod s3;
#[cfg(feature = "aws")]
mod session;
#[cfg(feature = "aws")]
mod sink;
#[cfg(feature = "aws")]
mod spool;
#[cfg(feature = "aws")]
mod trust;
#[cfg(feature = "aws")]
mod walk;

#[cfg(feature = "aws")]
pub use gauge::{Gauge, Reached};
#[cfg(feature = "aws")]
pub use records::LookUps;
#[cfg(feature = "aws")]
pub use run::{Ended, Opened, Options, Stop, collect, estimate};
#[cfg(feature = "aws")]
pub use s3::{Buckets, Location};
#[cfg(feature = "aws")]
pub use session::{Accounts, CollectError, Regions, Whence};
#[cfg(feature = "aws")]
pub use sink::{Counts, Known, Sink};
