//! The organisation that is worked on: a ring of agents that hand letters on, until each letter has
//! gone through a known number of hands and comes home.
//!
//! So it is known beforehand what must have been said, and by whom.

use serde_json::{Value, json};

use crate::domain::credits::Credits;
use crate::domain::name::{AgentName, HUMAN};
use crate::record::encode;
use crate::store::Key;

/// The agents, in the order of the ring; as many letters go round.
pub const AGENTS: [&str; 8] = ["ada", "bob", "cleo", "dan", "eve", "fay", "gus", "hal"];

/// Through how many hands each letter goes.
pub const HANDS: usize = 4;

/// What the model takes for a request.
pub const PRICE: Credits = Credits::from_micros(10_000);

/// What an account opens with.
pub const OPENING: Credits = Credits::whole(10);

/// The environment variable that holds a runner's key to the model.
pub const KEY_VARIABLE: &str = "LEMMING_CHAOS_KEY";

/// The file that tells that the organisation was made for this.
pub const MARKER: &str = "config/chaos.json";

/// The agents by name.
#[must_use]
pub fn agents() -> Vec<AgentName> {
    AGENTS.iter().filter_map(|name| AgentName::new(*name).ok()).collect()
}

/// The hands that letter `number` (from 1) must go through: it begins with the agent it is sent to.
#[must_use]
pub fn route(number: usize) -> Vec<&'static str> {
    AGENTS.iter().cycle().skip(number.saturating_sub(1) % AGENTS.len()).take(HANDS).copied().collect()
}

/// What stands in the letter that a person sends.
#[must_use]
pub fn letter(number: usize) -> String {
    format!("Letter {number}: hand it on, until {HANDS} have had it; then send it home.")
}

/// The entry with which an agent hands a letter on; `hands` are those that had it, its own the last.
#[must_use]
pub fn handed_on(number: u64, hands: &[String]) -> Value {
    let last = hands.last().map_or("", String::as_str);
    let to = match AGENTS.iter().position(|agent| *agent == last) {
        Some(at) if hands.len() < HANDS => AGENTS[(at + 1) % AGENTS.len()],
        _ => HUMAN,
    };
    let text = format!("Letter {number} came through {}.", hands.join(", "));
    json!({ "recipients": [to], "payload": { "text": text, "letter": number, "hands": hands } })
}

/// The files of the organisation, `org.json` last: before it is there, there is no organisation.
/// `address` is where the model answers.
#[must_use]
pub fn files(address: &str) -> Vec<(Key, Vec<u8>)> {
    let note = json!({ "about": "Made by `lemming demo --chaos`. The whole organisation may be deleted." });
    let models = json!({ "pigeon": {
        "provider": "openai_compatible",
        "model_name": "pigeon",
        "base_url": address,
        "key": format!("env:{KEY_VARIABLE}"),
        "price": { "input": 0, "output": 0, "request": PRICE },
    } });
    let mut files: Vec<(Key, Vec<u8>)> = Vec::new();
    files.extend(Key::parse(MARKER).map(|key| (key, encode(&note))));
    files.push((Key::Models, encode(&models)));
    for (name, agent) in AGENTS.iter().zip(agents()) {
        files.push((Key::Resume(agent), encode(&resume(name))));
    }
    files.push((Key::Org, encode(&org())));
    files
}

fn org() -> Value {
    json!({
        "format": 1,
        "name": "Carrier pigeons",
        "visibility": "snapshot",
        "credits": { "cost_per_action": 0 },
        // A short lease, so that who died is missed soon. One agent a shard and two shards a runner: all
        // runners find work.
        "limits": {
            "lease": "1500ms", "call_timeout": "60s", "max_steps": 1,
            "agents_per_shard": 1, "agents_per_hold": 1, "max_parallel_turns": 2,
        },
    })
}

fn resume(name: &str) -> Value {
    let at = AGENTS.iter().position(|agent| *agent == name).unwrap_or(0);
    let before = AGENTS[(at + AGENTS.len() - 1) % AGENTS.len()];
    json!({
        "name": name,
        "title": "Carrier",
        "short_description": "Hands letters on.",
        "instructions": "Hand each letter on to the next of the ring, or home when enough have had it.",
        "model": { "key": "pigeon", "max_tokens": 1024 },
        "permissions": { "read_outboxes": [before], "send_outboxes": [AGENTS[(at + 1) % AGENTS.len()]] },
        "schedule": { "run_every_n_ticks": 1, "when": "on_message" },
        "credits": { "max_credits": OPENING, "soft_cap": 0 },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_goes_round_the_ring_and_home() {
        assert_eq!(route(7), ["gus", "hal", "ada", "bob"]);
        let entry = handed_on(7, &["gus".to_owned(), "hal".to_owned()]);
        assert_eq!(entry["recipients"], json!(["ada"]));
        let hands: Vec<String> = route(7).into_iter().map(str::to_owned).collect();
        assert_eq!(handed_on(7, &hands)["recipients"], json!(["human"]));
    }

    #[test]
    fn the_files_are_those_of_an_organisation_without_problems() {
        for (key, bytes) in files("http://127.0.0.1:1/v1") {
            match key {
                Key::Resume(_) => {
                    drop(serde_json::from_slice::<crate::domain::resume::Resume>(&bytes).expect("resume"))
                }
                Key::Org => drop(serde_json::from_slice::<crate::domain::org::OrgConfig>(&bytes).expect("org")),
                Key::Models => {
                    drop(serde_json::from_slice::<crate::domain::model::ModelRegistry>(&bytes).expect("models"));
                }
                key => assert_eq!(key.path(), MARKER),
            }
        }
    }
}
