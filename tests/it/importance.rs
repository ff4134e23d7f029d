//! Importance orders the showing of an inbox, never the reading; threads are inherited through what is answered.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::world::World;

/// The texts of the inbox in the order in which each prompt shows them.
type Shown = Arc<Mutex<Vec<Vec<String>>>>;

async fn of_ada(answer: impl Fn(&[Value]) -> Value + Send + Sync + 'static) -> (World, Shown) {
    let shown: Shown = Arc::default();
    let log = Arc::clone(&shown);
    let world = World::new(move |request| {
        let prompt = &request.messages.last().expect("a prompt").content;
        let new = prompt.split("# New for you").nth(1).expect("the inbox");
        let entries: Vec<Value> = new.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let text =
            |entry: &Value| entry["payload"]["text"].as_str().expect("a text").chars().take(8).collect::<String>();
        log.lock().unwrap().push(entries.iter().map(text).collect());
        Ok(answer(&entries).to_string())
    });
    (world, shown)
}

async fn mail(world: &World, number: u64, text: &str, change: Value) {
    let id = format!("00000000-0000-7000-8000-{number:012}");
    let mut mail = json!({"format": 1, "id": id, "payload": {"text": text}, "sent_at": "2027-01-15T08:00:00.000Z"});
    crate::world::merge(&mut mail, change);
    world.put(&format!("ingress/mail/{id}.json"), &mail).await;
}

#[tokio::test]
async fn what_is_important_is_shown_first_and_equals_keep_their_order() {
    let (world, shown) = of_ada(|_| json!({})).await;
    world.found().await;
    world.agent("ada", json!({})).await;
    for (number, text, importance) in [
        (1, "normal 1", "normal"),
        (2, "high 2", "high"),
        (3, "crit 3", "critical"),
        (4, "normal 4", "normal"),
        (5, "high 5", "high"),
    ] {
        mail(&world, number, text, json!({"importance": importance})).await;
    }
    world.tick().await;
    assert_eq!(*shown.lock().unwrap(), [["crit 3", "high 2", "high 5", "normal 1", "normal 4"]]);
    let read: Vec<u32> = world.turn(1, "ada").await.inbox.iter().map(|read| read.position.index).collect();
    assert_eq!(read, [0, 1, 2, 3, 4], "it is read in the order of the positions");
}

#[tokio::test]
async fn an_inbox_that_is_cut_is_cut_by_position_so_that_nothing_is_passed_over() {
    let (mut world, shown) = of_ada(|_| json!({})).await;
    world.org["limits"] = json!({"max_prompt_tokens": 16_000});
    world.found().await;
    world.agent("ada", json!({})).await;
    let long = |name: &str| format!("{name}{}", "x".repeat(1_500));
    for (number, text, importance) in
        [(1, "first   ", "normal"), (2, "second  ", "normal"), (3, "third   ", "critical")]
    {
        mail(&world, number, &long(text), json!({"importance": importance})).await;
    }
    for _ in 0..3 {
        world.tick().await;
    }
    let all: Vec<String> = shown.lock().unwrap().iter().flatten().cloned().collect();
    assert_eq!(
        all,
        ["first   ", "second  ", "third   "],
        "what came first is read first, however important what follows"
    );
    assert!(shown.lock().unwrap()[0].len() < 3, "the first prompt had no room for all");
}

#[tokio::test]
async fn an_answer_inherits_the_thread_of_what_is_in_the_inbox_and_prompts_show_both() {
    let (world, _) = of_ada(|entries| {
        let replies: Vec<Value> =
            entries.iter().map(|entry| json!({"reply_to": entry["id"], "payload": {"text": "yes"}})).collect();
        json!({"outbox_entries": replies})
    })
    .await;
    world.found().await;
    world.agent("ada", json!({})).await;
    let thread = "00000000-0000-7000-8000-00000000abcd";
    mail(&world, 1, "in a thread", json!({"thread_id": thread, "reply_to": thread})).await;
    mail(&world, 2, "the first", json!({})).await;
    world.tick().await;
    let turn = world.turn(1, "ada").await;
    let said: Vec<Value> =
        turn.effects.outbox.iter().map(|entry| json!([entry.meta.reply_to, entry.meta.thread_id])).collect();
    let id = |n: u64| format!("00000000-0000-7000-8000-{n:012}");
    assert_eq!(json!(said), json!([[id(1), thread], [id(2), id(2)]]));
    let prompt = &turn.prompt.last().expect("a prompt").content;
    assert!(
        prompt.contains(&format!("\"reply_to\":\"{thread}\""))
            && prompt.contains(&format!("\"thread_id\":\"{thread}\"")),
        "{prompt}"
    );
}
