//! The real program as a Lambda function: real invocations, in cargo-lambda's emulator of the runtime interface,
//! against a bucket on a real S3 server. `make test-lambda` installs both and runs this.
//!
//! What is counted as a call is what the model itself wrote down.
//!
//! - `LEMMING_TEST_LAMBDA`: without it nothing is started.
//! - `LEMMING_BIN`: the program, instead of the one of this build: what `make package` made, for example.
#![cfg(unix)]
#![allow(missing_docs, unreachable_pub, reason = "a test is no library")]
#![allow(clippy::disallowed_methods, reason = "a test of real processes has the real clock and environment")]
#![allow(clippy::print_stdout, reason = "what was skipped, and what was measured, is what a person runs this for")]

mod cold;
mod front;
#[path = "../servers/gcs.rs"]
#[allow(dead_code, reason = "the server that needs it is not started here")]
mod gcs;
#[path = "../servers/http.rs"]
#[allow(dead_code, reason = "shared with tests/servers")]
mod http;
mod local;
#[path = "../servers/loopback.rs"]
#[allow(dead_code, reason = "shared with tests/servers")]
mod loopback;
mod organisation;
#[path = "../servers/process.rs"]
mod process;
#[path = "../servers/server.rs"]
#[allow(dead_code, reason = "shared with tests/servers")]
mod server;
mod world;

use std::future::Future;
use std::time::Duration;

use serde_json::json;

use crate::organisation::Kind;
use crate::world::{World, by_rule, put, scheduled};

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(work)
}

#[test]
fn a_scheduler_s_event_is_a_slot_and_the_same_event_again_writes_nothing() {
    let Some(mut world) = World::start() else { return };
    let org = world.found("org", &Kind::default());
    world.function("org", &[]);

    let first = world.invoke(&scheduled("2026-11-25T12:00:00Z"));
    assert_eq!(first.outcome(), "closed", "{}", first.body);
    assert_eq!(first.body["tick"], 1, "{}", first.body);
    org.assert_each_called(2, 1);
    assert!(org.record(1, "closed.json").is_some());

    let before = org.versions();
    for again in [scheduled("2026-11-25T12:00:00Z"), scheduled("2026-11-25T12:00:20Z"), by_rule("2026-11-25T12:00:00Z")]
    {
        let again = world.invoke(&again);
        assert_eq!(again.outcome(), "idle", "{}", again.body);
    }
    assert_eq!(org.versions(), before, "a slot that has passed writes nothing");

    let next = world.invoke(&by_rule("2026-11-25T13:00:00Z"));
    assert_eq!((next.outcome(), &next.body["tick"]), ("closed", &json!(2)), "{}", next.body);
    org.assert_each_called(2, 2);
}

#[test]
fn new_mail_wakes_whom_it_is_for_and_other_objects_wake_nobody() {
    let Some(mut world) = World::start() else { return };
    let kind = Kind { when: "on_message", ..Kind::default() };
    let org = world.found("org", &kind);
    world.function("org", &[]);

    let mail = "ingress/mail/01970000-0000-7000-8000-000000000001.json";
    let text = json!({
        "format": 1, "id": "01970000-0000-7000-8000-000000000001", "from": "human", "recipients": ["a01"],
        "payload": { "text": "Are you there?" }, "sent_at": "2026-11-25T12:00:00.000Z",
    });
    org.write(mail, &text.to_string());
    let before = org.versions();
    let others = [
        org.key("ticks/000000000001/plan.json"),
        org.key("agents/a00/outbox/x.json"),
        "else/ingress/mail/x.json".to_owned(),
    ];
    for key in &others {
        let ignored = world.invoke(&put(&[key]));
        assert!(!ignored.failed, "{}", ignored.body);
        assert_ne!(ignored.body["outcome"], "closed", "{key}: {}", ignored.body);
    }
    let test = json!({ "Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2026-11-25T12:00:00.000Z", "Bucket": "lemming" });
    assert!(!world.invoke(&test).failed);
    assert_eq!(org.versions(), before, "nothing of that wakes anybody");

    let woken = world.invoke(&put(&[&others[0], &org.key(mail)]));
    assert_eq!(woken.outcome(), "closed", "{}", woken.body);
    assert_eq!(org.calls().asked.into_iter().collect::<Vec<_>>(), [("a01".to_owned(), 1)]);
    assert_eq!(org.below("agents/a01/outbox/").len(), 1, "it answers");
    assert!(org.below("ingress/mail/").is_empty(), "the mail was admitted");

    // S3 delivers at least once.
    let before = org.versions();
    let again = world.invoke(&put(&[&org.key(mail)]));
    assert_eq!(again.outcome(), "idle", "{}", again.body);
    assert_eq!(org.versions(), before);
}

