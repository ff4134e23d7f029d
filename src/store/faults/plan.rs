//! Decides what goes wrong and when: by odds from a seed, or by script.

use object_store::path::Path;
use object_store::{PutOptions, PutPayload};

/// The most operations a late put waits for.
const LATEST: u64 = 8;

/// How likely each misbehaviour is, in thousandths of the operations it applies to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Odds {
    /// Any operation fails and was not applied.
    pub fail_before: u16,
    /// A put fails although it was applied, a listing breaks off in the middle.
    pub fail_after: u16,
    /// A create reports that the object exists although nothing does, as S3's 409.
    pub false_conflict: u16,
    /// A create is applied and reports that the object exists, as when a client retries.
    pub own_conflict: u16,
    /// A put fails and is applied by a later operation.
    pub late: u16,
    /// Any operation is refused because there were too many.
    pub throttle: u16,
    /// A listing is in no order.
    pub shuffle: u16,
}

impl Odds {
    /// Everything that can happen does, this often each.
    #[must_use]
    pub const fn all(per_mille: u16) -> Self {
        Self {
            fail_before: per_mille,
            fail_after: per_mille,
            false_conflict: per_mille,
            own_conflict: per_mille,
            late: per_mille,
            throttle: per_mille,
            shuffle: per_mille,
        }
    }

    /// The faults that an operation can meet and how often.
    fn of(self, op: Op, create: bool) -> Vec<(u16, Fault)> {
        let mut odds = vec![(self.throttle, Fault::Throttle), (self.fail_before, Fault::FailBefore)];
        match op {
            Op::Put => odds.extend([(self.fail_after, Fault::FailAfter), (self.late, Fault::Late(0))]),
            Op::Delete => odds.push((self.fail_after, Fault::FailAfter)),
            Op::List => odds.extend([(self.fail_after, Fault::FailAfter), (self.shuffle, Fault::Shuffle)]),
            Op::Get => {}
        }
        if create {
            odds.extend([(self.false_conflict, Fault::FalseConflict), (self.own_conflict, Fault::OwnConflict)]);
        }
        odds
    }
}

/// The operations that can be told to misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// A put of any mode.
    Put,
    /// A get or head.
    Get,
    /// A listing of any kind.
    List,
    /// The delete of one object.
    Delete,
}

/// One misbehaviour. Where it does not apply to an operation, that operation fails without being applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails and was not applied.
    FailBefore,
    /// It fails although it was applied; a listing breaks off in the middle.
    FailAfter,
    /// It reports that the object exists and was not applied.
    FalseConflict,
    /// It reports that the object exists and was applied if it could be.
    OwnConflict,
    /// A put fails, and is applied at the beginning of the operation that many after it; 0 draws a number from 1 to 8.
    Late(u64),
    /// It is refused because there were too many.
    Throttle,
    /// A listing is in no order.
    Shuffle,
    /// It is refused for who asks. By script alone: no retry helps against it.
    Denied,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) rng: SplitMix64,
    pub(super) odds: Odds,
    pub(super) script: Vec<(Op, u32, Fault)>,
    pub(super) late: Vec<LatePut>,
    pub(super) injected: u64,
}

#[derive(Debug)]
pub(super) struct LatePut {
    pub(super) wait: u64,
    pub(super) location: Path,
    pub(super) payload: PutPayload,
    pub(super) opts: PutOptions,
}

impl State {
    pub(super) fn new(seed: u64) -> Self {
        Self { rng: SplitMix64(seed), odds: Odds::default(), script: vec![], late: vec![], injected: 0 }
    }

    /// Keeps a put for later.
    pub(super) fn put_later(&mut self, wait: u64, location: Path, payload: PutPayload, opts: PutOptions) {
        let wait = if wait == 0 { 1 + self.rng.below(LATEST) } else { wait };
        self.late.push(LatePut { wait, location, payload, opts });
    }

    /// The puts that land now, at the beginning of an operation.
    pub(super) fn due(&mut self) -> Vec<LatePut> {
        let (due, mut late): (Vec<_>, Vec<_>) = self.late.drain(..).partition(|put| put.wait <= 1);
        late.iter_mut().for_each(|put| put.wait -= 1);
        self.late = late;
        due
    }

    /// What goes wrong with this operation.
    pub(super) fn decide(&mut self, op: Op, create: bool) -> Option<Fault> {
        let mut scripted = None;
        self.script.retain_mut(|(of, left, fault)| {
            *left -= u32::from(*of == op);
            let now = *left == 0;
            if now {
                scripted = Some(*fault);
            }
            !now
        });
        let fault = scripted.or_else(|| {
            // One draw for each operation, so that what one meets does not depend on the odds of another.
            let mut draw = self.rng.below(1000);
            self.odds.of(op, create).into_iter().find_map(|(odds, fault)| {
                let hit = draw < u64::from(odds);
                draw = draw.wrapping_sub(u64::from(odds));
                hit.then_some(fault)
            })
        });
        self.injected += u64::from(fault.is_some());
        fault
    }
}

/// Steele, Lea and Flood's generator: small, and the same on every system.
#[derive(Debug)]
pub(super) struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below a small bound.
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = usize::try_from(self.below(last as u64 + 1)).unwrap_or_default();
            items.swap(last, other);
        }
    }
}
