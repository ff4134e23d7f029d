//! Why an agent ran or did not: every reason, as it comes about.

use lemming::chronicle::moment::Moment;
use lemming::chronicle::ticks::{Bounds, TickState, list, show};
use lemming::chronicle::why::{Reason, Why, of_next, of_tick};
use lemming::clock::Clock as _;
use lemming::domain::time::Tick;
use lemming::engine::{Decision, load_at, rehearse, run_tick, verdict};
use lemming::provider::{CallError, CallErrorKind};
use lemming::record::plan::Trigger;
use serde_json::{Value, json};

use crate::gate::Gate;
use crate::world::{World, name, says};

async fn why(world: &World, tick: u64, agent: &str) -> Why {
    let why = of_tick(&world.raw, &name(agent), Tick(tick)).await.unwrap().expect("a planned tick");
    check(&why);
    why
}

async fn next_by(world: &World, agent: &str, trigger: &Trigger) -> Why {
    let rehearsal = rehearse(&world.context(), trigger).await.unwrap().expect("a clock");
    let why = of_next(&rehearsal, &name(agent)).await.unwrap();
    check(&why);
    why
}

async fn next(world: &World, agent: &str) -> Why {
    next_by(world, agent, &Trigger::Invocation).await
}

/// Every answer names the agent, and every one that is no good news says what to do.
fn check(why: &Why) {
    assert!(why.answer.contains(why.agent.as_str()), "{why:?}");
    let needs_no_hint = [Reason::Ran, Reason::Waiting, Reason::WillRun, Reason::JustCreated].contains(&why.reason);
    assert_eq!(why.hint.is_some(), !needs_no_hint, "{why:?}");
    assert_eq!(why.ran, [Reason::Ran, Reason::Waiting, Reason::Failed].contains(&why.reason), "{why:?}");
}

fn fact<'a>(why: &'a Why, name: &str) -> &'a Value {
    why.facts.get(name).unwrap_or_else(|| panic!("no fact {name} in {why:?}"))
}

/// A world of agents that say one thing each.
async fn world(org: Value, agents: &[(&str, Value)]) -> World {
    let mut world = World::new(|request| Ok(says(request.view.agent.as_str())));
    crate::world::merge(&mut world.org, org);
    world.found().await;
    for (agent, change) in agents {
        world.agent(agent, change.clone()).await;
    }
    world
}

fn on_message() -> Value {
    json!({"schedule": {"run_every_n_ticks": 1, "when": "on_message"}})
}

#[tokio::test]
async fn who_ran_is_told_with_its_cause_and_its_cost() {
    let world = world(json!({}), &[("ada", json!({}))]).await;
    world.tick().await;
    let ran = why(&world, 1, "ada").await;
    assert_eq!((ran.reason, fact(&ran, "because"), fact(&ran, "said")), (Reason::Ran, &json!("schedule"), &json!(1)));
    assert_eq!(ran.answer, "ada ran, by its schedule: it read 0 messages and said 1 message, for 0.00112");
    let next = next(&world, "ada").await;
    assert_eq!((next.reason, next.state, next.tick), (Reason::WillRun, None, Tick(2)));
    assert!(next.answer.starts_with("ada is due by its schedule, and may spend up to "), "{}", next.answer);
}

#[tokio::test]
async fn who_is_not_scheduled_learns_when_it_is() {
    let schedule = json!({"schedule": {"run_every_n_ticks": 3, "phase_offset": 1}});
    let world = world(json!({}), &[("ada", schedule)]).await;
    world.tick().await;
    let told = why(&world, 1, "ada").await;
    assert_eq!((told.reason, fact(&told, "next_clock")), (Reason::NotScheduled, &json!(2)));
    assert_eq!(
        told.answer,
        "ada runs every 3 clocks with offset 1, and clock 1 is none of these; it fires next at clock 2"
    );
    assert_eq!(next(&world, "ada").await.reason, Reason::WillRun);
}

