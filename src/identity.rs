//! What users and roles may do: identity policies, permissions boundaries and service control policies → rights.
//!
//! Asked is not everything but what policies judge ([`Questions`]): whether the holder may do anything at all, call or
//! rewire any function, or make and empower users and roles. A document is read once ([`Document`]); [`rights`] then
//! puts together what a user or role holds: what its policies allow, as far as the boundary and every level of service
//! control policies allow it too, less what any of them denies.
//!
//! Where AWS cannot be followed exactly, an answer allows too much and never too little:
//!
//! 1. A condition may hold or not, unless it compares the holder's own ARN or account: an Allow under it is
//!    [`May::Conditional`], and so is what a Deny under it would take away.
//! 2. A Deny takes away what it covers by itself; what only several together cover stays, and so does what a Deny on
//!    all but some resources leaves of an Allow on all but the same.
//! 3. Of "on any resource", what a policy, a boundary and a service control policy name is taken to be the same
//!    resource where each two of them can name the same.
//! 4. "On every function" is a function whose name no policy mentions, in any region that one does.
//! 5. Session policies, resource policies and the rest of the organization's policies are not looked at.
//!
//! What was not read is never "may not": it may allow, and what is known may be denied by it. Service control policies
//! never allow anything: whoever could not ask for them leaves them out, and says so.
//!
//! Pure. Rules: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics.html>,
//! `access_policies_boundaries.html`, `reference_policies_elements_resource.html`, `reference_policies_variables.html`;
//! <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_evaluation.html>.

mod document;
mod holder;
mod questions;
mod rights;
#[cfg(test)]
mod tests;

pub use document::Document;
pub use holder::{Held, Holder, Policies};
pub use questions::{IamWrite, Questions};
pub use rights::{Answer, May, Rights, rights};
