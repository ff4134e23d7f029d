//! Agents that agents create: who gets a name, who pays, what a child may, and when it begins.

use std::time::Duration;

use lemming::domain::credits::Credits;
use lemming::domain::time::Tick;
use lemming::engine::{Outcome, run_tick};
use lemming::record::plan::Trigger;
use lemming::record::state::State;
use serde_json::{Value, json};

use crate::audit::Expect;
use crate::crash::behind;
use crate::gate::Gate;
use crate::world::{World, name};

/// A whole resume, as a model may give it.
fn resume(change: Value) -> Value {
    let mut resume = json!({
        "title": "Helper", "short_description": "Helps.", "instructions": "Help.", "model": {"key": "m", "max_tokens": 100},
        "permissions": {"read_outboxes": ["ada"], "tools": ["file_read"]},
    });
    crate::world::merge(&mut resume, change);
    resume
}

fn create(child: &str, credits: Value, resume: Value) -> Value {
    json!({"tool": "create_agent", "arguments": {"name": child, "credits": credits, "resume": resume}})
}

/// A world of `ada` and `bob`, who may create agents; `asks` says with which calls each begins its first turn.
async fn world(asks: impl Fn(&str) -> Value + Send + Sync + 'static) -> World {
    let mut world = World::new(move |request| {
        let view = &request.view;
        let agent = view.agent.as_str();
        let heard: Vec<String> = view.inbox.iter().map(|entry| format!("{}: {}", entry.agent, entry.text())).collect();
        Ok(match (agent, view.tick.0, view.step) {
            ("ada" | "bob", 1, 0) => json!({"tool_calls": asks(agent)}),
            ("ada" | "bob", 1, _) => json!({"outbox_entries": [
                {"payload": {"text": format!("welcome from {agent}")}, "recipients": ["kid"]},
                {"payload": {"text": json!(view.results).to_string()}, "recipients": ["human"]},
            ]}),
            ("ada" | "bob", _, _) => json!({}),
            _ => json!({"outbox_entries": [{"payload": {"text": format!("{agent} heard {}", heard.join(", "))}}]}),
        }
        .to_string())
    });
    world.org["limits"] = json!({"lease": "5ms", "agents_per_hold": 1});
    world.found().await;
    let tools = json!(["create_agent", "file_read", "list_agents"]);
    for agent in ["ada", "bob"] {
        let change = json!({"permissions": {"tools": tools, "read_outboxes": ["kid", "eve"], "send_outboxes": ["kid", "eve"]},
            "credits": {"max_credits": 10}});
        world.agent(agent, change).await;
    }
    world
}

fn everything(state: &State) -> Credits {
    state.agents.values().map(|agent| agent.account.balance + agent.account.charged.total()).sum()
}

/// What the tools of a turn answered.
async fn results(world: &World, agent: &str) -> Vec<(bool, String)> {
    let turn = world.turn(1, agent).await;
    turn.exchanges[0].results.iter().map(|result| (result.ok, result.result.to_string())).collect()
}

async fn said(world: &World, tick: u64, agent: &str) -> Vec<String> {
    world.turn(tick, agent).await.effects.outbox.iter().map(|entry| entry.text()).collect()
}

#[tokio::test]
async fn a_child_works_in_the_next_tick_and_reads_what_its_creator_said_when_it_made_it() {
    let child = json!({"permissions": {"send_outboxes": ["ada"]}});
    let world = world(move |agent| match agent {
        "ada" => json!([create("kid", json!(2.5), resume(child.clone()))]),
        _ => json!([]),
    })
    .await;
    world.tick().await;
    let state = world.state().await;
    assert_eq!(everything(&state), Credits::whole(20));
    assert_eq!(state.agents[&name("kid")].account.balance, "2.5".parse().unwrap());
    assert_eq!(state.agents[&name("kid")].facts.max_credits, "2.5".parse().unwrap());
    assert_eq!(state.agents[&name("ada")].account.received, "7.5".parse().unwrap());
    // What bob said to that name is not for the child: its resume lets it read ada.
    world.tick().await;
    assert_eq!(said(&world, 2, "kid").await, ["kid heard ada: welcome from ada"]);
    world.tick().await;
    assert_eq!(said(&world, 3, "kid").await, ["kid heard "]);
    assert_eq!(world.turn(3, "ada").await.inbox.len(), 1, "the creator reads its child");
    let seen = world.audit(&Expect { exactly_once: true, ..Expect::default() }).await;
    assert_eq!((seen.ticks, seen.failed), (3, 0));
}

