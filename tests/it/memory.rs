//! What agents keep at hand, what leaves for the archive, and how both are found again.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use lemming::domain::credits::Credits;
use lemming::domain::model::{Model, Usage};
use lemming::domain::name::{MemoryKey, ModelKey};
use lemming::engine::{Outcome, run_tick};
use lemming::provider::{CallError, CallErrorKind, Embedded, Embedder, Provider, Providers};
use lemming::record::plan::Trigger;
use lemming::store::Prefix;
use serde_json::{Value, json};

use crate::audit::Expect;
use crate::world::{Thinker, World, merge, name};

/// A world of one agent, `ada`, with all memory tools and a `memory` of its resume.
async fn of_ada(settings: Value, answers: impl Fn(u64, u32, &[Value]) -> Value + Send + Sync + 'static) -> World {
    let mut world = World::new(move |request| {
        let view = &request.view;
        Ok(answers(view.tick.0, view.step, &view.results).to_string())
    });
    world.org["limits"] = json!({"lease": "5ms"});
    world.found().await;
    let tools = json!(["memory_read", "memory_write", "memory_list", "memory_delete", "memory_search"]);
    let mut resume = json!({"permissions": {"tools": tools}});
    merge(&mut resume, json!({"memory": settings}));
    world.agent("ada", resume).await;
    world
}

fn calls(tools: &[(&str, Value)]) -> Value {
    let calls: Value = tools.iter().map(|(tool, arguments)| json!({"tool": tool, "arguments": arguments})).collect();
    json!({"tool_calls": calls})
}

fn appends(key: &str, value: impl Into<Value>, cap: Option<u32>) -> Value {
    json!({"memory_updates": [{"key": key, "op": "append", "value": value.into(), "cap": cap}]})
}

async fn memory(world: &World, key: &str) -> Option<Value> {
    let bytes = world.all().await.get(&format!("agents/ada/memory/{key}.json"))?.clone();
    Some(serde_json::from_slice::<Value>(&bytes).unwrap()["value"].clone())
}

/// What the archive holds of a key, in the order in which it left the memory.
async fn archived(world: &World, key: &str) -> Vec<Value> {
    let prefix = Prefix::Archive(name("ada"), Some(MemoryKey::new(key).unwrap()));
    let mut values = Vec::new();
    for path in world.raw.list(&prefix).await.unwrap() {
        let bytes = world.raw.get_path(&path).await.unwrap().unwrap();
        values.push(serde_json::from_slice::<Value>(&bytes).unwrap()["value"].clone());
    }
    values
}

async fn sound(world: &World) {
    world.audit(&Expect { exactly_once: true, ..Expect::default() }).await;
}

/// What the tool calls of a turn's first answer returned.
async fn results(world: &World, tick: u64) -> Vec<Value> {
    world.turn(tick, "ada").await.exchanges[0].results.iter().map(|result| result.result.clone()).collect()
}

#[tokio::test]
async fn a_capped_list_loses_its_oldest_items_to_the_archive_and_nothing_is_lost_or_doubled() {
    let world = of_ada(json!({}), |tick, _, _| appends("log", tick, Some(3))).await;
    for _ in 0..10 {
        world.tick().await;
    }
    assert_eq!(memory(&world, "log").await, Some(json!([8, 9, 10])));
    assert_eq!(json!(archived(&world, "log").await), json!([[1], [2], [3], [4], [5], [6], [7]]));
    sound(&world).await;
}

#[tokio::test]
async fn items_that_leave_in_one_turn_leave_in_one_file() {
    let world = of_ada(json!({"max_list_items": 2}), |_, step, _| match step {
        0 => calls(&[
            ("memory_write", json!({"key": "log", "value": 1, "operation": "append"})),
            ("memory_write", json!({"key": "log", "value": 2, "operation": "append"})),
            ("memory_write", json!({"key": "log", "value": 3, "operation": "append"})),
        ]),
        1 => calls(&[("memory_write", json!({"key": "log", "value": 4, "operation": "append", "cap": 1}))]),
        _ => appends("log", 5, None),
    })
    .await;
    world.tick().await;
    assert_eq!(memory(&world, "log").await, Some(json!([4, 5])));
    assert_eq!(json!(archived(&world, "log").await), json!([[1, 2, 3]]));
    sound(&world).await;
}