#[tokio::test]
async fn mail_makes_due_and_too_many_hops_do_not() {
    let org = json!({"limits": {"max_hops": 0}});
    let world = world(org, &[("ada", on_message()), ("bob", on_message())]).await;
    world.tick().await;
    assert_eq!(why(&world, 1, "ada").await.reason, Reason::NoMail);
    assert!(next(&world, "ada").await.answer.contains("has none"), "what is not planned is told as of now");
    world.mail(1, "human", Some(&["ada"]), "go").await;
    assert_eq!(next(&world, "ada").await.reason, Reason::WillRun, "what waits in the ingress is seen");
    world.tick().await;
    assert_eq!(fact(&why(&world, 2, "ada").await, "because"), "mail");
    let bob = next(&world, "bob").await;
    assert_eq!((bob.reason, fact(&bob, "hops"), fact(&bob, "max_hops")), (Reason::TooManyHops, &json!(1), &json!(0)));
    assert_eq!(fact(&bob, "unread"), 1);
}

#[tokio::test]
async fn what_a_person_turned_off_is_named() {
    let world = world(json!({}), &[("ada", json!({"enabled": false})), ("bob", json!({})), ("cy", json!({}))]).await;
    world.command(1, json!({"action": "pause", "agent": "bob"})).await;
    world.tick().await;
    assert_eq!(why(&world, 1, "ada").await.reason, Reason::Disabled);
    let bob = why(&world, 1, "bob").await;
    assert_eq!((bob.reason, fact(&bob, "paused")), (Reason::Paused, &json!("agent")));
    assert_eq!(bob.hint.as_deref(), Some("`lemming resume bob` lets it go on"));
    world.command(2, json!({"action": "pause"})).await;
    world.command(3, json!({"action": "resume", "agent": "bob"})).await;
    world.tick().await;
    let cy = why(&world, 2, "cy").await;
    assert_eq!((cy.reason, fact(&cy, "paused")), (Reason::Paused, &json!("organisation")));
    let bob = next(&world, "bob").await;
    assert_eq!((bob.reason, fact(&bob, "paused")), (Reason::Paused, &json!("organisation")));
}

#[tokio::test]
async fn an_agent_that_a_tick_did_not_know_is_told_from_one_that_is_gone() {
    let world = world(json!({}), &[("ada", json!({}))]).await;
    world.tick().await;
    world.agent("bob", json!({})).await;
    world.raw.delete_path("agents/ada/resume.json").await.unwrap();
    world.tick().await;
    assert_eq!(why(&world, 1, "bob").await.reason, Reason::Unknown);
    assert_eq!(why(&world, 2, "bob").await.reason, Reason::Ran);
    assert_eq!(why(&world, 1, "ada").await.reason, Reason::Ran);
    assert_eq!(why(&world, 2, "ada").await.reason, Reason::Gone);
    assert_eq!(of_tick(&world.raw, &name("ada"), Tick(3)).await.unwrap(), None, "it is not planned");
}

#[tokio::test]
async fn a_broken_resume_is_told_with_what_is_wrong_whether_it_was_known_before_or_not() {
    let world = world(json!({}), &[("ada", json!({}))]).await;
    world.raw.put_path("agents/bob/resume.json", "{ \"name\": ".into()).await.unwrap();
    world.tick().await;
    world.raw.put_path("agents/ada/resume.json", "{ \"name\": ".into()).await.unwrap();
    world.tick().await;
    for (tick, agent) in [(1, "bob"), (2, "ada"), (2, "bob")] {
        let told = why(&world, tick, agent).await;
        assert_eq!(told.reason, Reason::BrokenResume, "{agent}");
        assert!(fact(&told, "problem").as_str().is_some_and(|text| text.contains("EOF")), "{told:?}");
    }
    assert_eq!(next(&world, "ada").await.reason, Reason::BrokenResume);
}

#[tokio::test]
async fn a_model_that_there_is_not_is_named() {
    let world = world(json!({}), &[("ada", json!({"model": {"key": "gone"}}))]).await;
    world.tick().await;
    let told = why(&world, 1, "ada").await;
    assert_eq!((told.reason, fact(&told, "model")), (Reason::UnknownModel, &json!("gone")));
}

