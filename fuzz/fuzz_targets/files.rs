//! Any bytes as one of the files that people write: validation finds what is wrong and does not panic,
//! and what it finds nothing wrong with runs.

#![no_main]

use ground::{Quiet, World, block_on, files};
use lemming::config::Environment;
use lemming::engine::{EngineError, Outcome};
use lemming::validate::check;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // Which one it is to be, by what it says: so that the seeds can be files as they are.
    let text = String::from_utf8_lossy(bytes);
    let path = match () {
        () if text.contains("\"instructions\"") => "agents/ada/resume.json",
        () if text.contains("\"provider\"") => "config/models.json",
        () => "org.json",
    };
    let mut files = files();
    files.insert(path, bytes.to_vec());
    block_on(async {
        let world = World::of(files).await;
        let found = check(&world.store, &Quiet, &[], &Environment::default(), None).await.expect("findings");
        match world.tick().await {
            Ok(Outcome::Ran(report)) => assert!(report.closed, "{path}: the tick is not closed"),
            Ok(Outcome::Idle { .. }) => {}
            Err(error @ EngineError::Config { .. }) => {
                assert!(found.errors() > 0, "{path}: validation finds nothing wrong, and {error}");
            }
            Err(error) => panic!("{path}: {error:?}"),
        }
    });
});