#[tokio::test]
async fn the_organisations_cap_holds_for_whoever_has_none_and_for_lists_that_people_write() {
    let mut world = World::new(|_| Ok("{}".to_owned()));
    world.org["memory"] = json!({"max_list_items": 2});
    world.found().await;
    world.agent("ada", json!({})).await;
    world.agent("bob", json!({"memory": {"max_list_items": 4}})).await;
    for agent in ["ada", "bob"] {
        world.put(&format!("agents/{agent}/memory/log.json"), &json!({"value": [1, 2, 3]})).await;
    }
    world.tick().await;
    assert_eq!(memory(&world, "log").await, Some(json!([2, 3])));
    assert_eq!(json!(archived(&world, "log").await), json!([[1]]));
    let bob = world.turn(1, "bob").await;
    assert!(bob.effects.archive.is_empty() && bob.imports.len() == 1);
    world.tick().await;
    assert!(world.turn(2, "ada").await.effects.archive.is_empty(), "once");
    sound(&world).await;
}

#[tokio::test]
async fn a_list_that_is_full_is_halved_rather_than_closed() {
    let mut world =
        World::new(|request| Ok(appends("log", format!("event {:04}", request.view.tick.0), None).to_string()));
    world.org["limits"] = json!({"max_inline_bytes": 100});
    world.found().await;
    world.agent("ada", json!({})).await;
    for _ in 0..30 {
        world.tick().await;
    }
    let kept = memory(&world, "log").await.unwrap();
    let all = archived(&world, "log").await.into_iter().chain([kept.clone()]);
    let all: Vec<Value> = all.flat_map(|items| items.as_array().unwrap().clone()).collect();
    let expected: Vec<Value> = (1..=30).map(|tick| json!(format!("event {tick:04}"))).collect();
    assert_eq!(all, expected);
    assert!(kept.to_string().len() <= 100);
    assert!(archived(&world, "log").await.len() <= 8, "it is not archived item by item");
    // What can never fit is refused, and takes nothing out of the list.
    let too_long = "x".repeat(100);
    let world =
        of_ada(json!({}), move |tick, _, _| appends("log", if tick == 1 { "a" } else { &too_long }, None)).await;
    let mut org = world.org.clone();
    org["limits"] = json!({"max_inline_bytes": 100});
    world.put("org.json", &org).await;
    world.tick().await;
    world.tick().await;
    assert_eq!(memory(&world, "log").await, Some(json!(["a"])));
    assert_eq!(world.turn(2, "ada").await.violations.len(), 1);
    sound(&world).await;
}

#[tokio::test]
async fn a_key_that_nobody_changes_is_archived_for_its_age_unless_it_is_pinned() {
    let world = of_ada(json!({"archive_after_ticks": 3, "pinned": ["creed"]}), |tick, _, _| match tick {
        1 => json!({"memory_updates": {"old": {"a": 1}, "creed": "be kind", "used": 0}}),
        3 => json!({"memory_updates": {"used": 3}}),
        _ => json!({}),
    })
    .await;
    for _ in 0..3 {
        world.tick().await;
    }
    assert_eq!(memory(&world, "old").await, Some(json!({"a": 1})));
    world.tick().await;
    assert_eq!(memory(&world, "old").await, None);
    assert_eq!(archived(&world, "old").await, [json!({"a": 1})]);
    assert_eq!(memory(&world, "used").await, Some(json!(3)));
    for _ in 0..3 {
        world.tick().await;
    }
    assert_eq!(memory(&world, "used").await, None);
    assert_eq!(memory(&world, "creed").await, Some(json!("be kind")));
    assert_eq!(archived(&world, "old").await.len(), 1, "once");
    sound(&world).await;
}

