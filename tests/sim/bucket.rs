//! The bucket: objects, and when each was last written by the bucket's own clock. What it does to them,
//! it does at once; whatever can go wrong on the way is the network's.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use lemming::domain::ids::Sha;
use tokio::time::Instant;

use crate::witness::Witness;

/// The first moment of every world: two minutes before a month ends, so that budgets renew in it.
pub const BEGINNING_MS: i64 = 1_801_439_880_000;

/// Who does something to the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hand {
    /// A runner's process.
    Runner(usize),
    /// Somebody who edits files, or mails.
    Person,
}

#[derive(Debug, Clone)]
pub struct Object {
    pub bytes: Bytes,
    pub modified_ms: i64,
}

/// The bucket, with a witness beside it who sees all that is done to it.
#[derive(Debug)]
pub struct Bucket {
    began: Instant,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
pub struct Inner {
    pub objects: BTreeMap<String, Object>,
    pub witness: Witness,
    pub trace: Trace,
}

/// What happened, in a few bytes; and in words for whoever looks at one seed.
#[derive(Debug)]
pub struct Trace {
    digest: u64,
    pub events: u64,
    loud: bool,
}

impl Trace {
    /// Notes an event.
    #[expect(clippy::print_stderr, reason = "the trace of one seed, when somebody asks for it")]
    pub fn note(&mut self, at_ms: i64, what: &str) {
        let mut line = String::new();
        let _ = write!(line, "{at_ms} {what}");
        // Fowler, Noll and Vo's hash, chained over all lines.
        for byte in line.bytes() {
            self.digest = (self.digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self.events += 1;
        if self.loud {
            let ms = at_ms - BEGINNING_MS;
            eprintln!("{:>6}.{:03} {what}", ms / 1000, ms % 1000);
        }
    }

    pub fn digest(&self) -> u64 {
        self.digest
    }
}

impl Bucket {
    pub fn new(loud: bool) -> Self {
        let trace = Trace { digest: 0xcbf2_9ce4_8422_2325, events: 0, loud };
        let inner = Inner { objects: BTreeMap::new(), witness: Witness::default(), trace };
        Self { began: Instant::now(), inner: Mutex::new(inner) }
    }

    /// The bucket's clock.
    pub fn now_ms(&self) -> i64 {
        BEGINNING_MS + i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    pub fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn note(&self, what: &str) {
        let now = self.now_ms();
        self.inner().trace.note(now, what);
    }

    /// Puts an object there if there is none; says whether it did.
    pub fn create(&self, hand: Hand, path: &str, bytes: Bytes) -> bool {
        let there = self.inner().objects.contains_key(path);
        if there {
            self.note(&format!("{hand:?} may not create {path}"));
        } else {
            self.write(hand, "creates", path, bytes);
        }
        !there
    }

    /// Puts an object there, over whatever is there.
    pub fn put(&self, hand: Hand, path: &str, bytes: Bytes) {
        self.write(hand, "puts", path, bytes);
    }

    fn write(&self, hand: Hand, verb: &str, path: &str, bytes: Bytes) {
        let now = self.now_ms();
        let inner = &mut *self.inner();
        inner.trace.note(now, &format!("{hand:?} {verb} {path} {}", Sha::of(&bytes).short()));
        inner.witness.written(&inner.objects, hand, path, &bytes);
        inner.objects.insert(path.to_owned(), Object { bytes, modified_ms: now });
    }

    pub fn delete(&self, hand: Hand, path: &str) -> bool {
        let now = self.now_ms();
        let inner = &mut *self.inner();
        inner.trace.note(now, &format!("{hand:?} deletes {path}"));
        inner.witness.deleted(&inner.objects, hand, path);
        inner.objects.remove(path).is_some()
    }

    pub fn get(&self, path: &str) -> Option<Object> {
        self.inner().objects.get(path).cloned()
    }

    /// The objects below a prefix, with their sizes.
    pub fn below(&self, prefix: &str) -> Vec<(String, Object)> {
        let inner = self.inner();
        let from = inner.objects.range(prefix.to_owned()..);
        from.take_while(|(path, _)| path.starts_with(prefix)).map(|(path, o)| (path.clone(), o.clone())).collect()
    }
}
