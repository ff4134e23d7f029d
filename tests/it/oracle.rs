//! The engine against the oracle, on random organisations; and against itself, byte for byte.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lemming::domain::name::AgentName;
use lemming::provider::{CallError, CallErrorKind};
use lemming::record::turn::TurnRecord;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::audit::Expect;
use crate::oracle_model::{Agent, Answer, Mail, Org, Turn, name};
use crate::world::World;

fn set(bits: u8, agents: usize) -> BTreeSet<usize> {
    (0..agents).filter(|i| bits >> i & 1 == 1).collect()
}

prop_compose! {
    fn agent()(
        period in 1i64..5,
        offset in prop_oneof![-9i64..10, Just(i64::MIN), Just(i64::MAX)],
        on_message: bool,
        reads in prop::collection::vec((1u64..9, prop::option::weighted(0.7, any::<u8>())), 0..3),
        first in prop::option::weighted(0.7, any::<u8>()),
        joins in prop_oneof![5 => Just(1u64), 1 => 2u64..6],
    ) -> (Agent, Vec<(u64, Option<u8>)>) {
        let mut lists = vec![(1, first)];
        lists.extend(reads);
        lists.sort_by_key(|(tick, _)| *tick);
        (Agent { period, offset, on_message, reads: Vec::new(), joins }, lists)
    }
}

prop_compose! {
    fn org()(
        seed: u64,
        ordered: bool,
        agents in prop::collection::vec(agent(), 1..8),
        mail in prop::collection::vec((1u64..9, prop::option::of(any::<u8>())), 0..8),
        ticks in 3u64..10,
        max_hops in prop_oneof![Just(20u32), 0u32..3],
    ) -> Org {
        let count = agents.len();
        let agents = agents.into_iter().map(|(mut agent, lists)| {
            agent.reads = lists.into_iter().map(|(tick, bits)| (tick, bits.map(|bits| set(bits, count)))).collect();
            agent
        });
        let mail = mail.into_iter().enumerate().map(|(i, (tick, bits))| {
            let to = bits.map(|bits| set(bits, count));
            Mail { tick, to, text: format!("mail {i}") }
        });
        let mut agents: Vec<Agent> = agents.collect();
        // Without any agent no tick starts.
        agents[0].joins = 1;
        let mut mail: Vec<Mail> = mail.collect();
        mail.sort_by_key(|mail| mail.tick);
        Org { seed, ordered, agents, mail, ticks, max_hops }
    }
}

fn index(agent: &AgentName) -> usize {
    agent.as_str()[1..].parse().unwrap()
}

fn names(set: &BTreeSet<usize>) -> Vec<String> {
    set.iter().map(|agent| name(*agent)).collect()
}

fn contract(answer: &Answer) -> Result<String, CallError> {
    match answer {
        Answer::Says(says) => {
            let entries =
                says.iter().map(|(to, text)| json!({"payload": {"text": text}, "recipients": to.as_ref().map(names)}));
            Ok(json!({"outbox_entries": entries.collect::<Vec<Value>>()}).to_string())
        }
        Answer::Garbage => Ok("I would rather not.".to_owned()),
        Answer::Outage => Err(CallError::new(CallErrorKind::Misconfigured, "no key")),
    }
}

fn world_of(org: &Org) -> World {
    let thinking = org.clone();
    let mut world = World::new(move |request| {
        let texts: Vec<String> = request.view.inbox.iter().map(|entry| entry.text()).collect();
        let answer = thinking.think(request.view.tick.0, index(&request.view.agent), texts.iter().map(String::as_str));
        contract(&answer)
    });
    world.org["visibility"] = json!(if org.ordered { "ordered" } else { "snapshot" });
    world.org["limits"] = json!({"max_hops": org.max_hops});
    world
}