#[tokio::test]
async fn money_that_does_not_reach_is_counted_to_the_millionth() {
    // A turn needs 32,000 tokens at 1 and 100 at 2 a million, and 0.001 for the action: 0.0332.
    let poor = json!({"credits": {"max_credits": 0.01}});
    let org = json!({"budget": {"credits": 0.05, "per": "total"}});
    let world = world(org, &[("ada", json!({})), ("bob", json!({})), ("cy", poor)]).await;
    let rehearsed = next(&world, "bob").await;
    assert_eq!(rehearsed.reason, Reason::NoBudget);
    world.tick().await;
    let money = |why: &Why| ["needed_credits", "had_credits", "missing_credits"].map(|name| fact(why, name).clone());
    let cy = why(&world, 1, "cy").await;
    assert_eq!((cy.reason, money(&cy)), (Reason::NoCredits, [0.0332, 0.01, 0.0232].map(Value::from)));
    assert!(cy.hint.as_ref().is_some_and(|hint| hint.contains("credits top-up cy 0.0232`")), "{cy:?}");
    let bob = why(&world, 1, "bob").await;
    let left = [0.0332, 0.0168, 0.0164].map(Value::from);
    assert_eq!((bob.reason, money(&bob)), (Reason::NoBudget, left.clone()), "ada is before it, and has hers");
    assert_eq!(money(&rehearsed), left, "it was known before");
    // Ada's turn cost less than was set aside for it: with that, the next tick still pays for her alone.
    assert_eq!(next(&world, "ada").await.reason, Reason::WillRun);
    assert_eq!(next(&world, "bob").await.reason, Reason::NoBudget);
}

#[tokio::test]
async fn failures_dead_letters_and_the_rest_after_them_are_told() {
    let mut world = World::new(|_| Ok("no contract".to_owned()));
    world.org["limits"] = json!({"max_hops": 1});
    world.found().await;
    world.agent("ada", json!({})).await;
    world.mail(1, "human", Some(&["ada"]), "go").await;
    for _ in 0..6 {
        world.tick().await;
    }
    let first = why(&world, 1, "ada").await;
    assert_eq!((first.reason, &fact(&first, "failure")["kind"]), (Reason::Failed, &json!("garbage")));
    assert!(!first.facts.contains_key("dead_letters"));
    let third = why(&world, 3, "ada").await;
    assert_eq!(fact(&third, "dead_letters").as_array().map(Vec::len), Some(1));
    assert!(third.answer.ends_with("it was the third such failure in a row, and 1 message was given up"), "{third:?}");
    let sixth = why(&world, 6, "ada").await;
    assert_eq!(sixth.reason, Reason::Failing);
    assert_eq!((fact(&sixth, "failures"), fact(&sixth, "until_clock")), (&json!(5), &json!(6)));
    assert_eq!(next(&world, "ada").await.reason, Reason::WillRun, "at clock 7 it is tried again");
}

#[tokio::test]
async fn a_model_that_does_not_answer_is_named_for_the_next_tick() {
    let mut world = World::new(|_| Err(CallError::new(CallErrorKind::Unanswered, "nobody is there")));
    world.org["limits"] = json!({"turn_timeout": "10ms", "call_timeout": "5ms"});
    world.found().await;
    world.agent("ada", json!({})).await;
    world.tick().await;
    let told = why(&world, 1, "ada").await;
    assert_eq!((told.reason, &fact(&told, "failure")["kind"]), (Reason::Failed, &json!("unavailable")));
    assert_eq!(fact(&next(&world, "ada").await, "model_in_trouble"), "m");
}