#[test]
fn the_same_mail_by_event_bridge_wakes_too() {
    let Some(mut world) = World::start() else { return };
    let kind = Kind { when: "on_message", ..Kind::default() };
    let org = world.found("org", &kind);
    world.function("org", &[]);
    let mail = "ingress/mail/01970000-0000-7000-8000-000000000002.json";
    let text = json!({
        "format": 1, "id": "01970000-0000-7000-8000-000000000002", "from": "human", "recipients": ["a00"],
        "payload": { "text": "Are you there?" }, "sent_at": "2026-11-25T12:00:00.000Z",
    });
    org.write(mail, &text.to_string());
    let created = |key: &str| {
        json!({
            "version": "0", "id": "17793124-05d4-b198-2fde-7ededc63b103", "detail-type": "Object Created",
            "source": "aws.s3", "account": "123456789012", "time": "2026-11-25T12:00:00Z", "region": "us-east-1",
            "resources": ["arn:aws:s3:::lemming"],
            "detail": { "version": "0", "bucket": { "name": "lemming" }, "object": { "key": key, "size": 5 }, "reason": "PutObject" },
        })
    };
    let ignored = world.invoke(&created(&org.key("head.json")));
    assert!(!ignored.failed && ignored.body["outcome"] != "closed", "{}", ignored.body);
    assert_eq!(world.invoke(&created(&org.key(mail))).outcome(), "closed");
    assert_eq!(org.calls().answered.into_iter().collect::<Vec<_>>(), [("a00".to_owned(), 1)]);
}

#[test]
fn a_direct_invocation_ticks_wakes_and_runs_whom_it_names() {
    let Some(mut world) = World::start() else { return };
    let org = world.found("org", &Kind { settings: json!({}), ..Kind::default() });
    world.function("org", &[]);
    for (tick, event) in [json!({}), json!({ "trigger": "tick" })].iter().enumerate() {
        let done = world.invoke(event);
        assert_eq!((done.outcome(), &done.body["tick"]), ("closed", &json!(tick + 1)), "{}", done.body);
    }
    org.assert_each_called(2, 2);
    let named = world.invoke(&json!({ "trigger": "wake", "agents": ["a01"] }));
    assert_eq!(named.outcome(), "closed", "{}", named.body);
    let calls = org.calls().asked;
    assert_eq!((calls["a00"], calls["a01"]), (2, 3));
    let nobody = world.invoke(&json!({ "trigger": "wake" }));
    assert_eq!(nobody.outcome(), "idle", "{}", nobody.body);
}

#[test]
fn an_event_that_is_wrong_is_an_error_that_names_what_is_wrong_and_changes_nothing() {
    let Some(mut world) = World::start() else { return };
    let org = world.found("org", &Kind::default());
    world.function("org", &[]);
    let before = org.versions();
    let wrong = [
        (json!({ "triger": "tick" }), "triger"),
        (json!({ "trigger": "tock" }), "tock"),
        (json!({ "trigger": "scheduled", "time": "noon" }), "noon"),
        (json!({ "trigger": "wake", "agents": ["Not A Name"] }), "Not A Name"),
        (json!({ "organisation": "other" }), "organisation"),
        (json!({ "source": "aws.scheduler", "detail-type": "Scheduled Event" }), "time"),
        (
            json!({ "source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification", "detail": {} }),
            "aws.ec2",
        ),
        (json!(["tick"]), "object"),
        (json!("tick"), "object"),
    ];
    for (event, named) in wrong {
        let error = world.invoke(&event);
        assert!(error.failed, "{event} is taken for an event: {}", error.body);
        assert!(error.error().contains(named), "{event}: {}", error.body);
    }
    assert_eq!(org.versions(), before);
    assert_eq!(world.invoke(&scheduled("2026-11-25T12:00:00Z")).outcome(), "closed", "the function lives on");
}

#[test]
fn a_tick_that_the_deadline_cuts_is_handed_over_at_once_and_no_call_is_made_twice() {
    // A busy machine may take so long over a turn that it has to be cut; then that says nothing, and it is tried again.
    for _ in 0..3 {
        let Some(world) = World::start() else { return };
        if hands_over(world) {
            return;
        }
    }
    panic!("turns are begun that cannot end in time");
}