#[tokio::test]
async fn what_a_person_or_a_command_has_just_changed_is_not_old() {
    let world = of_ada(json!({"archive_after_ticks": 2}), |tick, _, _| match tick {
        1 => json!({"memory_updates": {"edited": 1, "told": 1, "broken": 1}}),
        _ => json!({}),
    })
    .await;
    world.tick().await;
    world.tick().await;
    world.put("agents/ada/memory/edited.json", &json!({"value": 2})).await;
    world.command(1, json!({"action": "memory", "agent": "ada", "key": "told", "operation": "set", "value": 2})).await;
    world.raw.put_path("agents/ada/memory/broken.json", "{\"value\": \"half".into()).await.unwrap();
    world.tick().await;
    assert_eq!(memory(&world, "edited").await, Some(json!(2)));
    assert_eq!(memory(&world, "told").await, Some(json!(2)));
    assert_eq!(&world.all().await["agents/ada/memory/broken.json"][..], b"{\"value\": \"half", "somebody is at it");
    assert!(world.turn(3, "ada").await.effects.archive.is_empty());
}

#[tokio::test]
async fn a_failed_turn_archives_nothing() {
    let world = of_ada(json!({"max_list_items": 1}), |tick, step, _| match (tick, step) {
        (1, _) => appends("log", 1, None),
        (_, 0) => {
            let mut answer = appends("log", 2, None);
            merge(&mut answer, calls(&[("memory_list", json!({}))]));
            answer
        }
        _ => json!("no contract"),
    })
    .await;
    world.tick().await;
    world.tick().await;
    assert_eq!(world.turn(2, "ada").await.status.as_str(), "failed");
    assert_eq!(memory(&world, "log").await, Some(json!([1])));
    assert!(archived(&world, "log").await.is_empty());
    sound(&world).await;
}

#[tokio::test]
async fn a_file_that_a_person_wrote_over_an_archived_one_stays() {
    let world = of_ada(json!({}), |tick, _, _| appends("log", tick, Some(1))).await;
    world.tick().await;
    world.tick().await;
    let prefix = Prefix::Archive(name("ada"), None);
    let path = world.raw.list(&prefix).await.unwrap()[0].clone();
    world.raw.put_path(&path, "mine".into()).await.unwrap();
    for _ in 0..3 {
        world.tick().await;
    }
    assert_eq!(&world.all().await[&path][..], b"mine");
    assert_eq!(world.raw.list(&prefix).await.unwrap().len(), 4);
}

#[tokio::test]
async fn the_archive_is_listed_read_and_searched() {
    let world =
        of_ada(json!({"max_list_items": 1, "archive_after_ticks": 3}), |tick, step, results| match (tick, step) {
            (1, _) => json!({"memory_updates": [
                {"key": "plan", "op": "set", "value": {"aim": "open the harbour"}},
                {"key": "log", "op": "append", "value": "met the harbour master"},
            ]}),
            (2, _) => appends("log", "the invoice of Acme is paid", None),
            (3, _) => appends("log", "a quiet day", None),
            (4, 0) => calls(&[
                ("memory_list", json!({})),
                ("memory_list", json!({"archive": true})),
                ("memory_search", json!({"query": "Harbour master?"})),
                ("memory_search", json!({"query": "invoice", "key": "plan"})),
                ("memory_search", json!({"query": "harbour", "limit": 1})),
            ]),
            (4, 1) => {
                let path = &results[1]["archive"][0]["path"];
                calls(&[
                    ("memory_read", json!({"path": path})),
                    ("memory_read", json!({"path": "archive/../memory/log.json"})),
                    ("memory_read", json!({"path": "memory/log.json"})),
                    ("memory_read", json!({"path": "archive/none.json"})),
                    ("memory_read", json!({"key": "log", "newest": 1})),
                    ("memory_delete", json!({"key": "log"})),
                    ("memory_delete", json!({"key": "log"})),
                ])
            }
            _ => json!({}),
        })
        .await;
    for _ in 0..4 {
        world.tick().await;
    }
    let found = results(&world, 4).await;
    assert_eq!(found[0], json!({"keys": [{"key": "log", "bytes": 15, "items": 1}, {"key": "plan", "bytes": 26}]}));
    let files = found[1]["archive"].as_array().unwrap();
    assert_eq!(files.iter().map(|file| file["tick"].as_u64().unwrap()).collect::<Vec<_>>(), [3, 2]);
    let harbour = found[2]["found"].as_array().unwrap();
    assert_eq!(harbour[0]["value"], "met the harbour master");
    assert_eq!(
        (&harbour[0]["key"], &harbour[0]["tick"], &harbour[0]["archived"]),
        (&json!("log"), &json!(2), &files[1]["path"])
    );
    assert_eq!(harbour[1], json!({"key": "plan", "value": {"aim": "open the harbour"}}));
    assert_eq!(found[2]["searched"], 4);
    assert_eq!(found[3]["found"], json!([]), "of that key alone");
    assert_eq!((found[4]["found"].as_array().unwrap().len(), &found[4]["more"]), (1, &json!(1)));
    let turn = world.turn(4, "ada").await;
    let read = &turn.exchanges[1].results;
    assert_eq!(read[0].result["value"], json!(["the invoice of Acme is paid"]));
    assert_eq!(read[0].result["because"], "overflow");
    assert!(!read[1].ok && !read[2].ok && !read[3].ok, "{read:?}");
    assert_eq!(read[4].result, json!({"key": "log", "older_items": 0, "value": ["a quiet day"]}));
    assert!(read[5].ok && !read[6].ok);
    // The plan rested for three ticks and left with this turn; it is found from the next on.
    assert_eq!(archived(&world, "plan").await, [json!({"aim": "open the harbour"})]);
    sound(&world).await;
}

