//! `chat` and `watch`, as a person at a terminal has them, and through pipes.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use lemming::chronicle::doing::Doing;
use lemming::chronicle::live::Live;
use lemming::domain::time::Timestamp;
use serde_json::{Value, json};

use crate::place::{Place, text};
use crate::world::World;

/// `ada` answers people in Markdown; what is slow takes longer than any test.
fn talking() -> Place {
    let rules = json!([
        {"agent": "ada", "when": {"from": "human", "text_matches": "slow"}, "fault": {"delay_ms": 3_600_000}},
        {"agent": "ada", "when": {"from": "human"}, "for_each": "message", "answer": {"outbox_entries": [
            {"kind": "response", "to": "human", "reply_to": "{{ message.id }}",
             "payload": {"text": "**You** said:\n\n- {{ message.text }}"}}]}},
    ]);
    Place::new(&["ada", "bob"], rules)
}

#[test]
fn through_a_pipe_each_line_is_a_message_and_the_thread_goes_on() {
    let place = talking();
    let output = place.piped(&["chat", "ada"], "Hello\n\n/why ada\nAgain\n");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    insta::assert_snapshot!(text(&output.stdout), @"
    ada: **You** said:

    - Hello
    tick 1 (clock 1)  ran
      ada ran, by its schedule: it read 1 message and said 1 message, for 0.01
    next, tick 2 (clock 2)  will run
      ada is due by its schedule, and may spend up to 0.03
    ada: **You** said:

    - Again
    ");
    let all = place.json(&["messages"]);
    let field = |at: usize, name: &str| all["messages"][at][name].clone();
    assert_eq!(field(2, "reply_to"), field(1, "id"), "the second message answers the first answer");
    for at in 1..4 {
        assert_eq!(field(at, "thread_id"), field(0, "id"));
    }
    let lines = text(&place.piped(&["chat", "ada", "--json"], "More\n").stdout);
    let answer: Value = serde_json::from_str(&lines).expect("one line of JSON");
    assert_eq!((&answer["from"], &answer["text"]), (&json!("ada"), &json!("**You** said:\n\n- More")));
}

#[test]
fn without_anybody_who_answers_a_chat_says_so_and_ends() {
    let place = talking();
    let output = place.piped(&["chat", "bob", "--ticks", "2"], "Anybody?\n");
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), String::new()));
    assert!(text(&output.stderr).contains("no answer in 2 ticks; /tick runs another"), "{}", text(&output.stderr));
    let output = place.piped(&["chat"], "To whom?\n");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("to whom?"), "{}", text(&output.stderr));
}

#[test]
fn at_slot_pace_a_chat_wakes_whom_it_talks_with_and_keeps_the_clock() {
    let place = talking();
    place.write("org.json", &json!({"format": 1, "name": "Test", "pace": {"every": "1h"}}));
    place.says(&["tick", "--scheduled"]);
    let clock = place.json(&["status"])["clock"].clone();
    let output = place.piped(&["chat", "ada"], "Hello\n");
    assert!(text(&output.stdout).starts_with("ada: **You** said:"), "{}", text(&output.stderr));
    assert_eq!(place.json(&["status"])["clock"], clock);
}

