//! What happens, told as it happens: typed events, derived from the records alone.
//!
//! Wherever ticks run, whoever reads the records tells the same events under the same ids, and a [`Cursor`] is all that
//! it takes to go on behind one of them. `derive` says what a plan, a turn and a close tell; [`Walk`] finds them, of an
//! open tick in the order in which it comes upon them; [`page()`] is for those who ask now and then. Refuses to know who
//! listens: that is the API's business.

mod cursor;
mod derive;
mod event;
mod page;
#[cfg(test)]
mod tests;
mod walk;

pub use self::cursor::{Cursor, NoCursor};
pub use self::event::{Event, MAX_EVENT_BYTES, Told, TurnEnd, What};
pub use self::page::{Page, page, reset};
pub use self::walk::{AT_ONE_LOOK, CHUNK, Next, Walk};

/// From so many ticks back nobody is told what happened: they load what there is now, which is less.
pub const MAX_TICKS_BACK: u64 = 100;