/// What people do before a tick: new agents, changed read lists, mail.
async fn prepare(world: &World, org: &Org, tick: u64) {
    for (i, agent) in org.agents.iter().enumerate() {
        if agent.joins <= tick && (agent.joins == tick || agent.reads.iter().any(|(from, _)| *from == tick)) {
            let list = &agent.reads.iter().rev().find(|(from, _)| *from <= tick).unwrap().1;
            let reads = list.as_ref().map_or_else(|| vec!["*".to_owned()], names);
            let when = if agent.on_message { "on_message" } else { "always" };
            let schedule = json!({"run_every_n_ticks": agent.period, "phase_offset": agent.offset, "when": when});
            world.agent(&name(i), json!({"permissions": {"read_outboxes": reads}, "schedule": schedule})).await;
        }
    }
    for (number, mail) in org.mail.iter().enumerate().filter(|(_, mail)| mail.tick == tick) {
        let to = mail.to.as_ref().map(names);
        let to: Option<Vec<&str>> = to.as_ref().map(|to| to.iter().map(String::as_str).collect());
        world.mail(number as u64, "human", to.as_deref(), &mail.text).await;
    }
}

async fn run(org: &Org, world: &World) -> Vec<Turn> {
    let mut turns = Vec::new();
    let mut texts: BTreeMap<uuid::Uuid, String> = BTreeMap::new();
    world.found().await;
    for tick in 1..=org.ticks {
        prepare(world, org, tick).await;
        assert!(world.tick().await.closed);
        let plan = world.plan(tick).await;
        for admitted in &plan.ingress {
            if let lemming::record::plan::Item::Mail(mail) = &admitted.item {
                texts.insert(mail.id, mail.payload["text"].as_str().unwrap().to_owned());
            }
        }
        for due in &plan.due {
            let record: TurnRecord = world.turn(tick, due.agent.as_str()).await;
            let inbox = record.inbox.iter().map(|read| texts[&read.id].clone()).collect();
            let says = record.effects.outbox.iter().map(|entry| {
                texts.insert(entry.id, entry.text());
                let to = entry.recipients.as_ref().map(|to| to.iter().map(index).collect());
                (to, entry.text())
            });
            let says: Vec<_> = says.collect();
            let hops = record.effects.outbox.iter().map(|entry| entry.meta.hops).max().unwrap_or(0);
            turns.push(Turn { tick, agent: index(&due.agent), good: record.status.is_good(), inbox, says, hops });
        }
    }
    turns
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_does_what_a_sequential_run_does(org in org()) {
        let world = world_of(&org);
        let turns = block_on(run(&org, &world));
        let mut oracle = org.run();
        for turn in &mut oracle {
            if turn.says.is_empty() {
                turn.hops = 0;
            }
        }
        prop_assert_eq!(&turns, &oracle);
        block_on(world.audit(&Expect { exactly_once: true, ..Expect::default() }));
    }
}

/// What two runs of one organisation may differ in: who ran it.
fn without_runner(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("nonce");
            fields.remove("by");
            // Hashes of steps, which say who took them.
            fields.remove("journal");
            fields.values_mut().for_each(without_runner);
        }
        Value::Array(items) => items.iter_mut().for_each(without_runner),
        _ => {}
    }
}

/// Every object, but for the runner and the hashes of objects that name it.
async fn comparable(world: &World) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for (path, bytes) in world.all().await {
        let mut value = serde_json::from_slice(&bytes).unwrap_or_else(|_| json!(bytes.to_vec()));
        without_runner(&mut value);
        if path.ends_with("closed.json") {
            for field in ["previous", "plan", "chains"] {
                value.as_object_mut().unwrap().remove(field);
            }
            for turn in value["turns"].as_object_mut().unwrap().values_mut() {
                turn.as_object_mut().unwrap().remove("sha256");
            }
        }
        if path.ends_with("plan.json") {
            value.as_object_mut().unwrap().remove("previous");
        }
        if path.starts_with("checkpoints/") {
            value.as_object_mut().unwrap().remove("closed");
        }
        all.insert(path, value);
    }
    all
}

