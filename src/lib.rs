//! `lambda-audit`: who can call what in AWS Lambda, who changed that and when, what happened, and which of these
//! questions could not be answered.

pub mod facts;
pub mod logging;
pub mod snapshot;
pub mod trust;
pub mod value;