/// Three turns of 1.3 s for each of four at once, in invocations of three seconds; says whether no call was cut.
fn hands_over(mut world: World) -> bool {
    let settings = json!({ "pace": { "every": "1h" }, "limits": { "max_parallel_turns": 4, "lease": "10m" } });
    let org = world.found("org", &Kind { agents: 12, delay: "1.3", settings, ..Kind::default() });
    world.function("org", &[]);
    world.front.limit(Duration::from_secs(3));
    let first = world.invoke(&scheduled("2026-11-25T12:00:00Z"));
    assert_eq!(first.outcome(), "partial", "{}", first.body);
    assert!(org.record(1, "closed.json").is_none());
    // The lease is ten minutes: whoever had to wait for one would not get here.
    let mut invocations = 1;
    loop {
        let next = world.invoke(&scheduled("2026-11-25T12:00:00Z"));
        invocations += 1;
        match next.outcome() {
            "closed" => break,
            outcome => assert_eq!(outcome, "partial", "{}", next.body),
        }
        assert!(invocations < 50, "each invocation gets somewhere: {}", world.log());
    }
    println!("12 turns of 1.3 s, four at once, in {invocations} invocations of three seconds");
    let calls = org.calls();
    assert!(
        calls.answered.len() == 12 && calls.answered.values().all(|times| *times == 1),
        "no answer is lost: {calls:?}"
    );
    assert!(world.logged("shard_passed").is_empty(), "nobody was passed over: {}", world.log());
    let is_uncut = world.logged("deadline_near").is_empty();
    if is_uncut {
        org.assert_each_called(12, 1);
    }
    is_uncut
}

#[test]
fn a_function_with_hardly_any_time_leaves_nothing_that_others_wait_for() {
    let Some(mut world) = World::start() else { return };
    let settings = json!({ "pace": { "every": "1h" }, "limits": { "lease": "10m" } });
    let org = world.found("org", &Kind { delay: "0.5", settings, ..Kind::default() });
    world.function("org", &[]);
    world.front.limit(Duration::from_millis(200));
    let cut = world.invoke(&scheduled("2026-11-25T12:00:00Z"));
    assert_eq!(cut.outcome(), "partial", "{}", cut.body);
    assert!(org.calls().answered.is_empty());
    world.front.limit(Duration::from_secs(900));
    assert_eq!(world.invoke(&scheduled("2026-11-25T12:00:00Z")).outcome(), "closed");
    assert!(org.calls().answered.values().eq(&[1, 1]), "{:?}", org.calls());
}

#[test]
fn an_invocation_that_finds_a_tick_held_says_so_and_ends() {
    let Some(mut world) = World::start() else { return };
    let org = world.found("org", &Kind::default());
    org.shut();
    world.function("org", &[]);
    world.function("org", &[]);
    let (first, second) = std::thread::scope(|scope| {
        let first = scope.spawn(|| world.invoke(&scheduled("2026-11-25T12:00:00Z")));
        world.until("the first asks its model", || org.calls().asked.len() == 2);
        let second = world.invoke(&scheduled("2026-11-25T12:00:00Z"));
        // The first is still in the middle of its calls.
        assert!(org.calls().answered.is_empty());
        org.open();
        (first.join().expect("an invocation"), second)
    });
    assert_eq!((first.outcome(), second.outcome()), ("closed", "held"), "{} {}", first.body, second.body);
    org.assert_each_called(2, 1);
}

#[test]
fn two_invocations_at_once_make_no_call_twice_and_none_waits_for_the_other() {
    let Some(mut world) = World::start() else { return };
    let settings = json!({ "pace": { "every": "1h" }, "limits": { "max_parallel_turns": 2, "agents_per_shard": 4, "agents_per_hold": 2 } });
    let org = world.found("org", &Kind { agents: 12, delay: "0.3", settings, ..Kind::default() });
    world.function("org", &[]);
    world.function("org", &[]);
    let both: Vec<_> = std::thread::scope(|scope| {
        let invoke = || world.invoke(&scheduled("2026-11-25T12:00:00Z"));
        [scope.spawn(invoke), scope.spawn(invoke)].map(|one| one.join().expect("an invocation")).into()
    });
    let outcomes: Vec<&str> = both.iter().map(crate::world::Invoked::outcome).collect();
    assert!(outcomes.contains(&"closed"), "{outcomes:?}");
    assert!(outcomes.iter().all(|outcome| ["closed", "held", "idle", "partial"].contains(outcome)), "{outcomes:?}");
    println!("two invocations at once: {outcomes:?}");
    org.assert_each_called(12, 1);
    assert!(org.record(2, "plan.json").is_none(), "one slot is one tick");
}

