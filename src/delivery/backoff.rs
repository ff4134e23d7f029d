//! When something is tried again: after a pause that doubles, up to a cap.

use std::time::Duration;

use super::carrier::{Failure, Whose};
use crate::domain::time::Timestamp;

/// The pause after the first failure.
const FIRST: Duration = Duration::from_secs(5);

/// The longest pause, whatever a receiver asks for: after it, it is asked again.
pub(super) const CAP: Duration = Duration::from_millis(CAP_MS.unsigned_abs());

const CAP_MS: i64 = 15 * 60 * 1_000;

/// Not before then, after so many failures in a row, the last of which was this one.
pub(super) fn not_before(now: Timestamp, failures: u32, last: &Failure) -> Timestamp {
    let doubled = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(CAP);
    let pause = match last.whose {
        // Nothing changes by asking soon: a person has to mend something.
        Whose::Item => CAP,
        Whose::Receiver => last.retry_after.map_or(doubled, |wanted| wanted.min(CAP).max(doubled)),
        Whose::Here => Duration::ZERO,
    };
    Timestamp::from_unix_ms(now.unix_ms() + i64::try_from(pause.as_millis()).unwrap_or(i64::MAX / 2))
}

/// Says whether something rests until a moment. One that is further off than any pause was set by another clock.
pub(super) fn rests(until: Option<Timestamp>, now: Timestamp) -> bool {
    let left = |until: Timestamp| until.unix_ms().saturating_sub(now.unix_ms());
    until.is_some_and(|until| (1..=CAP_MS).contains(&left(until)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_rests_longer_than_a_pause_whatever_the_clock_did() {
        let at = Timestamp::from_unix_ms;
        for (until, now, is_resting) in [
            (None, 0, false),
            (Some(0), 0, false),
            (Some(1), 0, true),
            (Some(CAP_MS), 0, true),
            (Some(CAP_MS + 1), 0, false),
            (Some(5_000), -86_400_000, false),
            (Some(i64::MAX), i64::MIN, false),
        ] {
            assert_eq!(rests(until.map(at), at(now)), is_resting, "{until:?} {now}");
        }
    }

    #[test]
    fn the_pause_doubles_up_to_its_cap_and_a_receiver_may_ask_for_more() {
        let now = Timestamp::from_unix_ms(0);
        let after = |failures, failure: &Failure| not_before(now, failures, failure).unix_ms() / 1_000;
        let plain = Failure::of_receiver("down");
        let seconds: Vec<i64> = (1..=10).map(|n| after(n, &plain)).collect();
        assert_eq!(seconds, [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]);
        assert_eq!(after(u32::MAX, &plain), 900);
        let asks =
            |seconds| Failure { retry_after: Some(Duration::from_secs(seconds)), ..Failure::of_receiver("busy") };
        assert_eq!((after(1, &asks(60)), after(1, &asks(1)), after(1, &asks(86_400))), (60, 5, 900));
        assert_eq!(after(1, &Failure::of_item("no")), 900);
        assert_eq!(after(3, &Failure::here("not set")), 0);
    }
}
