//! Models that do not answer and agents that keep failing: who is called instead, who is left alone.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use lemming::domain::credits::Credits;
use lemming::domain::model::Usage;
use lemming::domain::name::ModelKey;
use lemming::engine::{Context, Memo, Outcome, run_tick};
use lemming::provider::{CallCost, CallError, CallErrorKind, Request};
use lemming::record::plan::{SkipReason, Trigger};
use lemming::record::turn::{FailureKind, Status};
use serde_json::{Value, json};

use crate::audit::Expect;
use crate::world::{HandClock, World, name, says};

fn gone() -> CallError {
    CallError::new(CallErrorKind::Unanswered, "gone")
}

fn model(name: &str, input: u64, more: Value) -> Value {
    let mut model = json!({"provider": "test", "model_name": name, "price": {"input": input, "output": 2}});
    crate::world::merge(&mut model, more);
    model
}

async fn models(world: &World, models: Value) {
    world.found().await;
    world.put("config/models.json", &models).await;
}

#[tokio::test(start_paused = true)]
async fn a_model_that_does_not_answer_is_replaced_by_its_fallbacks_within_the_dearest_worst_case() {
    let world = World::new(|request| match request.model_name.as_str() {
        "third" => Ok(says("here")),
        _ => Err(gone()),
    });
    let all = json!({
        "m": model("first", 1, json!({"fallback": ["n", "nobody", "m", "o"]})),
        "n": model("second", 1, json!({})),
        "o": model("third", 10, json!({})),
    });
    models(&world, all).await;
    world.agent("ada", json!({})).await;
    world.tick().await;
    let due = world.plan(1).await.due.remove(0);
    assert_eq!(due.call_credits, Credits::from_micros(320_000 + 200), "the dearest of the three");
    let turn = world.turn(1, "ada").await;
    assert_eq!((turn.status, turn.exchanges[0].receipt.model.as_str()), (Status::Ok, "o"));
    assert_eq!(turn.exchanges[0].receipt.cost_credits, Credits::from_micros(1_020));
    assert_eq!(world.calls().len(), 3 + 3 + 1);
    world.audit(&Expect::default()).await;
}

