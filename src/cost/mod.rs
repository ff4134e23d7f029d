//! What an organisation costs in a month, estimated from what it is made of. Pure: no store, no clock.
//!
//! [`Shape`] says what it is made of, [`month()`] what a month of it comes to under a [`Load`]; [`requests`] holds the formulas
//! that a test holds against a counting store, [`prices`] the dated table. `docs/COST.md` explains all of it.
//!
//! Amounts are dollars, as [`Credits`](crate::domain::credits::Credits): integers of a millionth, rounded up at each line.

mod month;
pub mod prices;
pub mod requests;
mod shape;

pub use self::month::{Computer, Line, Load, Month, Unit, month};
pub use self::shape::{Group, MONTH_MS, Mean, Shape, Tokens, Turn};