#[tokio::test]
async fn an_agent_that_was_just_created_waits_for_the_next_tick() {
    let mut world = World::new(|request| {
        let view = &request.view;
        let child = json!({"title": "Helper", "short_description": "Helps.", "instructions": "Help.",
            "model": {"key": "m", "max_tokens": 100}, "permissions": {"read_outboxes": ["ada"], "send_outboxes": ["ada"], "tools": []}});
        let create = json!({"tool": "create_agent", "arguments": {"name": "kid", "credits": 1, "resume": child}});
        Ok(match (view.agent.as_str(), view.tick.0, view.step) {
            ("ada", 1, 0) => json!({"tool_calls": [create]}).to_string(),
            _ => says("done"),
        })
    });
    world.org["limits"] = json!({"max_steps": 3});
    world.found().await;
    let permissions = json!({"tools": ["create_agent"], "read_outboxes": ["kid"], "send_outboxes": ["kid"]});
    world.agent("ada", json!({"permissions": permissions, "credits": {"max_credits": 10}})).await;
    world.tick().await;
    let told = why(&world, 1, "kid").await;
    assert_eq!((told.reason, fact(&told, "created_by")), (Reason::JustCreated, &json!("ada")));
    world.tick().await;
    assert_eq!(why(&world, 2, "kid").await.reason, Reason::Ran);
}

#[tokio::test]
async fn slots_that_nobody_triggered_and_wakes_leave_out_who_has_a_schedule() {
    let slots = json!({"pace": {"every": "5m"}});
    let every_two = json!({"schedule": {"run_every_n_ticks": 2}});
    let mut world = world(slots, &[("ada", every_two), ("bob", json!({}))]).await;
    let slot = |world: &World| Trigger::Slot { time: world.clock.now() };
    let minutes = |n: u64| std::time::Duration::from_secs(60 * n);
    world.run(slot(&world)).await.unwrap();
    world.clock.advance(minutes(10));
    let rehearsed = next_by(&world, "ada", &slot(&world)).await;
    assert_eq!(rehearsed.reason, Reason::MissedSlot);
    world.run(slot(&world)).await.unwrap();
    let missed = why(&world, 2, "ada").await;
    assert_eq!((missed.reason, fact(&missed, "next_clock")), (Reason::MissedSlot, &json!(4)));
    let due = lemming::domain::time::Timestamp::from_unix_ms(world.clock.now().unix_ms() + 300_000);
    assert_eq!(fact(&missed, "next_time"), &json!(due), "one slot later");
    let wake = Trigger::Wake { named: vec![name("bob")] };
    assert_eq!(next_by(&world, "ada", &wake).await.reason, Reason::NotWoken);
    world.run(wake).await.unwrap();
    assert_eq!(why(&world, 3, "ada").await.reason, Reason::NotWoken);
    assert_eq!(fact(&why(&world, 3, "bob").await, "because"), "named");
    world.clock.advance(minutes(5));
    world.org["pace"]["catch_up"] = json!("one");
    world.put("org.json", &world.org).await;
    assert_eq!(next_by(&world, "ada", &slot(&world)).await.reason, Reason::WillRun);
}

#[tokio::test]
async fn an_open_tick_tells_in_whose_hands_a_turn_is() {
    let world = world(
        json!({"limits": {"agents_per_hold": 1, "max_parallel_turns": 1}}),
        &[("ada", json!({})), ("bob", json!({}))],
    )
    .await;
    // Dropped in the middle of the first call: as if its process were killed.
    let gate = Gate::closing_at(1);
    let mut context = world.context();
    let mut thinker = world.thinker.clone();
    thinker.gate = Some(gate.clone());
    context.providers = std::sync::Arc::new(thinker);
    tokio::select! {
        _ = run_tick(&context, Trigger::Invocation) => panic!("it ends"),
        () = gate.hit() => {}
    }
    let ada = why(&world, 1, "ada").await;
    assert_eq!((ada.reason, fact(&ada, "begun")), (Reason::InProgress, &json!(true)));
    assert!(ada.facts.contains_key("held_by") && ada.facts.contains_key("last_sign"), "{ada:?}");
    let bob = why(&world, 1, "bob").await;
    assert_eq!((bob.reason, fact(&bob, "begun")), (Reason::InProgress, &json!(false)));
    let shown = show(&world.raw, Tick(1)).await.unwrap().expect("a planned tick");
    assert_eq!((shown.state, shown.hashes.closed.is_none()), (TickState::Open, true));
    let holder = shown.shards[0].holder.clone().expect("a holder");
    assert_eq!(fact(&ada, "held_by"), holder.as_str());
    let turns: Vec<_> = shown.turns.iter().map(|turn| (turn.status, turn.attempts, turn.held_by.clone())).collect();
    assert_eq!(turns, [("open", 1, Some(holder)), ("open", 0, None)]);
    let listed = list(&Moment::now(&world.raw).await.unwrap(), Bounds { limit: 5, ticks: 5 }, None).await.unwrap();
    let rows: Vec<_> = listed.ticks.iter().map(|row| (row.tick, row.state, row.due, row.ok)).collect();
    assert_eq!((rows, listed.more), (vec![(Tick(1), TickState::Open, 2, 0)], false));
}