#[tokio::test]
async fn of_two_who_ask_for_a_name_the_lower_rank_gets_it_and_the_other_keeps_its_credits() {
    for visibility in ["ordered", "snapshot"] {
        let ask = |agent: &str| {
            json!([create(
                "kid",
                json!(3),
                resume(json!({
            "instructions": format!("Made by {agent}."), "permissions": {"read_outboxes": [agent], "send_outboxes": [agent]}}))
            )])
        };
        let mut world = world(ask).await;
        world.org["visibility"] = json!(visibility);
        world.found().await;
        world.tick().await;
        let (state, closed) = (world.state().await, world.closed(1).await);
        let born = &closed.born[&name("kid")];
        assert_eq!((born.by.as_str(), born.credits), ("ada", Credits::whole(3)));
        assert_eq!(everything(&state), Credits::whole(20));
        assert_eq!(state.agents[&name("bob")].account.received, Credits::whole(10));
        let taken: Vec<_> = closed.problems.iter().filter(|problem| problem.kind == "name_taken").collect();
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0].agent, Some(name("bob")));
        let stored: Value = serde_json::from_slice(&world.all().await["agents/kid/resume.json"]).unwrap();
        assert_eq!(stored["instructions"], "Made by ada.");
        world.tick().await;
        assert_eq!(said(&world, 2, "kid").await, ["kid heard ada: welcome from ada"]);
        world.audit(&Expect { exactly_once: true, ..Expect::default() }).await;
    }
}

#[tokio::test]
async fn nobody_gives_more_than_it_has_beyond_what_its_turn_may_cost() {
    let world = world(|agent| match agent {
        "ada" => json!([
            create("kid", json!(10), resume(json!({"permissions": {"send_outboxes": []}}))),
            create("kid", json!(0), resume(json!({"permissions": {"send_outboxes": []}}))),
            create("kid", json!(-1), resume(json!({}))),
            create("kid", json!(4), resume(json!({"permissions": {"send_outboxes": []}}))),
            create("eve", json!(6), resume(json!({"permissions": {"send_outboxes": []}}))),
            create("eve", json!(1), resume(json!({"permissions": {"send_outboxes": []}}))),
        ]),
        _ => json!([]),
    })
    .await;
    world.tick().await;
    let plan = world.plan(1).await;
    let grant = plan.due[0].grant_credits;
    assert!(grant > Credits::ZERO && grant < Credits::whole(4), "{grant}");
    let results = results(&world, "ada").await;
    let ok: Vec<bool> = results.iter().map(|(ok, _)| *ok).collect();
    assert_eq!(ok, [false, false, false, true, false, true], "{results:?}");
    assert!(results[0].1.contains("credits to give away beyond what this turn may cost"), "{results:?}");
    let state = world.state().await;
    assert_eq!(everything(&state), Credits::whole(20));
    world.audit(&Expect::default()).await;
}

