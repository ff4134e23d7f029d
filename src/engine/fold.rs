//! Fold.

/// After so many failures in a row that the mail can have caused, it is given up.
pub(super) const BLAMED_TURNS: u32 = 3;
