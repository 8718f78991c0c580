//! `lambda-audit`: who can call what in AWS Lambda, who changed that and when, what happened, and which of these
//! questions could not be answered.

pub mod facts;
pub mod policy;
pub mod trust;
pub mod value;
