//! Which trail or event data store records the invocations of a function: data-event coverage, solved per function.
//!
//! [`Recorders`] takes what was read of trails and event data stores, in any order; [`Recorders::solver`] prepares
//! their selectors once; [`Solver::solve`] answers for one function, with the selectors that prove the answer or the
//! case that excludes the function for each recorder that might have recorded it.
//!
//! What is asked is whether *every* invocation of the function is recorded by the recorders of the account that owns
//! it. Its possible records form a finite number of classes (event name, console session or not, and the values of
//! `userIdentity.arn` that selectors tell apart), and each class is checked against every selector, so selectors that
//! are narrow one by one and complete together are seen to be complete.
//!
//! Taken as given, with their sources:
//! - An invocation is a write (`readOnly` false), comes from `lambda.amazonaws.com`, and its record carries the
//!   function's unqualified ARN, also where a version or an alias was called.
//!   <https://docs.aws.amazon.com/lambda/latest/dg/logging-using-cloudtrail.html>
//! - `sessionCredentialFromConsole` is `true` or not there.
//!   <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>
//! - A trail is stopped and started in its home region for all its regions: where the status of another region was
//!   not asked for, the home region's holds. Where it was asked for, its own holds.
//!   <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_StopLogging.html>
//!
//! Not here: records of *another* account's trail. A basic selector `arn:PARTITION:lambda` also records calls that the
//! trail's own principals make to other accounts' functions; that shows some callers, never all, and counts for
//! nothing here. An organization's event data store is not shown to its members: it counts where the snapshot has the
//! account that owns it.

mod classes;
mod collected;
mod delivery;
mod exclude;
mod explain;
mod loss;
mod management;
mod patterns;
mod selector;
mod solve;

use std::fmt;

pub use collected::{Recorders, TrailSummary, normal};
pub use delivery::{Comparison, HOUR, Hours, Quarters, Read, compare};
pub use loss::{Loss, RecorderState, Touched, loss};
pub use solve::Solver;

use crate::value::{Reading, Why};

/// The function asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// The unqualified ARN, as records carry it.
    pub arn: &'a str,
    /// 12-digit id of the account that owns it.
    pub account: &'a str,
    pub region: &'a str,
    /// `aws`, `aws-cn`, …
    pub partition: &'a str,
}

/// A data event of a function. <https://docs.aws.amazon.com/lambda/latest/dg/logging-using-cloudtrail.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    Invoke,
    /// A call of the function's URL. Such calls were also seen as `Invoke`.
    InvokeFunctionUrl,
    /// The run that Lambda itself makes of an asynchronous call.
    InvokeExecution,
}

impl Event {
    pub(crate) const ALL: [Event; 3] = [Event::Invoke, Event::InvokeFunctionUrl, Event::InvokeExecution];

    /// What must be recorded for the calls of a function without a URL to be recorded. `InvokeExecution` is no call
    /// of anybody's and is not asked for.
    pub const OF_FUNCTION: &'static [Event] = &[Event::Invoke];

    /// What must be recorded for the calls of a function with a URL: a selector of `Invoke` alone may or may not see
    /// the calls of its URL, so it is not taken to.
    pub const OF_FUNCTION_WITH_URL: &'static [Event] = &[Event::Invoke, Event::InvokeFunctionUrl];

    /// The record's `eventName`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Event::Invoke => "Invoke",
            Event::InvokeFunctionUrl => "InvokeFunctionUrl",
            Event::InvokeExecution => "InvokeExecution",
        }
    }

    const fn index(self) -> usize {
        match self {
            Event::Invoke => 0,
            Event::InvokeFunctionUrl => 1,
            Event::InvokeExecution => 2,
        }
    }
}

/// Whether invocations are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Configured {
    /// Active recorders record every invocation.
    Yes,
    /// Active recorders record some invocations and not others.
    Partial,
    /// No active recorder records any.
    No,
}

impl Configured {
    /// The word of `invoke_logging.configured`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Configured::Yes => "yes",
            Configured::Partial => "partial",
            Configured::No => "no",
        }
    }
}

/// What keeps a recorder from recording a function's invocations, or some of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Case {
    /// It would record them, and is stopped.
    Stopped,
    /// It would record them, and reports a delivery error.
    DeliveryFailing,
    /// It records another region only.
    OtherRegion,
    /// The selector records read events only.
    ReadOnly,
    /// The selector is for other functions.
    OtherArn,
    /// The selector is for other events.
    OtherEvent,
    /// The selector is for some callers or sessions only.
    OtherPrincipal,
    /// A basic selector would record them, and the advanced ones replaced it.
    Replaced,
    /// No selector is for Lambda data events.
    NoDataEvents,
}

impl Case {
    /// The word of `invoke_logging.excluded`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Case::Stopped => "stopped",
            Case::DeliveryFailing => "delivery_failing",
            Case::OtherRegion => "other_region",
            Case::ReadOnly => "read_only",
            Case::OtherArn => "other_arn",
            Case::OtherEvent => "other_event",
            Case::OtherPrincipal => "other_principal",
            Case::Replaced => "replaced",
            Case::NoDataEvents => "no_data_events",
        }
    }
}

/// A case, and which trail or event data store and which selector it is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exclusion {
    pub case: Case,
    /// One sentence without its full stop.
    pub detail: String,
}

/// Something that was not read and might record invocations that nothing else is known to record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    pub why: Why,
    /// One sentence without its full stop.
    pub detail: String,
}

/// A selector that records invocations.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Proof {
    /// ARN of the trail or event data store.
    pub recorder: String,
    /// `selector 'NAME'`, or `selector N` counted from 1.
    pub selector: String,
    /// What the selector says, shortened where it is long.
    pub text: String,
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}: {}", self.recorder, self.selector, self.text)
    }
}

/// What is known of the recording of a function's invocations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Known if no completion of what was not read changes it; never absent.
    pub configured: Reading<Configured>,
    /// Whether a recorder would record invocations, and every one that would is stopped or reports a delivery error.
    pub delivery_failing: Reading<bool>,
    /// Why, as a sentence or several.
    pub reason: String,
    /// The selectors of active recorders that record all invocations, or those that are known to be recorded. No one
    /// is superfluous.
    pub proof: Vec<Proof>,
    /// What excludes or narrows, for each recorder that concerns the function; empty where all is recorded. At most
    /// [`Answer::EXCLUDED_LIMIT`].
    pub excluded: Vec<Exclusion>,
    /// What was not read and would have to be, to know; empty where the answer is known.
    pub gaps: Vec<Gap>,
}

impl Answer {
    /// The most exclusions and the most gaps that an answer names.
    pub const EXCLUDED_LIMIT: usize = 50;
}