#[test]
fn a_function_goes_on_with_an_open_tick_by_itself() {
    let Some(mut world) = World::start() else { return };
    let settings = json!({ "pace": { "every": "1h" }, "limits": { "max_parallel_turns": 4, "lease": "10m" } });
    let org = world.found("org", &Kind { agents: 12, delay: "1.3", settings, ..Kind::default() });
    world.function("org", &[("LEMMING_REINVOKE", "true")]);
    world.front.limit(Duration::from_secs(3));
    let first = world.invoke(&scheduled("2026-11-25T12:00:00Z"));
    assert_eq!(first.outcome(), "partial", "{}", first.body);
    assert_eq!(first.body["reinvoked"], true, "{}", first.body);
    world.until("the tick is closed", || org.record(1, "closed.json").is_some());
    let calls = org.calls();
    assert!(
        calls.answered.len() == 12 && calls.answered.values().all(|times| *times == 1),
        "no answer is lost: {calls:?}"
    );
    let asynchronous = world.front.asynchronous();
    println!("12 turns of 1.3 s, four at once: {} invocations of its own", asynchronous.len());
    let is_signed = |by: &str| by.starts_with("AWS4-HMAC-SHA256") && by.contains("/us-east-1/lambda/aws4_request");
    assert!(asynchronous.iter().all(|request| request.get("Authorization").is_some_and(is_signed)), "{asynchronous:?}");
    // Whatever it still asked of itself comes before this one, and neither begins a tick.
    assert_eq!(world.invoke(&scheduled("2026-11-25T12:00:00Z")).outcome(), "idle");
    assert!(org.record(2, "plan.json").is_none(), "it goes on with a tick, and begins none");
}

#[test]
fn a_broken_organisation_stops_no_other() {
    let Some(mut world) = World::start() else { return };
    let names = ["a", "b", "c"];
    let orgs = names.map(|name| world.found(&format!("orgs/{name}"), &Kind::default()));
    orgs[1].write("org.json", "{ \"format\": 1, \"name\": ");
    world.function("orgs", &[("LEMMING_ALL", "true")]);
    let all = world.invoke(&scheduled("2026-11-25T12:00:00Z"));
    // The alarm on errors has to ring.
    assert!(all.failed, "{}", all.body);
    assert!(all.error().contains('b'), "{}", all.body);
    for org in [&orgs[0], &orgs[2]] {
        assert!(org.record(1, "closed.json").is_some(), "{}: {}", org.prefix(), all.body);
        org.assert_each_called(2, 1);
    }
    assert_eq!(orgs[1].calls().asked.len(), 0);
    let one = world.invoke(&json!({ "organisation": "c", "trigger": "scheduled", "time": "2026-11-25T13:00:00Z" }));
    assert!(!one.failed, "{}", one.body);
    orgs[0].assert_each_called(2, 1);
    orgs[2].assert_each_called(2, 2);
    let unknown = world.invoke(&json!({ "organisation": "d" }));
    assert!(unknown.error().contains('d'), "{}", unknown.body);
}

#[test]
fn a_tick_that_fails_is_an_error_of_its_invocation_and_the_next_one_is_well() {
    let Some(mut world) = World::start() else { return };
    let org = world.found("org", &Kind::default());
    let settings = org.read("org.json").expect("settings");
    org.write("org.json", "{");
    world.function("org", &[]);
    let failed = world.invoke(&scheduled("2026-11-25T12:00:00Z"));
    assert!(failed.error().contains("org.json"), "{}", failed.body);
    assert_eq!(world.logged("tick_failed").len(), 1, "{}", world.log());
    org.write("org.json", &settings.to_string());
    assert_eq!(world.invoke(&scheduled("2026-11-25T12:00:00Z")).outcome(), "closed");
}

#[test]
fn the_url_of_the_function_is_the_api() {
    let Some(mut world) = World::start() else { return };
    let org = world.found("org", &Kind::default());
    world.function("org", &[]);
    let before = org.versions();
    let health = world.ask("GET", "/api/health", "");
    let text = String::from_utf8_lossy(&health.body);
    assert_eq!(health.status(), 200, "{text}");
    assert!(text.contains(lemming::version::SHORT), "{text}");
    assert_eq!(world.ask("GET", "/api/nothing", "").status(), 404);
    let refused = world.ask("POST", "/api/messages", &json!({ "to": ["a00"], "text": "Are you there?" }).to_string());
    assert_eq!(refused.status(), 401, "nobody has a key: {}", String::from_utf8_lossy(&refused.body));
    assert_eq!(org.versions(), before);
    assert_eq!(world.invoke(&scheduled("2026-11-25T12:00:00Z")).outcome(), "closed", "and events are events");
}