#[test]
fn at_a_terminal_answers_are_drawn_and_names_completed() {
    let place = talking();
    let terminal = place.terminal(&["chat"]);
    terminal.sees("To whom? /to NAME");
    terminal.prompts("> ");
    terminal.types("/to a\t\r");
    terminal.prompts("ada> ");
    terminal.types("Hello\\\rthere\r");
    terminal
        .waits("the answer", |screen| screen.contents().contains("You said:") && screen.contents().contains("• Hello"));
    let bold = |screen: &vt100::Screen| {
        let (rows, columns) = screen.size();
        let text = |row: u16, column: u16| {
            screen.cell(row, column).filter(|cell| cell.bold()).map(|cell| cell.contents().to_owned())
        };
        (0..rows.get()).any(|row| {
            (0..columns.get() - 3)
                .any(|column| (0..3).map(|at| text(row, column + at).unwrap_or_default()).collect::<String>() == "You")
        })
    };
    terminal.waits("**You** in bold", bold);
    terminal.prompts("ada> ");
    // What is typed ahead is not lost.
    terminal.types("/new\r/agents\r");
    terminal.sees("Does what it is told.");
    terminal.prompts("ada> ");
    terminal.types("/thread nothing\r");
    terminal.sees("is no id of a message");
    terminal.prompts("ada> ");
    terminal.types("/nonsense\r");
    terminal.sees("unrecognized subcommand");
    terminal.prompts("ada> ");
    terminal.types("\u{4}");
    assert_eq!(terminal.ends(), 0);
    assert!(place.read(".state/lemming/chat_history").expect("a history").contains("/agents"));
    assert!(place.says(&["messages", "--from", "human"]).contains("there"), "two lines are one message");
}

#[test]
fn the_first_interrupt_stops_the_waiting_and_leaves_the_tick_to_the_next_runner() {
    let place = talking();
    let terminal = place.terminal(&["chat", "ada"]);
    terminal.prompts("ada> ");
    terminal.types("Be slow\r");
    terminal.sees("at work: ada");
    terminal.types("\u{3}");
    terminal.sees("no longer waiting");
    let open = place.json(&["status"])["open"].clone();
    assert_eq!(open["due"], json!(["ada", "bob"]), "the tick is left open");
    terminal.prompts("ada> ");
    terminal.types("\u{3}");
    terminal.sees("Ctrl-C again leaves");
    terminal.prompts("ada> ");
    terminal.types("\u{3}");
    assert_eq!(terminal.ends(), 130);
    // The hold was released: nobody has to wait for its lease.
    place.write("config/script.json", &json!({"rules": []}));
    place.tick();
    assert_eq!(place.json(&["status"])["open"], json!(null));
}

#[test]
fn a_chat_that_watches_waits_for_the_ticks_of_others() {
    let place = talking();
    let terminal = place.terminal(&["chat", "ada", "--watch"]);
    terminal.prompts("ada> ");
    terminal.types("Hello\r");
    terminal.sees("waiting for a runner to tick");
    place.tick();
    terminal.sees("• Hello");
    terminal.prompts("ada> ");
    terminal.types("/quit\r");
    assert_eq!(terminal.ends(), 0);
}

