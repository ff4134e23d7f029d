//! Delivery: what was said and what is wrong leaves the organisation by itself, as the rules in `org.json` say.
//!
//! A [`Courier`] goes through closed ticks after the engine is done with them, outside any tick's transaction: it reads their
//! records, hands what matches to a [`Carrier`], and keeps per rule how far it came ([`crate::record::delivery`]). At least
//! once, with the entry's id for whoever wants it once: a runner that dies between the answer and the hint sends again. It
//! refuses to take longer than it is given, to let one rule wait for another's receiver, and to keep what a receiver says.

mod backoff;
mod carrier;
mod outside;
mod parcel;
mod pass;
mod stuck;
mod way;

pub use self::carrier::{Carrier, Failure, Sending, Whose};
pub use self::outside::{Outside, check_place, check_url};
pub use self::parcel::{Parcel, What, problem_id};
pub use self::pass::{Courier, Looked, Occasion, PassTerms, RulePass};
pub use self::stuck::{Stuck, headway, stuck};
