//! Facts from a snapshot. It is read twice: the first pass ([`Index`]) learns what joins parts and which calls ended
//! how; the second ([`StateFacts`]) makes facts as parts stream by, and at its end those that join.
//!
//! What a snapshot should hold and does not makes facts with unread fields: it is judged unknown, never passed over.

mod alerts;
mod base;
mod call;
mod controls;
mod counted;
mod guardrails;
mod identities;
mod index;
mod joined;
mod missing;
mod settings;
mod state;

pub use call::CallState;
pub use counted::Countable;
pub use index::Index;
pub use state::StateFacts;
