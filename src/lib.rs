//! `lambda-audit`: who can call what in AWS Lambda, who changed that and when, what happened, and which of these
//! questions could not be answered.
//!
//! Data flows one way: snapshot parts and trail records → facts → engine (policies) → findings → gate → report. The
//! modules in reading order:

// What things are.
pub mod arn;
mod hashed;
pub mod moment;
mod ordered;
mod short;
mod sixteen;
mod texts;
mod threads;
pub mod trust;
pub mod value;

// What is read.
pub mod collect;
pub mod secrets;
pub mod snapshot;
pub mod store;
pub mod trail;

// What it says.
pub mod exposure;
pub mod facts;
pub mod identity;
pub mod lists;
pub mod logging;
pub mod network;
pub mod timeline;
mod watch;

// What is judged.
pub mod audit;
pub mod engine;
pub mod findings;
pub mod policy;

// What is told.
pub mod export;
pub mod report;

// What people use.
mod chance;
pub mod cli;
pub mod config;
pub mod docs;
pub mod term;
