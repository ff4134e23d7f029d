//! Jobs that never end, grow or multiply: they end within the limits, and nothing of them stays.

use std::time::{Duration, Instant};

use super::{World, assert_none_is_left, mark, marked};

#[tokio::test]
async fn a_program_that_waits_for_ever_is_stopped_at_the_time_limit() {
    let Some(mut world) = World::with_more().await else { return };
    world.limits.wall_ms = 700;
    let began = Instant::now();
    let error = world.script(&marked("echo lost > workspace/lost; sleep MARK & sleep MARK", 1)).await.unwrap_err();
    assert!(error.contains("did not end within 0.7 seconds"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(5));
    assert!(world.desk.log.is_empty());
    assert_none_is_left(&mark(1));
}

#[tokio::test]
async fn a_call_that_is_dropped_leaves_nothing() {
    let Some(mut world) = World::with_more().await else { return };
    let script = marked("sleep MARK", 2);
    let call = world.script(&script);
    assert!(tokio::time::timeout(Duration::from_millis(500), call).await.is_err());
    assert_none_is_left(&mark(2));
    assert_eq!(std::fs::read_dir(world.folder.path().join("scratch")).unwrap().count(), 0);
}

#[tokio::test]
async fn an_endless_loop_is_stopped_by_its_processor_time() {
    let Some(mut world) = World::with_more().await else { return };
    world.limits.cpu_seconds = 1;
    world.limits.wall_ms = 60_000;
    let result = world.script("while :; do :; done").await.unwrap();
    assert_eq!(result["signal"], 24, "{result}");
    assert!(result["notes"].to_string().contains("processor time"), "{result}");
}

#[tokio::test]
async fn a_fork_bomb_ends_and_nothing_of_it_is_left() {
    let Some(mut world) = World::with_more().await else { return };
    // Whichever limit it meets first.
    let _ = world.script(&marked("bomb() { : MARK; bomb | bomb & }; bomb; sleep 1", 3)).await;
    assert_none_is_left(&mark(3));
    let result = world.shell(&["echo", "alive"]).await.unwrap();
    assert_eq!(result["stdout"], "alive\n");
}

#[tokio::test]
async fn no_more_processes_than_allowed_run_at_once() {
    let Some(mut world) = World::with_more().await else { return };
    let result =
        world.script(&marked("i=0; while [ $i -lt 40 ]; do sleep MARK & i=$((i+1)); done; echo all", 4)).await.unwrap();
    assert!(result["stderr"].as_str().unwrap().to_lowercase().contains("fork"), "{result}");
    assert_none_is_left(&mark(4));
}

#[tokio::test]
async fn a_memory_hog_does_not_get_its_memory() {
    let Some(mut world) = World::with_more().await else { return };
    world.limits.memory_bytes = 400 << 20;
    world.limits.cpu_seconds = 10;
    let result = world.script("a=xxxxxxxxxxxxxxxx; while :; do a=$a$a; done").await.unwrap();
    assert_ne!(result["exit_code"], 0, "{result}");
    let error = world.python("a = [0]\nwhile True:\n    a = a + a").await.unwrap_err();
    assert!(error.contains("more memory"), "{error}");
}

#[tokio::test]
async fn endless_output_is_cut_and_ends_the_program() {
    let Some(mut world) = World::with_more().await else { return };
    let result = world.shell(&["yes"]).await.unwrap();
    assert_eq!(result["signal"], 13, "{result}");
    let stdout = result["stdout"].as_str().unwrap();
    assert!(stdout.len() < 40_000 && stdout.contains("[at least ") && stdout.starts_with("y\ny\n"), "{}", stdout.len());
    let result = world.script("yes >&2").await.unwrap();
    assert!(result["stderr"].as_str().unwrap().len() < 10_000);
}

#[tokio::test]
async fn huge_and_countless_files_end_their_maker() {
    let Some(mut world) = World::with_more().await else { return };
    let result = world.script("yes > workspace/huge").await.unwrap();
    // A shell says a signal as 128 and its number.
    assert!(result["exit_code"] == 153 || result["signal"] == 25, "{result}");
    assert!(result["notes"].to_string().contains("workspace/huge has more than"), "{result}");
    world.limits.file_bytes = 1 << 20;
    world.limits.scratch_bytes = 8 << 20;
    let error =
        world.script("i=0; while :; do i=$((i+1)); yes | head -c 1000000 > workspace/$i; done").await.unwrap_err();
    assert!(error.contains("filled its folder"), "{error}");
    let error = world.script("i=0; while :; do i=$((i+1)); : > home/$i; done").await.unwrap_err();
    assert!(error.contains("filled its folder"), "{error}");
    let error = world.script("while :; do mkdir home/d; cd home; done; while :; do mkdir d; cd d; done").await;
    assert!(error.is_err() || error.is_ok_and(|result| result.get("written").is_none()));
    assert!(world.desk.log.is_empty());
}
