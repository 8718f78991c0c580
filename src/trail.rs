//! Reading CloudTrail records: files, directories, standard input and the output of LookupEvents; what a record says
//! about its event, its caller and the function it is about.
//!
//! - [`read_inputs`] finds the files, reads them in parallel and gives every record to a visitor; each file has an
//!   outcome, none is dropped.
//! - [`TrailRecord`] is one record, indexed in a single strict scan and read only where asked.
//! - [`digest`] checks files against CloudTrail's own digests of them.
//! - [`Identity`] and [`FunctionRef`] are the typed readings of `userIdentity` and of the function parameters.
//!
//! Not here: AWS calls, and any judgement of what a record means.
//!
//! Record contents: <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>

mod caller;
pub mod digest;
mod field;
mod file_name;
mod find;
mod function;
mod identity;
mod index;
mod inflate;
mod json;
mod meter;
mod names;
mod order;
mod outcome;
mod prune;
mod raw;
mod read;
mod record;
mod remote;

mod skip;
mod slot;
mod space;
mod split;
mod time;
mod walk;

pub use field::Field;
pub use file_name::TrailFileName;
pub(crate) use find::{Entry, What};
pub use function::{AccountBasis, FunctionRef, LayerRef, parse_function_designator};
pub use identity::{Identity, IdentityKind, LambdaSession, Principal};
pub use json::{JsonError, JsonFault, MAX_DEPTH};
pub use meter::{Meter, Progress, Watch};
pub use names::{canonical_name, lambda_event_names};
pub use outcome::{Fault, FaultKind, FileKind, FileOutcome, ForeignWhy, Status, Stream};
pub use prune::{LeftOut, NEWER, OLDER, Prune};
pub use raw::{Raw, RawKind};
pub use read::{Options, RecordVisitor, read_inputs, read_remote, read_stream};
pub(crate) use read::{list, read_entries};
pub(crate) use record::string_field;
pub use record::{HIDDEN, TrailRecord};
pub use remote::{Content, Fetched, Remote};
pub use space::Space;
pub use time::parse_event_time;
