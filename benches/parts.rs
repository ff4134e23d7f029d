//! The parts of a turn that cost processor time: `cargo bench --bench parts`.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark fails by panicking")]

use criterion::{Criterion, criterion_group, criterion_main};
use lemming::domain::contract::{Addresses, parse};
use lemming::domain::ids::Sha;
use lemming::domain::name::AgentName;
use lemming::record::turn::TurnRecord;
use lemming::record::{decode, encode};

struct Anyone;

impl Addresses for Anyone {
    fn knows(&self, _: &AgentName) -> bool {
        true
    }
    fn may_address(&self, _: &AgentName) -> bool {
        true
    }
}

fn parts(criterion: &mut Criterion) {
    let golden = include_bytes!("../tests/golden/turn.v1.json");
    let turn: TurnRecord = decode(golden).unwrap();
    let answer = turn.exchanges.first().unwrap().answer.clone();
    criterion.bench_function("turn record to bytes", |b| b.iter(|| encode(&turn)));
    criterion.bench_function("turn record from bytes", |b| b.iter(|| decode::<TurnRecord>(golden).unwrap()));
    criterion.bench_function("hash of a turn record", |b| b.iter(|| Sha::of(golden)));
    criterion.bench_function("reply from text", |b| b.iter(|| parse(&answer, &Anyone)));
}

criterion_group!(benches, parts);
criterion_main!(benches);
