//! Real processes and bad surroundings: who waits for whom, who leaves how, and what a disk or a
//! bucket that does not work looks like. Each time: the exit code, the message, nothing half-done.
#![cfg(unix)]
#![allow(missing_docs, unreachable_pub, reason = "a test is no library")]
#![allow(clippy::disallowed_methods, reason = "a test of real processes has the real clock")]

mod denied;
mod disks;
mod world;

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::world::{Running, World, failed, text};

#[test]
fn the_second_waits_says_for_whom_and_takes_over_from_the_dead() {
    let world = World::found("400ms");
    world.shut_gate();
    let mut first = Running::start(&world, &["tick"]);
    first.until_called(&world, 1);
    let holder = world.json("ticks/000000000001/shards/0/0000.json")["by"].as_str().expect("a runner").to_owned();
    let mut second = Running::start(&world, &["tick"]);
    let said = second.until("waiting: ");
    assert!(said.contains(&format!("runner {holder} holds shard 0 of tick 1")), "{said}");
    // Longer than a lease: whoever shows life is not passed over.
    std::thread::sleep(Duration::from_millis(1000));
    assert!(first.is_running() && second.is_running());
    assert_eq!(world.calls(), 1);
    first.signal(Signal::KILL);
    assert_eq!(first.end().0, None);
    world.open_gate();
    let (code, said) = second.end();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(said.matches("waiting: ").count(), 1, "{said}");
    let closed = world.json("ticks/000000000001/closed.json");
    assert_eq!(closed["turns"]["ada"]["status"], "ok");
    let turn = world.json("ticks/000000000001/turns/ada.json");
    assert_ne!(turn["by"], json!(holder));
    assert_eq!(world.calls(), 2);
    let charge = &closed["turns"]["ada"]["charge"];
    assert!(charge["paid"].as_f64() >= Some(0.01) && charge["forfeited"].as_f64() >= Some(0.01), "{charge}");
}

#[test]
fn a_loop_that_is_told_to_leave_releases_and_the_next_goes_on_at_once() {
    for signal in [Signal::TERM, Signal::INT] {
        // A lease that nobody could wait for.
        let world = World::found("10m");
        world.shut_gate();
        let mut first = Running::start(&world, &["run", "--every", "1ms"]);
        first.until_called(&world, 1);
        first.signal(signal);
        let (code, said) = first.end();
        // The tick is not closed: that is what the code says.
        assert_eq!(code, Some(5), "{said}");
        assert!(said.contains("\"event\":\"stopping\"") && said.contains("\"event\":\"shard_released\""), "{said}");
        assert!(said.contains("calls under way are given up"), "{said}");
        let release = world.json("ticks/000000000001/shards/0/0001.json");
        assert_eq!((&release["link"], &release["spent"][0]["agent"]), (&json!("release"), &json!("ada")));
        assert!(!world.root().join("ticks/000000000001/turns").exists());
        world.open_gate();
        let began = Instant::now();
        let output = world.run(&["tick", "--json"]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        let tick: Value = serde_json::from_slice(&output.stdout).expect("a document");
        assert_eq!((&tick["tick"], &tick["closed"], &tick["resumed"]), (&json!(1), &json!(true), &json!(true)));
        // The call that was given up may have been paid: it is charged, and nothing more.
        assert_eq!(world.json("ticks/000000000001/closed.json")["turns"]["ada"]["charge"]["unanswered"], json!(0.01));
        assert_eq!(world.calls(), 2);
    }
}

#[test]
fn a_loop_that_rests_between_ticks_ends_at_once_and_well() {
    let world = World::found("10m");
    let mut running = Running::start(&world, &["run", "--every", "1h"]);
    running.until(r#""event":"tick_closed""#);
    // After the close come the hint and the report; then it rests.
    std::thread::sleep(Duration::from_millis(300));
    running.signal(Signal::INT);
    let began = Instant::now();
    let (code, said) = running.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("\"event\":\"stopping\"") && !said.contains("given up"), "nothing is under way: {said}");
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(fs::read_dir(world.root().join("ticks")).expect("ticks").count(), 1);
}

#[test]
fn a_demo_that_is_stopped_says_that_it_can_go_on_and_does() {
    let world = World::found("30s");
    let mut running = Running::start(&world, &["demo", "--ticks", "1000", "--dir", "a demo"]);
    running.until(r#""event":"tick_closed""#);
    running.signal(Signal::INT);
    let (code, said) = running.end();
    assert!(matches!(code, Some(0 | 5)), "{code:?}: {said}");
    assert!(said.contains("stopped: the same `lemming demo` goes on with it; remove it: rm -r 'a demo'"), "{said}");
    let output = world.run(&["demo", "--ticks", "1", "--dir", "a demo"]);
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{told}{}", text(&output.stderr));
    assert!(told.contains("lemming --store 'a demo' status"), "{told}");
}

#[test]
fn a_bucket_that_cannot_be_reached_is_given_up_soon() {
    let world = World::found("30s");
    let url = "s3://nowhere?endpoint=http://127.0.0.1:1&allow_http=true&region=us-east-1";
    for args in [vec!["tick"], vec!["status"], vec!["bootstrap"], vec!["send", "ada", "hello"]] {
        let began = Instant::now();
        let mut command = world.lemming(&args);
        command.args(["--json", "--store", url]);
        command.env("AWS_ACCESS_KEY_ID", "nobody").env("AWS_SECRET_ACCESS_KEY", "never-shown");
        let output = command.output().expect("the program");
        let took = began.elapsed();
        let (code, error) = failed(&output);
        assert_eq!((code, &error["code"]), (Some(4), &json!("store")), "{args:?}: {error}");
        assert!(took < Duration::from_secs(20), "{args:?}: {took:?}");
        let said = error.to_string();
        assert!(said.contains("127.0.0.1:1") && !said.contains("never-shown"), "{args:?}: {said}");
    }
}

#[test]
fn without_agents_or_without_an_organisation_nothing_is_written() {
    let world = World::found("30s");
    fs::remove_dir_all(world.root().join("agents")).expect("remove");
    let before = world.files();
    let output = world.run(&["tick", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let tick: Value = serde_json::from_slice(&output.stdout).expect("a document");
    assert_eq!((&tick["tick"], &tick["idle"]), (&Value::Null, &json!("no_agents")), "{tick}");
    assert_eq!(world.files(), before);
    fs::remove_file(world.root().join("org.json")).expect("remove");
    let before = world.files();
    for args in [vec!["tick"], vec!["run", "--ticks", "1"], vec!["status"], vec!["send", "ada", "hello"]] {
        let (code, error) = failed(&world.lemming(&args).arg("--json").output().expect("the program"));
        assert_eq!((code, &error["code"]), (Some(6), &json!("not_found")), "{args:?}: {error}");
        assert_eq!(world.files(), before, "{args:?}");
    }
}
