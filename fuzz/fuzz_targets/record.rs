//! Any bytes as a record of every kind: no panic; what can be read is written in one way only, and what
//! was written is read back the same.

#![no_main]

use std::fmt::Debug;

use lemming::domain::archive::ArchiveFile;
use lemming::domain::ingress::{Control, Mail};
use lemming::domain::memory::MemoryFile;
use lemming::domain::outbox::OutboxEntry;
use lemming::engine::Head;
use lemming::record::approval::{ApprovedCall, CallResult};
use lemming::record::chain::Link;
use lemming::record::closed::Closed;
use lemming::record::delivery::{Delivered, Headway};
use lemming::record::plan::Plan;
use lemming::record::state::State;
use lemming::record::step::StepRecord;
use lemming::record::turn::TurnRecord;
use lemming::record::{Record, decode, encode};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    record::<Plan>(bytes);
    record::<Link>(bytes);
    record::<StepRecord>(bytes);
    record::<TurnRecord>(bytes);
    record::<Closed>(bytes);
    record::<State>(bytes);
    record::<Head>(bytes);
    record::<ApprovedCall>(bytes);
    record::<CallResult>(bytes);
    record::<Delivered>(bytes);
    record::<Headway>(bytes);
    // Without a format of their own, or in files that people write as well.
    plain(bytes, |bytes| serde_json::from_slice::<OutboxEntry>(bytes).ok());
    plain(bytes, |bytes| serde_json::from_slice::<MemoryFile>(bytes).ok());
    plain(bytes, |bytes| serde_json::from_slice::<ArchiveFile>(bytes).ok());
    plain(bytes, |bytes| serde_json::from_slice::<Mail>(bytes).ok());
    plain(bytes, |bytes| serde_json::from_slice::<Control>(bytes).ok());
    plain(bytes, |bytes| serde_json::from_slice::<Value>(bytes).ok());
});

fn record<R: Record + PartialEq + Debug>(bytes: &[u8]) {
    if let Ok(record) = decode::<R>(bytes) {
        assert!(record.format() <= R::FORMAT, "a newer format was read");
        plain(bytes, |bytes| decode::<R>(bytes).ok());
    }
}

fn plain<T: serde::Serialize + PartialEq + Debug>(bytes: &[u8], read: impl Fn(&[u8]) -> Option<T>) {
    let Some(value) = read(bytes) else { return };
    let written = encode(&value);
    let Some(again) = read(&written) else {
        panic!("what was written cannot be read: {}", String::from_utf8_lossy(&written));
    };
    assert_eq!(again, value, "what was written is read back");
    assert_eq!(encode(&again), written, "and written in the same way");
}