/// A world in which agents use tools, keep memory and write files.
fn busy_world(entropy: u64, delay: Duration) -> World {
    let mut world = World::new(|request| {
        let view = &request.view;
        let texts: Vec<String> = view.inbox.iter().map(|entry| entry.text()).collect();
        let text = format!("{} {} {} of {}", view.agent, view.tick, view.step, texts.len());
        let path = format!("shared/{}.txt", view.agent);
        let answer = json!({
            "outbox_entries": [{"payload": {"text": text}}],
            "memory_updates": [{"key": "texts", "op": "append", "value": texts}],
            "tool_calls": if view.step == 0 { json!([
                {"tool": "file_write", "arguments": {"path": path, "text": text}},
                {"tool": "file_read", "arguments": {"path": "shared/a1.txt"}},
                {"tool": "file_list", "arguments": {}},
            ]) } else { json!([]) },
        });
        Ok(answer.to_string())
    });
    world.start_entropy(entropy);
    world.thinker.delay = delay;
    world
}

async fn run_busy(world: &World) {
    world.found().await;
    for i in 0..6 {
        let reads = if i % 3 == 2 { json!(["*"]) } else { json!([format!("a{}", (i + 5) % 6)]) };
        let tools = json!(["file_write", "file_read", "file_list"]);
        world
            .agent(
                &format!("a{i}"),
                json!({"permissions": {"read_outboxes": reads, "tools": tools},
            "schedule": {"run_every_n_ticks": 1 + i % 2}}),
            )
            .await;
    }
    for tick in 0..9 {
        world.mail(tick, "human", None, &format!("mail {tick}")).await;
        world.tick().await;
    }
}

#[tokio::test]
async fn the_same_seed_gives_the_same_bytes_but_for_the_runner() {
    let (one, other) = (busy_world(1, Duration::ZERO), busy_world(1_000_000, Duration::from_millis(1)));
    run_busy(&one).await;
    run_busy(&other).await;
    let (left, right) = (comparable(&one).await, comparable(&other).await);
    assert_eq!(left.keys().collect::<Vec<_>>(), right.keys().collect::<Vec<_>>());
    for (path, value) in &left {
        assert_eq!(value, &right[path], "{path}");
    }
    assert_ne!(one.all().await, other.all().await, "the runners differ");
    // The same entropy gives the same bytes to the letter.
    let again = busy_world(1, Duration::ZERO);
    run_busy(&again).await;
    assert_eq!(one.all().await, again.all().await);
}

#[tokio::test]
async fn parallelism_and_sizes_change_nothing_that_is_said_kept_or_paid() {
    let reference = busy_world(1, Duration::ZERO);
    run_busy(&reference).await;
    let reference = comparable(&reference).await;
    for (i, limits) in [
        json!({"max_parallel_turns": 1}),
        json!({"agents_per_hold": 1}),
        json!({"agents_per_shard": 1, "agents_per_hold": 2}),
        json!({"max_parallel_turns": 2, "agents_per_shard": 3}),
    ]
    .into_iter()
    .enumerate()
    {
        let mut world = busy_world(7, Duration::from_millis(i as u64 % 2));
        world.org["limits"] = limits;
        run_busy(&world).await;
        let mut changed = comparable(&world).await;
        world.audit(&Expect { exactly_once: true, ..Expect::default() }).await;
        for (path, value) in &reference {
            if path.contains("/shards/") || path.starts_with("inputs/") || path == "org.json" {
                continue;
            }
            let (mut value, other) =
                (value.clone(), changed.get_mut(path).unwrap_or_else(|| panic!("{path} is missing")));
            for value in [&mut value, other] {
                // The settings differ, and so do the shards.
                for field in ["org", "shards", "licence"] {
                    if let Value::Object(fields) = &mut *value {
                        fields.remove(field);
                    }
                }
            }
            assert_eq!(&value, other, "{path} in variant {i}");
        }
    }
}

#[test]
fn random_organisations_talk() {
    let org = Org {
        seed: 3,
        ordered: true,
        agents: (0..4)
            .map(|_| Agent { period: 1, offset: 0, on_message: false, reads: vec![(1, None)], joins: 1 })
            .collect(),
        mail: Vec::new(),
        ticks: 9,
        max_hops: 20,
    };
    let read: usize = org.run().iter().map(|turn| turn.inbox.len()).sum();
    assert!(read > 20, "{read}");
    let failed = org.run().iter().filter(|turn| !turn.good).count();
    assert!(failed > 2, "{failed}");
}