#[tokio::test(start_paused = true)]
async fn a_fallback_that_is_not_set_up_or_cannot_be_paid_hides_nothing_of_the_outage() {
    for (fallback, calls) in [(model("unset", 1, json!({})), 4), (model("dear", 1_000_000, json!({})), 0)] {
        let world = World::new(|request| match request.model_name.as_str() {
            "unset" => Err(CallError::misconfigured("no key")),
            _ => Err(gone()),
        });
        models(&world, json!({"m": model("first", 1, json!({"fallback": ["n"]})), "n": fallback})).await;
        world.agent("ada", json!({})).await;
        world.tick().await;
        assert_eq!(world.calls().len(), calls);
        if calls > 0 {
            let failure = world.turn(1, "ada").await.failure.expect("failure");
            assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::Unavailable, "gone"));
        } else {
            assert_eq!(world.plan(1).await.skipped[0].reason, SkipReason::NoCredits, "the dearest counts");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_that_used_up_the_turn_s_money_is_an_outage() {
    let world = World::new(|_| Err(gone()));
    world.found().await;
    let change = json!({"model": {"max_tokens": 10_000}, "limits": {"max_turn_credits": 0.053}});
    world.agent("ada", change).await;
    world.tick().await;
    assert_eq!(world.calls().len(), 2, "a third would not fit");
    let failure = world.turn(1, "ada").await.failure.expect("failure");
    assert_eq!(failure.kind, FailureKind::Unavailable, "{failure:?}");
    world.audit(&Expect::default()).await;
}

#[tokio::test(start_paused = true)]
async fn what_never_helps_is_not_tried_elsewhere() {
    for kind in [CallErrorKind::Refused, CallErrorKind::ContextTooLong, CallErrorKind::Misconfigured] {
        let world = World::new(move |_| Err(CallError::new(kind, "no")));
        models(&world, json!({"m": model("a", 1, json!({"fallback": ["n"]})), "n": model("b", 1, json!({}))})).await;
        world.agent("ada", json!({})).await;
        world.tick().await;
        assert_eq!(world.calls().len(), 1, "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_more_time_than_a_turn_waits_is_not_asked_too_early() {
    for (wait, calls) in [(5, 3), (3600, 1)] {
        let world = World::new(move |_| {
            let error = CallError::new(CallErrorKind::RateLimited, "slow down");
            Err(CallError { retry_after: Some(Duration::from_secs(wait)), ..error })
        });
        world.found().await;
        world.agent("ada", json!({})).await;
        let began = tokio::time::Instant::now();
        world.tick().await;
        assert_eq!(world.calls().len(), calls);
        let waited = began.elapsed().as_secs();
        assert!(if calls == 1 { waited < 5 } else { (10..20).contains(&waited) }, "{waited}");
    }
}

#[tokio::test(start_paused = true)]
async fn agents_that_were_told_to_wait_the_same_do_not_come_back_together() {
    let mut waited = Vec::new();
    for agent in ["ada", "bob"] {
        let world = World::new(|_| {
            let error = CallError::new(CallErrorKind::RateLimited, "slow down");
            Err(CallError { retry_after: Some(Duration::from_secs(2)), ..error })
        });
        world.found().await;
        world.agent(agent, json!({})).await;
        let began = tokio::time::Instant::now();
        world.tick().await;
        waited.push(began.elapsed());
    }
    assert!(waited.iter().all(|waited| *waited > Duration::from_secs(4)), "{waited:?}");
    assert_ne!(waited[0], waited[1]);
}

#[tokio::test(start_paused = true)]
async fn the_pauses_between_attempts_are_the_same_for_the_same_seed_and_differ_between_agents() {
    let pauses = || async {
        let mut all = Vec::new();
        for agent in ["ada", "bob"] {
            let world = World::new(|_| Err(gone()));
            world.found().await;
            world.agent(agent, json!({})).await;
            let began = tokio::time::Instant::now();
            world.tick().await;
            all.push(began.elapsed());
        }
        all
    };
    let first = pauses().await;
    assert_eq!(first, pauses().await);
    assert_ne!(first[0], first[1]);
}

/// A context of a process that goes on from tick to tick.
fn process(world: &World, memo: &Arc<Memo>) -> Context {
    Context { memo: memo.clone(), ..world.context() }
}

async fn tick(world: &World, memo: &Arc<Memo>) {
    match run_tick(&process(world, memo), Trigger::Invocation).await.expect("tick") {
        Outcome::Ran(_) => {}
        Outcome::Idle { reason } => panic!("{reason:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_model_that_fails_again_and_again_is_left_alone_at_no_cost_until_one_call_succeeds() {
    let mends = Arc::new(AtomicU32::new(u32::MAX));
    let mended = mends.clone();
    let calls = AtomicU32::new(0);
    let world = World::new(move |_| match calls.fetch_add(1, Ordering::SeqCst) {
        n if n >= mended.load(Ordering::SeqCst) => Ok(says("back")),
        _ => Err(gone()),
    });
    world.found().await;
    world.agent("ada", json!({})).await;
    let memo = Arc::default();
    tick(&world, &memo).await;
    tick(&world, &memo).await;
    assert_eq!(world.calls().len(), 5, "the fifth opens it");
    let before = world.state().await.agents[&name("ada")].account.clone();
    tick(&world, &memo).await;
    assert_eq!(world.calls().len(), 5);
    assert_eq!(world.state().await.agents[&name("ada")].account, before, "no call, no cost");
    let failure = world.turn(3, "ada").await.failure.expect("failure");
    assert_eq!((failure.kind, failure.model), (FailureKind::Unavailable, Some(ModelKey::new("m").expect("key"))));
    assert!(failure.message.contains("is left alone for 30 more seconds"), "{}", failure.message);
    world.clock.advance(Duration::from_secs(31));
    mends.store(5, Ordering::SeqCst);
    tick(&world, &memo).await;
    assert_eq!(world.turn(4, "ada").await.status, Status::Ok);
    assert_eq!(world.calls().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_new_process_tries_a_model_that_failed_the_last_turns_with_one_call_at_first() {
    let world = World::new(|_| Err(gone()));
    world.found().await;
    for agent in ["ada", "bob", "cyd", "dan"] {
        world.agent(agent, json!({"permissions": {"read_outboxes": []}})).await;
    }
    world.tick().await;
    let first = world.calls().len();
    assert!(first >= 5, "{first}");
    world.tick().await;
    assert_eq!(world.calls().len() - first, 1, "half-open: the others wait, and are told");
    let turns = world.closed(2).await.turns;
    assert!(turns.values().all(|turn| turn.unreached.is_some() && turn.status == Status::Failed));
}

#[tokio::test(start_paused = true)]
async fn one_agent_s_failure_stops_neither_the_tick_nor_the_others() {
    let world = World::new(|request| match request.view.agent.as_str() {
        "ada" => Err(CallError::misconfigured("no key")),
        _ => Ok(says("fine")),
    });
    world.found().await;
    world.agent("ada", json!({})).await;
    world.agent("bob", json!({})).await;
    let report = world.tick().await;
    let by_name = |agent: &str| report.turns.iter().find(|turn| turn.agent.as_str() == agent).expect("turn").status;
    assert_eq!((by_name("ada"), by_name("bob")), (Status::Failed, Status::Ok));
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_keeps_failing_is_left_alone_for_growing_numbers_of_its_periods_with_its_mail() {
    let world = World::new(|_| Err(CallError::misconfigured("no key")));
    world.found().await;
    world.agent("ada", json!({})).await;
    world.mail(1, "human", None, "hello").await;
    let mut ran = Vec::new();
    for tick in 1..=30 {
        let report = world.tick().await;
        match report.skipped.first() {
            Some(skipped) => assert_eq!(skipped.reason, SkipReason::Failing),
            None => ran.push(tick),
        }
    }
    assert_eq!(ran, [1, 2, 3, 4, 5, 7, 10, 15, 24]);
    assert_eq!(world.state().await.unread.len(), 1, "its mail is kept");
    // An edited resume may have mended it.
    world.agent("ada", json!({"title": "Mended"})).await;
    assert!(world.tick().await.skipped.is_empty());
    world.audit(&Expect::default()).await;
}

#[tokio::test(start_paused = true)]
async fn edited_models_and_a_person_s_word_bring_a_failing_agent_back() {
    let world = World::new(|_| Err(CallError::misconfigured("no key")));
    world.found().await;
    world.agent("ada", json!({})).await;
    for _ in 0..6 {
        world.tick().await;
    }
    assert_eq!(world.plan(6).await.skipped[0].reason, SkipReason::Failing);
    models(&world, json!({"m": model("other", 1, json!({}))})).await;
    world.tick().await;
    assert!(world.plan(7).await.skipped.is_empty());
    let named = [name("ada")].into_iter().collect();
    let outcome = world.run(Trigger::Wake { named }).await.expect("tick");
    assert!(matches!(outcome, Outcome::Ran(_)));
    assert!(world.plan(8).await.skipped.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_takes_too_long_ends_with_what_it_has() {
    let clock: Arc<OnceLock<Arc<HandClock>>> = Arc::default();
    let hands = clock.clone();
    let mut world = World::new(move |request: &Request| {
        hands.get().expect("clock").advance(Duration::from_secs(40));
        Ok(json!({"outbox_entries": [{"payload": {"text": format!("step {}", request.view.step)}}],
            "tool_calls": [{"tool": "list_agents", "arguments": {}}]})
        .to_string())
    });
    assert!(clock.set(world.clock.clone()).is_ok());
    world.org["limits"] = json!({"turn_timeout": "1m"});
    world.found().await;
    world.agent("ada", json!({"permissions": {"tools": ["list_agents"]}})).await;
    world.tick().await;
    let turn = world.turn(1, "ada").await;
    assert_eq!((turn.status, turn.exchanges.len()), (Status::Ok, 2));
    assert!(turn.warnings[0].contains("took longer than 60s"), "{:?}", turn.warnings);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_model_s_place_is_part_of_no_time_limit() {
    let mut world = World::new(|_| Ok(says("done")));
    world.thinker.delay = Duration::from_secs(50);
    world.org["limits"] = json!({"call_timeout": "1m", "turn_timeout": "2m"});
    models(&world, json!({"m": model("a", 1, json!({"max_concurrency": 1}))})).await;
    for agent in ["ada", "bob", "cyd", "dan"] {
        world.agent(agent, json!({"permissions": {"read_outboxes": []}})).await;
    }
    let began = tokio::time::Instant::now();
    let report = world.tick().await;
    assert!(report.turns.iter().all(|turn| turn.status == Status::Ok), "{report:?}");
    assert!(began.elapsed() >= Duration::from_secs(200), "one at a time");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_was_billed_is_charged_and_a_call_that_was_never_sent_is_not() {
    let usage = Usage { input_tokens: 1_000, output_tokens: 10, ..Usage::default() };
    for (error, charged) in [
        (CallError::new(CallErrorKind::Refused, "no").billed(Some(usage)), 1_020),
        (CallError::new(CallErrorKind::Unanswered, "nobody there").unsent(), 0),
        (CallError::new(CallErrorKind::Refused, "no"), 0),
    ] {
        let said = error.clone();
        let world = World::new(move |_| Err(said.clone()));
        world.found().await;
        world.agent("ada", json!({})).await;
        world.tick().await;
        let charge = world.closed(1).await.turns[&name("ada")].charge;
        assert_eq!((charge.paid, charge.unanswered), (Credits::from_micros(charged), Credits::ZERO), "{error:?}");
    }
    // One that was billed at nobody knows what stays at its worst case.
    let error = CallError::new(CallErrorKind::Refused, "no").billed(None);
    assert_eq!(error.cost, CallCost::Unknown);
}

#[tokio::test]
async fn below_the_soft_cap_the_frugal_model_thinks_at_its_own_price() {
    let world = World::new(|request| Ok(says(&request.model_name)));
    models(&world, json!({"m": model("dear", 100, json!({})), "n": model("cheap", 1, json!({}))})).await;
    let credits = json!({"max_credits": 10, "soft_cap": 9.99, "soft_cap_model": "n"});
    world.agent("ada", json!({"credits": credits})).await;
    let mut used = Vec::new();
    for tick in 1..=3 {
        world.tick().await;
        let turn = world.turn(tick, "ada").await;
        used.push((turn.exchanges[0].receipt.model_name.clone(), world.plan(tick).await.due[0].call_credits.micros()));
        assert_eq!(turn.warnings, Vec::<String>::new());
    }
    let (dear, cheap) = (("dear".to_owned(), 3_200_200), ("cheap".to_owned(), 32_200));
    assert_eq!(used, [dear, cheap.clone(), cheap]);
    world.audit(&Expect::default()).await;
}
