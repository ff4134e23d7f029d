//! Any bytes as mail and as a command: they are admitted or shown as a problem, the tick is closed, and
//! so is the next one.

#![no_main]

use bytes::Bytes;
use ground::{World, block_on, files};
use lemming::chronicle;
use lemming::domain::time::Tick;
use lemming::engine::Outcome;
use lemming::store::Key;
use libfuzzer_sys::fuzz_target;

const MAIL: &str = "ingress/mail/01890a5d-ac96-774b-bcce-b302099a8057.json";
const CONTROL: &str = "ingress/control/01890a5d-ac96-774b-bcce-b302099a8058.json";

fuzz_target!(|bytes: &[u8]| {
    block_on(async {
        let world = World::of(files()).await;
        for path in [MAIL, CONTROL] {
            let key = Key::parse(path).expect("an ingress key");
            world.store.put(&key, Bytes::copy_from_slice(bytes)).await.expect("a put in memory");
        }
        for tick in 1..=2 {
            let Outcome::Ran(report) = world.tick().await.expect("a tick") else {
                // Only a command can have done that.
                let state = chronicle::tick(&world.store, Tick(tick - 1)).await.expect("records").expect("a tick");
                assert_eq!(state.closed.expect("closed").paused, Some(true), "idle without a pause");
                return;
            };
            assert!(report.closed, "tick {tick} is not closed");
        }
        let first = chronicle::tick(&world.store, Tick(1)).await.expect("records").expect("a tick");
        let admitted = first.plan.ingress.len();
        let refused = first.plan.problems.iter().filter(|problem| problem.kind == "broken_ingress").count();
        assert_eq!(admitted + refused, 2, "each is admitted or shown");
        for path in [MAIL, CONTROL] {
            let left = world.store.get_path(path).await.expect("a get").is_some();
            let is_shown = first.plan.problems.iter().any(|problem| problem.path.as_deref() == Some(path));
            assert_eq!(left, is_shown, "what was admitted is deleted, what was not stays: {path}");
        }
    });
});