#[tokio::test]
async fn what_a_creator_may_not_or_a_name_that_is_taken_is_refused() {
    let open = || json!({"permissions": {"send_outboxes": []}});
    let with = |permissions: Value| {
        let mut resume = resume(open());
        crate::world::merge(&mut resume, json!({"permissions": permissions}));
        resume
    };
    let asks = vec![
        (create("kid", json!(1), with(json!({"tools": ["shell"]}))), "/permissions/tools: shell"),
        (create("kid", json!(1), with(json!({"tools": ["file_write"]}))), "/permissions/tools: file_write"),
        (create("kid", json!(1), with(json!({"read_outboxes": ["*"]}))), "/permissions/read_outboxes: *"),
        (create("kid", json!(1), with(json!({"read_outboxes": ["bob"]}))), "/permissions/read_outboxes: bob"),
        (create("kid", json!(1), with(json!({"send_outboxes": ["bob"]}))), "/permissions/send_outboxes: bob"),
        (create("kid", json!(1), resume(json!({}))), "/permissions/send_outboxes: *"),
        (create("kid", json!(1), with(json!({"mint": true}))), "/permissions/mint"),
        (create("human", json!(1), resume(open())), "reserved"),
        (create("agent_template", json!(1), resume(open())), "reserved"),
        (create("ada", json!(1), resume(open())), "taken"),
        (create("bob", json!(1), resume(open())), "taken"),
        (create("Kid", json!(1), resume(open())), "not a valid agent name"),
        (create("../kid", json!(1), resume(open())), "not a valid agent name"),
        (create("kid", json!(1), with(json!({"tools": "file_read"}))), "not complete or not right"),
        (create("kid", json!(1), json!({"title": "x"})), "not complete or not right"),
        (
            create("kid", json!(1), resume(json!({"model": {"key": "nope"}, "permissions": {"send_outboxes": []}}))),
            "no model nope",
        ),
        (create("kid", json!(1), resume(json!({"short_description": "x".repeat(201)}))), "must have 1 to 200"),
        (create("kid", json!(1), resume(json!({"instructions": "x".repeat(40_000)}))), "more than 32768"),
        (
            json!({"tool": "create_agent", "arguments": {"name": "kid", "credits": 1, "template": "human"}}),
            "no template",
        ),
        (
            json!({"tool": "create_agent", "arguments": {"name": "kid", "credits": 1, "template": "agent_template"}}),
            "no template",
        ),
        (json!({"tool": "create_agent", "arguments": {"name": "kid", "credits": 1, "template": "bob"}}), "no template"),
        (json!({"tool": "create_agent", "arguments": {"name": "kid", "credits": 1e300}}), "wrong arguments"),
        (json!({"tool": "create_agent", "arguments": {"name": "kid", "credits": 1, "resume": [1]}}), "wrong arguments"),
    ];
    let calls: Vec<Value> = asks.iter().map(|(call, _)| call.clone()).collect();
    let world = world(move |agent| if agent == "ada" { json!(calls) } else { json!([]) }).await;
    world.tick().await;
    let results = results(&world, "ada").await;
    assert_eq!(results.len(), asks.len());
    for ((ok, result), (call, said)) in results.iter().zip(&asks) {
        assert!(!ok && result.contains(said), "{call}: {result}");
    }
    assert!(world.turn(1, "ada").await.effects.creates.is_empty());
    assert!(world.closed(1).await.born.is_empty());
    assert!(!world.all().await.keys().any(|path| path.starts_with("agents/kid/")));
}

#[tokio::test]
async fn a_child_is_made_from_a_template_and_may_differ_from_it() {
    let world = world(|agent| match agent {
        "ada" => json!([
            {"tool": "create_agent", "arguments": {"name": "kid", "credits": 1, "template": "ada",
                "resume": {"title": "Younger", "permissions": {"tools": ["file_read"]}, "limits": null}}},
            {"tool": "create_agent", "arguments": {"name": "eve", "credits": 2, "template": "agent_template"}},
        ]),
        _ => json!([]),
    })
    .await;
    let template = json!({"name": "agent_template", "title": "Blank", "short_description": "A start.", "instructions": "Begin.",
        "model": {"key": "m"}, "permissions": {"send_outboxes": []}, "schedule": {"run_every_n_ticks": 4}});
    world.put("agents/agent_template/resume.json", &template).await;
    world.tick().await;
    let stored = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
    let all = world.all().await;
    let (kid, eve) = (stored(&all["agents/kid/resume.json"]), stored(&all["agents/eve/resume.json"]));
    assert_eq!(
        (&kid["name"], &kid["title"], &kid["instructions"]),
        (&json!("kid"), &json!("Younger"), &json!("Test."))
    );
    assert_eq!(kid["permissions"]["tools"], json!(["file_read"]));
    assert_eq!(kid["permissions"]["send_outboxes"], json!(["kid", "eve"]));
    assert_eq!((&eve["title"], &eve["schedule"]["run_every_n_ticks"]), (&json!("Blank"), &json!(4)));
    assert_eq!(eve["credits"]["max_credits"].to_string().parse::<f64>().unwrap(), 2.0);
    world.audit(&Expect { exactly_once: true, ..Expect::default() }).await;
}

#[tokio::test]
async fn the_effects_of_a_failed_turn_create_nobody() {
    let mut world =
        world(|_| json!([create("kid", json!(1), resume(json!({"permissions": {"send_outboxes": []}})))])).await;
    let mind = world.thinker.mind.clone();
    world.thinker.mind = std::sync::Arc::new(move |request| match request.view.step {
        0 => mind(request),
        _ => Ok("no contract".to_owned()),
    });
    world.tick().await;
    let closed = world.closed(1).await;
    assert!(closed.born.is_empty() && closed.turns.values().all(|turn| !turn.status.is_good()));
    assert_eq!(everything(&world.state().await), Credits::whole(20));
}

