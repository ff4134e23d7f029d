//! How many may listen at once: a seat each, which is free again when it is dropped.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::api::limit::Who;

/// How many may listen to one server. Fewer than it has connections, so that there are always some for requests.
const SEATS: usize = 384;

/// How many connections of them one key, or one address without a key, may have.
const SEATS_OF_ONE: usize = 20;

/// The seats of a server.
#[derive(Debug, Default)]
pub(in crate::api) struct Seats {
    taken: Mutex<HashMap<Who, usize>>,
}

/// The right to listen.
#[derive(Debug)]
pub(in crate::api) struct Seat {
    seats: Arc<Seats>,
    who: Who,
}

impl Seats {
    /// A seat, if there is one.
    pub(in crate::api) fn take(self: &Arc<Self>, who: Who) -> Option<Seat> {
        let mut taken = self.lock();
        let all: usize = taken.values().sum();
        if all >= SEATS || taken.get(&who).is_some_and(|own| *own >= SEATS_OF_ONE) {
            return None;
        }
        *taken.entry(who.clone()).or_default() += 1;
        Some(Seat { seats: Arc::clone(self), who })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Who, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        if let Some(own) = taken.get_mut(&self.who) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.who);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(last: u16) -> Who {
        Who::at(format!("192.0.{}.{}", last / 256, last % 256).parse().ok())
    }

    #[test]
    fn nobody_has_more_than_a_few_seats_and_they_are_free_again() {
        let seats = Arc::new(Seats::default());
        let mut own: Vec<Seat> = (0..SEATS_OF_ONE).map(|_| seats.take(who(1)).expect("a seat")).collect();
        assert!(seats.take(who(1)).is_none());
        assert!(seats.take(who(2)).is_some(), "others are not concerned");
        own.pop();
        assert!(seats.take(who(1)).is_some());
        drop(own);
        assert!(seats.lock().is_empty());
    }

    #[test]
    fn all_together_leave_room_for_requests() {
        let seats = Arc::new(Seats::default());
        let taken: Vec<Seat> = (0..1000).filter_map(|n| seats.take(who(n))).collect();
        assert_eq!(taken.len(), SEATS);
    }
}
