//! How long the function takes from nothing to its first answer; for docs/BENCHMARKS.md, and no assertion.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::organisation::Kind;
use crate::world::World;

/// After `make package`, `LEMMING_TEST_LAMBDA=1 LEMMING_BIN=… cargo test --test lambda -- --ignored --nocapture cold_starts`.
#[test]
#[ignore = "a measurement, of the release build"]
fn cold_starts() {
    const STARTS: usize = 21;
    let Some(world) = World::start() else { return };
    let org = world.found("org", &Kind { settings: json!({}), agents: 1, ..Kind::default() });
    let (mut init, mut first, mut second) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let began = Instant::now();
        let function = world.process("org", &world.bare_api(), &[]);
        // It is ready when it takes its first invocation. This one is refused before anything is read.
        assert!(world.invoke(&json!({ "trigger": "ready?" })).failed);
        init.push(began.elapsed());
        for times in [&mut first, &mut second] {
            let began = Instant::now();
            assert_eq!(world.invoke(&json!({})).outcome(), "closed");
            times.push(began.elapsed());
        }
        drop(function);
    }
    assert_eq!(org.calls().answered["a00"], 2 * STARTS);
    for (what, times) in [("init", &mut init), ("first tick", &mut first), ("second tick", &mut second)] {
        println!("{what:12} {}", quartiles(times));
    }
}

fn quartiles(times: &mut [Duration]) -> String {
    times.sort();
    let at = |part: usize| times[(times.len() - 1) * part / 4].as_secs_f64() * 1e3;
    format!("median {:.1} ms (quartiles {:.1} and {:.1})", at(2), at(1), at(3))
}