#[tokio::test]
async fn what_people_put_into_the_archive_is_read_by_its_path_alone_and_within_bounds() {
    let world = of_ada(json!({}), |_, step, _| match step {
        0 => calls(&[
            ("memory_search", json!({"query": "harbour"})),
            ("memory_read", json!({"path": "archive/notes/old.md"})),
            ("memory_read", json!({"path": "archive/notes/huge.md"})),
            ("memory_list", json!({"archive": true})),
        ]),
        _ => json!({}),
    })
    .await;
    world.raw.put_path("agents/ada/archive/notes/old.md", "the harbour".into()).await.unwrap();
    world.raw.put_path("agents/ada/archive/notes/huge.md", "harbour ".repeat(100_000).into()).await.unwrap();
    world.tick().await;
    let turn = world.turn(1, "ada").await;
    let read = &turn.exchanges[0].results;
    assert_eq!(read[0].result["found"], json!([]));
    assert_eq!(read[1].result["text"], "the harbour");
    assert!(!read[2].ok && read[2].result.to_string().contains("`newest`"), "{:?}", read[2]);
    assert_eq!(read[3].result["archive"].as_array().unwrap().len(), 2);
    let _ = world.tick().await;
    assert_eq!(&world.all().await["agents/ada/archive/notes/old.md"][..], b"the harbour");
}

#[tokio::test]
async fn a_prompt_shows_what_fits_and_names_the_rest() {
    let world = of_ada(json!({"max_prompt_bytes": 400, "pinned": ["creed"]}), |tick, _, _| match tick {
        1..=20 => {
            let text = format!("about topic{tick} and what came of it");
            json!({"memory_updates": {format!("note{tick:02}"): text, "creed": "be kind"}})
        }
        _ => json!({}),
    })
    .await;
    for _ in 0..20 {
        world.tick().await;
    }
    world.mail(1, "human", None, "topic4").await;
    world.tick().await;
    let prompt = world.turn(21, "ada").await.prompt[1].content.clone();
    let at = |part: &str| prompt.find(part).unwrap_or_else(|| panic!("{part} is missing: {prompt}"));
    assert!(
        at("\"creed\"") < at("\"note19\"")
            && at("\"note19\"") < at("\"note20\"")
            && at("\"note20\"") < at("\"note04\"")
    );
    assert!(!prompt.contains("\"note10\""));
    assert!(prompt.contains("keys are left out: note01, note02"), "{prompt}");
    assert!(prompt.contains("find them with memory_read or memory_search"), "{prompt}");
    sound(&world).await;
}

/// A model of meanings: two numbers for each text, by whether it is about animals or about ships.
#[derive(Debug, Default)]
struct Meanings {
    asked: Mutex<Vec<String>>,
    fails: bool,
}

#[async_trait]
impl Embedder for Meanings {
    async fn embed(&self, _: &str, texts: &[String]) -> Result<Embedded, CallError> {
        self.asked.lock().unwrap().extend(texts.iter().cloned());
        if self.fails {
            return Err(CallError::new(CallErrorKind::Unanswered, "out of order"));
        }
        let about = |text: &String, words: &[&str]| f32::from(u8::from(words.iter().any(|word| text.contains(word))));
        let vector = |text| vec![0.1 + about(text, &["cat", "kitten", "pet"]), 0.1 + about(text, &["ship", "boat"])];
        let usage = Usage { input_tokens: 1_000, ..Usage::default() };
        Ok(Embedded { vectors: texts.iter().map(vector).collect(), usage: Some(usage), reported_model: None })
    }
}