#[tokio::test]
async fn an_open_tick_that_nobody_holds_is_gone_on_with() {
    let world = world(json!({}), &[("ada", json!({})), ("bob", json!({}))]).await;
    let (stopper, stop) = lemming::engine::Stop::channel();
    let mut context = world.context();
    context.stop = stop;
    stopper.stop();
    run_tick(&context, Trigger::Invocation).await.unwrap();
    let ada = why(&world, 1, "ada").await;
    assert_eq!((ada.reason, ada.ran), (Reason::NotBegun, false));
    assert_eq!(ada.hint.as_deref(), Some("`lemming tick` goes on with tick 1"));
}

/// What is worked out from the records is what the plans say, for everybody, at every tick.
#[tokio::test]
async fn no_decision_of_a_plan_is_left_unexplained() {
    let mut world = World::new(|request| match request.view.agent.as_str() {
        "cy" => Ok("no contract".to_owned()),
        agent => Ok(says(agent)),
    });
    world.org["limits"] = json!({"max_hops": 2});
    world.org["budget"] = json!({"credits": 0.1, "per": "total"});
    world.found().await;
    world.agent("ada", on_message()).await;
    world.agent("bob", on_message()).await;
    world.agent("cy", json!({})).await;
    world.agent("dan", json!({"schedule": {"run_every_n_ticks": 3}, "credits": {"max_credits": 0.034}})).await;
    let agents = ["ada", "bob", "cy", "dan"];
    let mut seen = std::collections::BTreeSet::new();
    for tick in 1..=14 {
        match tick {
            2 => world.mail(tick, "human", Some(&["ada"]), "go").await,
            5 => world.command(tick, json!({"action": "pause", "agent": "bob"})).await,
            7 => world.command(tick, json!({"action": "top_up", "credits": 1})).await,
            9 => world.command(tick, json!({"action": "resume", "agent": "bob"})).await,
            _ => {}
        }
        world.tick().await;
        let (plan, before) = (world.plan(tick).await, load_at(&world.raw, Tick(tick - 1)).await.unwrap());
        for agent in agents {
            let decision = verdict(&world.raw, &before, &plan, &name(agent)).await.unwrap().decision;
            let is_due = plan.due.iter().any(|due| due.agent.as_str() == agent);
            let is_skipped = plan.skipped.iter().any(|skipped| skipped.agent.as_str() == agent);
            assert_eq!(matches!(decision, Decision::Due(_)), is_due, "{agent} in {tick}: {decision:?}");
            assert_eq!(matches!(decision, Decision::Skipped(..)), is_skipped, "{agent} in {tick}: {decision:?}");
            assert_ne!(decision, Decision::Unexplained, "{agent} in {tick}");
            seen.insert(json!(why(&world, tick, agent).await.reason).to_string());
        }
    }
    for reason in ["ran", "failed", "failing", "no_mail", "not_scheduled", "no_credits", "no_budget", "paused"] {
        assert!(seen.contains(&json!(reason).to_string()), "{reason} did not come about: {seen:?}");
    }
}
