//! Standing detection: what a team deploys so that a policy's records are seen as they come, as EventBridge rules or as
//! CloudWatch Logs metric filters. `carried` says which part of a policy a pattern over one record can hold; `pattern`
//! writes it in each service's language; `template` makes something to deploy of it. Pure.
//!
//! What is written is never narrower than its policy: a record that the policy fires on matches. Conditions that no
//! pattern can hold (who a grant admits, whose account is trusted, what came before) are left out, and named.

mod carried;
mod pattern;
mod template;

pub use carried::{Carried, Condition, NotCarried, Path, carried};
pub use pattern::{Threshold, event_pattern, filter_pattern, threshold};
pub use template::{Detector, Tool, template};

/// The service whose patterns are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    EventBridge,
    /// Metric filters of CloudWatch Logs, each with an alarm.
    MetricFilter,
}
