//! Keeping an organisation: looking through all of it for damage, and mending what follows from the records.
//!
//! Nothing here is needed by a tick, and no tick waits for it.

pub mod fork;
pub mod fsck;
pub mod gc;