#[derive(Debug)]
struct WithMeanings(Thinker, Arc<Meanings>);

#[async_trait]
impl Providers for WithMeanings {
    async fn open(&self, key: &ModelKey, model: &Model) -> Result<Arc<dyn Provider>, CallError> {
        self.0.open(key, model).await
    }
    async fn open_embedder(&self, _: &ModelKey, _: &Model) -> Result<Arc<dyn Embedder>, CallError> {
        Ok(self.1.clone())
    }
}

/// Two ticks: one that remembers, and one that searches twice.
async fn searched(meanings: &Arc<Meanings>, price: f64) -> World {
    let mut world = of_ada(json!({}), |tick, step, _| match (tick, step) {
        (1, _) => {
            json!({"memory_updates": {"a": "a kitten in the yard", "b": "the boat has sailed", "c": "tax forms"}})
        }
        (2, 0) => calls(&[("memory_search", json!({"query": "my pet", "limit": 1}))]),
        (2, 1) => calls(&[("memory_search", json!({"query": "my pet", "limit": 1}))]),
        _ => json!({}),
    })
    .await;
    world.org["memory"] = json!({"embeddings": "e"});
    world.put("org.json", &world.org).await;
    let model = |input: f64| json!({"provider": "test", "price": {"input": input, "output": 2}});
    world.put("config/models.json", &json!({"m": model(1.0), "e": model(price)})).await;
    for _ in 0..2 {
        let mut context = world.context();
        context.providers = Arc::new(WithMeanings(world.thinker.clone(), meanings.clone()));
        assert!(matches!(run_tick(&context, Trigger::Invocation).await.unwrap(), Outcome::Ran(_)));
    }
    world
}

#[tokio::test]
async fn meanings_find_what_words_do_not_and_nothing_is_embedded_twice() {
    let meanings = Arc::new(Meanings::default());
    let world = searched(&meanings, 3.0).await;
    let turn = world.turn(2, "ada").await;
    for exchange in &turn.exchanges[..2] {
        let result = &exchange.results[0].result;
        assert_eq!((&result["found"][0]["key"], &result["compared"]), (&json!("a"), &json!("words and meanings")));
    }
    let mut asked = meanings.asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 4, "{asked:?}");
    asked.dedup();
    assert_eq!(asked.len(), 4, "the second search asks for nothing: {asked:?}");
    assert_eq!(world.all().await.keys().filter(|path| path.starts_with("agents/ada/vectors/")).count(), 4);
    // The bill is in the record, and in what the turn spent.
    let bill: Credits = turn.embeddings.iter().map(|receipt| receipt.cost_credits).sum();
    assert_eq!((turn.embeddings.len(), bill.micros()), (1, 3_000));
    let answers: Credits = turn.exchanges.iter().map(|exchange| exchange.receipt.cost_credits).sum();
    assert_eq!(turn.spent.paid, answers + bill);
    // A replay asks nobody, and comes out the same.
    world.audit(&Expect::default()).await;
    assert_eq!(meanings.asked.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn a_search_goes_on_by_words_where_meanings_cannot_be_had() {
    let meanings = Arc::new(Meanings { fails: true, ..Meanings::default() });
    let world = searched(&meanings, 3.0).await;
    let turn = world.turn(2, "ada").await;
    assert_eq!(turn.exchanges[0].results[0].result["compared"], "words alone: out of order");
    assert!(turn.embeddings.is_empty() && turn.spent.unanswered > Credits::ZERO, "it may have cost its worst case");
    world.audit(&Expect::default()).await;
    // A price that the turn cannot pay is not paid, and nothing is sent.
    let meanings = Arc::new(Meanings::default());
    let world = searched(&meanings, 900_000.0).await;
    let result = &world.turn(2, "ada").await.exchanges[0].results[0].result;
    assert_eq!(result["compared"], "words alone: it would not fit what this turn may cost");
    assert!(meanings.asked.lock().unwrap().is_empty());
    world.audit(&Expect::default()).await;
}