#[tokio::test]
async fn a_resume_that_a_person_puts_there_in_the_meantime_stays() {
    let world = world(|agent| match agent {
        "ada" => json!([create("kid", json!(1), resume(json!({"permissions": {"send_outboxes": []}})))]),
        _ => json!([]),
    })
    .await;
    let gate = Gate::closing_at(1);
    let mut context = world.context();
    let mut thinker = world.thinker.clone();
    thinker.gate = Some(gate.clone());
    context.providers = std::sync::Arc::new(thinker);
    let people = async {
        gate.hit().await;
        world.agent("kid", json!({"title": "By hand", "permissions": {"read_outboxes": ["ada"]}})).await;
        gate.open();
    };
    let (done, ()) = tokio::join!(run_tick(&context, Trigger::Invocation), people);
    assert!(matches!(done.unwrap(), Outcome::Ran(report) if report.closed));
    let stored = || async { serde_json::from_slice::<Value>(&world.all().await["agents/kid/resume.json"]).unwrap() };
    assert_eq!(stored().await["title"], "By hand");
    world.tick().await;
    assert_eq!(stored().await["title"], "By hand");
    let state = world.state().await;
    assert_eq!(everything(&state), Credits::whole(20), "the account is the one that its creator opened");
    assert_eq!(said(&world, 2, "kid").await, ["kid heard ada: welcome from ada"]);
}

/// Stops a runner at the `n`th passage of the tick in which both ask for one name; another one finishes.
async fn stopped_at(n: u64) -> bool {
    let ask = |agent: &str| {
        json!([create(
            "kid",
            json!(3),
            resume(json!({"permissions": {"read_outboxes": [agent], "send_outboxes": [agent]}}))
        )])
    };
    let world = world(ask).await;
    let gate = Gate::closing_at(n);
    let context = behind(&world, &gate);
    let first = Box::pin(run_tick(&context, Trigger::Invocation));
    let through = tokio::select! {
        biased;
        done = first => matches!(done.unwrap(), Outcome::Ran(_)),
        () = gate.hit() => false,
    };
    let finish = async {
        while world.state().await.tick < Tick(3) {
            world.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), finish).await.expect("one runner finishes what another began");
    let state = world.state().await;
    assert_eq!(everything(&state), Credits::whole(20), "stopped at {n}");
    assert_eq!(state.agents[&name("kid")].account.received, Credits::whole(3), "stopped at {n}");
    assert_eq!(said(&world, 2, "kid").await, ["kid heard ada: welcome from ada"], "stopped at {n}");
    world.audit(&Expect::default()).await;
    through
}

#[tokio::test]
async fn a_runner_that_dies_anywhere_leaves_one_child_paid_once() {
    let mut n = 1;
    while !stopped_at(n).await {
        n += 1;
    }
    assert!(n > 50, "{n} places to stop at");
}

/// Stops a runner at the first place at which ada's turn is committed.
async fn stopped_after_the_commit(world: &World) {
    for n in 1.. {
        let gate = Gate::closing_at(n);
        let context = behind(world, &gate);
        tokio::select! {
            biased;
            done = Box::pin(run_tick(&context, Trigger::Invocation)) => panic!("it got through: {done:?}"),
            () = gate.hit() => {}
        }
        if world.raw.get_path("ticks/000000000001/turns/ada.json").await.unwrap().is_some() {
            return;
        }
        // Another runner begins where this one died; its licences are not used up yet.
        tokio::time::sleep(Duration::from_millis(6)).await;
    }
}

#[tokio::test]
async fn a_gift_that_the_records_do_not_cover_is_not_given_at_close_either() {
    let world = world(|agent| match agent {
        "ada" => json!([create("kid", json!(1), resume(json!({"permissions": {"send_outboxes": []}})))]),
        _ => json!([]),
    })
    .await;
    stopped_after_the_commit(&world).await;
    let path = "ticks/000000000001/turns/ada.json";
    let bytes = world.raw.get_path(path).await.unwrap().unwrap();
    let mut turn: Value = serde_json::from_slice(&bytes).unwrap();
    turn["effects"]["creates"][0]["credits"] = json!(9.9);
    world.put(path, &turn).await;
    world.tick().await;
    let closed = world.closed(1).await;
    assert!(closed.born.is_empty());
    assert!(closed.problems.iter().any(|problem| problem.kind == "gift_too_large"), "{:?}", closed.problems);
    assert_eq!(everything(&world.state().await), Credits::whole(20));
    assert!(!world.all().await.keys().any(|path| path.starts_with("agents/kid/")));
}
