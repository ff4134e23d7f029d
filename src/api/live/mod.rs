//! Live: one follower for each organisation that somebody listens to, and all who listen.
//!
//! A follower reads the records and tells everybody at once, whoever runs the ticks and wherever. It begins with the
//! first who listens and ends with the last. Those who come later, or come back, are told what they missed from the
//! records, up to where the follower stands, and go on from there with the others: nothing twice, nothing left out.
//! Nobody is waited for: who takes too long is dropped, and goes on from his cursor when he comes back.
//!
//! [`feed`] is the follower, a chore of the server, [`subscription`] one who listens and [`choice`] to what; [`stream`] and
//! [`socket`] are how it is said to him, [`seats`] how many may listen, and [`takeover`] whom a socket belongs to.

pub(super) mod choice;
pub(super) mod feed;
pub(super) mod seats;
pub(super) mod socket;
pub(super) mod stream;
pub(super) mod subscription;
pub(super) mod takeover;
#[cfg(test)]
mod tests;

use std::time::Duration;

/// So often those who listen hear that the connection lives, at least.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(15);