#[test]
fn a_watched_organisation_is_redrawn_and_the_terminal_given_back() {
    let place = talking();
    place.says(&["send", "ada", "Hello"]);
    let terminal = place.terminal(&["watch", "--interval", "50ms"]);
    terminal.sees("no tick yet");
    assert!(terminal.screen().contains("q ends"));
    place.tick();
    terminal.sees("tick 1 (clock 1)");
    terminal.waits("the answer", |screen| screen.contents().contains("ada → human: **You** said: - Hello"));
    let rows: Vec<String> = terminal.screen().lines().map(str::to_owned).collect();
    let agents = rows.iter().position(|row| row.starts_with("agent ")).expect("the agents");
    insta::assert_snapshot!(rows[agents..agents + 3].join("\n"), @"
    agent                  credits  unread  last turn
    ada    idle              99.99       0  tick 1
    bob    idle              99.99       0  tick 1
    ");
    place.says(&["pause"]);
    place.tick();
    terminal.sees("paused");
    terminal.types("q");
    terminal.waits("the old screen", |screen| !screen.alternate_screen() && !screen.hide_cursor());
    assert_eq!(terminal.ends(), 0);
}

#[cfg(unix)]
#[test]
fn without_a_terminal_watching_prints_lines_or_json_and_ends_with_an_interrupt() {
    for json in [false, true] {
        let place = talking();
        place.says(&["send", "ada", "Hello"]);
        let args: &[&str] =
            if json { &["watch", "--interval", "20ms", "--json"] } else { &["watch", "--interval", "20ms"] };
        let mut child = place.spawn(args, Stdio::null());
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map(|line| line.expect("a line"));
        let first = lines.next().expect("a line");
        place.tick();
        if json {
            let first: Value = serde_json::from_str(&first).expect("JSON");
            assert_eq!(first["tick"], json!(0));
            let closed = lines
                .map(|line| serde_json::from_str::<Value>(&line).expect("JSON"))
                .find(|view| view["tick"] == json!(1));
            let closed = closed.expect("the closed tick");
            assert_eq!(closed["agents"][0]["name"], json!("ada"));
            assert_eq!(closed["messages"].as_array().map(Vec::len), Some(2));
        } else {
            assert_eq!(first, "no tick yet");
            assert!(lines.any(|line| line.starts_with("tick 1 closed (clock 1)")));
            assert!(lines.any(|line| line.contains("ada → human")));
        }
        let id = rustix::process::Pid::from_raw(i32::try_from(child.id()).expect("a pid")).expect("a pid");
        rustix::process::kill_process(id, rustix::process::Signal::INT).expect("a signal");
        assert_eq!(child.wait().expect("an end").code(), Some(0));
    }
}

#[tokio::test]
async fn a_look_while_nothing_happens_is_two_reads_and_writes_nothing() {
    let world = World::new(|request| {
        Ok(match request.view.tick.0 {
            2 => "no contract".to_owned(),
            _ => crate::world::says("hello"),
        })
    });
    world.found().await;
    world.agent("ada", json!({})).await;
    world.tick().await;
    let mut live = Live::begin(&world.store).await.unwrap();
    let before = world.requests();
    live.look().await.unwrap();
    let looked = world.requests() - before;
    assert_eq!((looked.get, looked.put, looked.list, looked.delete), (2, 0, 0, 0));
    let doing = |live: &Live| live.view(Timestamp::from_unix_ms(0)).agents[0].doing;
    assert_eq!(doing(&live), Doing::Idle);
    world.tick().await;
    live.look().await.unwrap();
    assert_eq!(doing(&live), Doing::Failed);
    assert_eq!(live.view(Timestamp::from_unix_ms(0)).messages.len(), 1);
}

#[tokio::test]
async fn a_tick_of_many_messages_says_how_many_are_not_shown() {
    let world = World::new(|_| Ok("{}".to_owned()));
    world.found().await;
    world.agent("ada", json!({})).await;
    let mut live = Live::begin(&world.store).await.unwrap();
    for number in 0..45 {
        world.mail(number, "human", Some(&["ada"]), "hello").await;
    }
    world.tick().await;
    live.look().await.unwrap();
    let view = |live: &Live| live.view(Timestamp::from_unix_ms(0));
    assert_eq!((view(&live).messages.len(), view(&live).messages_left_out), (30, 15));
    let again = Live::begin(&world.store).await.unwrap();
    assert_eq!((view(&again).messages.len(), view(&again).messages_left_out), (30, 15));
    world.tick().await;
    live.look().await.unwrap();
    assert_eq!((view(&live).tick.0, view(&live).messages_left_out), (2, 0));
}

#[cfg(unix)]
#[test]
fn lines_of_a_tick_of_many_messages_say_how_many_are_left_out() {
    let place = talking();
    for number in 0..45 {
        place.says(&["send", "ada", &format!("Hello {number}")]);
    }
    place.tick();
    let mut child = place.spawn(&["watch", "--interval", "20ms"], Stdio::null());
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map(|line| line.expect("a line"));
    let more = lines.take(3).find(|line| line.contains("messages more"));
    assert!(more.is_some_and(|more| more.contains("lemming messages")));
    child.kill().expect("an end");
    child.wait().expect("an end");
}
