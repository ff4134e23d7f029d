//! What can be made again from the records alone: every turn, and every checkpoint.

use std::sync::Arc;

use lemming::domain::time::Tick;
use lemming::engine::{Prover, Replaying, replay};
use lemming::provider::Providers;
use lemming::provider::replay::Replay;
use lemming::record::state::State;
use lemming::record::turn::TurnRecord;
use lemming::record::{decode, encode};
use lemming::store::Store;
use lemming::tool::Tool;
use object_store::memory::InMemory;
use object_store::path::Path;

use super::{Evidence, Objects};

/// Every turn comes out the same again, from the records alone.
pub(super) async fn replays(evidence: &Evidence, last: u64) {
    let replaying = replaying(&evidence.objects, &evidence.tools).await;
    for tick in 1..=last {
        for turn in replay(&replaying, Tick(tick), None).await.unwrap().expect("a planned tick") {
            assert!(turn.is_equal(), "the replay of tick {tick}: {turn:?}");
        }
    }
}

/// What a replay needs, over a copy of the objects.
async fn replaying(objects: &Objects, tools: &[Arc<dyn Tool>]) -> Replaying {
    let store = Store::new(Arc::new(InMemory::new()), Path::from("org"), true);
    for (path, bytes) in objects {
        store.put_path(path, bytes.clone()).await.unwrap();
    }
    let answers = |record: Arc<TurnRecord>| -> Arc<dyn Providers> { Arc::new(Replay::of(record)) };
    Replaying { store, tools: tools.to_vec(), connector: Arc::new(lemming::tool::Unconnected), answers }
}

/// Every checkpoint equals the state rebuilt from the ticks alone.
pub(super) async fn checkpoints(objects: &Objects, last: u64) {
    let bare = Store::new(Arc::new(InMemory::new()), Path::from("org"), true);
    let kept = objects.iter().filter(|(path, _)| path.starts_with("ticks/") && path.ends_with("closed.json"));
    for (path, bytes) in kept {
        bare.put_path(path, bytes.clone()).await.unwrap();
    }
    let rebuilt = lemming::engine::load(&bare).await.unwrap().state;
    assert_eq!(rebuilt.tick, Tick(last));
    for (path, bytes) in objects.iter().filter(|(path, _)| path.starts_with("checkpoints/")) {
        let state: State = decode(bytes).expect("a checkpoint");
        assert_eq!(path, &format!("checkpoints/{:012}.json", state.tick.0));
        let rebuilt = lemming::engine::load_at(&bare, state.tick).await.unwrap();
        assert_eq!(encode(&rebuilt), &bytes[..], "{path} differs from the ticks");
    }
}

/// Every tick follows from its records, whole.
pub(super) async fn proofs(evidence: &Evidence, last: u64) {
    let replaying = replaying(&evidence.objects, &evidence.tools).await;
    let prover = Prover::new(&replaying.store);
    let mut state = State::founding();
    for tick in 1..=last {
        let proven = prover.tick(&state).await.unwrap().expect("a planned tick");
        assert!(proven.findings.is_empty(), "tick {tick}: {:?}", proven.findings);
        state = proven.after.expect("a closed tick");
    }
}
