//! An organisation in the bucket, whose model is a command that keeps a log of its calls on this machine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::TryStreamExt as _;
use object_store::path::Path as Location;
use object_store::{ObjectStore, ObjectStoreExt as _};
use serde_json::{Value, json};

use crate::block_on;

/// The model: writes down that it was called and for whom, thinks, and writes down that it has answered.
const MODEL: &str = r#"
printf 'asked %s\n' "$AGENT" >> "$CALLS"
sleep "$DELAY"
while [ -e "$CALLS.shut" ]; do sleep 0.02; done
printf 'answered %s\n' "$AGENT" >> "$CALLS"
printf '{"notes": "done", "outbox_entries": [{"to": ["human"], "payload": {"text": "%s was here"}}]}\n' "$AGENT"
"#;

/// What kind of organisation.
#[derive(Debug, Clone)]
pub struct Kind {
    pub agents: usize,
    /// How many seconds the model thinks, as `sleep` takes it.
    pub delay: &'static str,
    /// `schedule.when` of its agents.
    pub when: &'static str,
    /// The rest of `org.json`.
    pub settings: Value,
}

impl Default for Kind {
    fn default() -> Self {
        Self { agents: 2, delay: "0", when: "always", settings: json!({ "pace": { "every": "1h" } }) }
    }
}

/// An organisation at a prefix of the bucket.
#[derive(Debug)]
pub struct Organisation {
    store: Arc<dyn ObjectStore>,
    prefix: String,
    calls: PathBuf,
}

/// The calls of a model that was asked for each agent, by its own log.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Calls {
    pub asked: BTreeMap<String, usize>,
    pub answered: BTreeMap<String, usize>,
}

impl Organisation {
    /// The model and its log go to `folder`, which no other organisation uses.
    pub fn found(store: Arc<dyn ObjectStore>, prefix: &str, folder: &Path, kind: &Kind) -> Self {
        std::fs::create_dir_all(folder).expect("a folder");
        let (script, calls) = (folder.join("model.sh"), folder.join("calls.log"));
        std::fs::write(&script, MODEL).expect("a file");
        let org = Self { store, prefix: prefix.to_owned(), calls };
        let model = |agent: &str| {
            json!({
                "provider": "cli",
                "price": { "input": 0, "output": 0, "request": 0.01 },
                "provider_config": {
                    "command": ["/bin/sh", script],
                    "env": { "AGENT": agent, "CALLS": org.calls, "DELAY": kind.delay },
                },
            })
        };
        let agents = || (0..kind.agents).map(|i| format!("a{i:02}"));
        let models: serde_json::Map<String, Value> = agents().map(|agent| (agent.clone(), model(&agent))).collect();
        org.write("config/models.json", &Value::from(models).to_string());
        for agent in agents() {
            let resume = json!({
                "name": agent, "title": "Hand", "short_description": "Does its part.", "instructions": "Do your part.",
                "model": { "key": agent, "max_tokens": 512 },
                "schedule": { "run_every_n_ticks": 1, "when": kind.when },
                "credits": { "max_credits": 100, "soft_cap": 0 },
            });
            org.write(&format!("agents/{agent}/resume.json"), &resume.to_string());
        }
        let mut settings = json!({ "format": 1, "name": prefix });
        for (name, value) in kind.settings.as_object().expect("settings") {
            settings[name] = value.clone();
        }
        org.write("org.json", &settings.to_string());
        org
    }

    /// Keeps every answer back until [`Self::open`].
    pub fn shut(&self) {
        std::fs::write(self.gate(), "").expect("a file");
    }

    pub fn open(&self) {
        std::fs::remove_file(self.gate()).expect("it was shut");
    }

    fn gate(&self) -> PathBuf {
        self.calls.with_extension("log.shut")
    }

    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The key of a file of the organisation.
    pub fn key(&self, path: &str) -> String {
        format!("{}/{path}", self.prefix)
    }

    /// Writes a file, as a person does.
    pub fn write(&self, path: &str, body: &str) {
        let key = Location::parse(self.key(path)).expect("a key");
        block_on(self.store.put(&key, body.to_owned().into())).expect("a file");
    }

    /// All that is stored, and its versions: any write changes it.
    pub fn versions(&self) -> BTreeMap<String, String> {
        let all = self.store.list(Some(&Location::from(self.prefix.as_str())));
        let version = |meta: object_store::ObjectMeta| {
            let written = meta.last_modified.timestamp_nanos_opt();
            (meta.location.to_string(), format!("{:?} {written:?} {}", meta.e_tag, meta.size))
        };
        block_on(all.map_ok(version).try_collect()).expect("a listing")
    }

    /// The paths below a folder of the organisation, in order.
    pub fn below(&self, folder: &str) -> Vec<String> {
        let folder = self.key(folder);
        self.versions().into_keys().filter_map(|path| Some(path.strip_prefix(&folder)?.to_owned())).collect()
    }

    /// A record or another file in JSON; nothing if there is none.
    pub fn read(&self, path: &str) -> Option<Value> {
        let key = Location::parse(self.key(path)).expect("a key");
        let bytes = block_on(async { self.store.get(&key).await.ok()?.bytes().await.ok() })?;
        Some(serde_json::from_slice(&bytes).expect("json"))
    }

    /// A record of a tick.
    pub fn record(&self, tick: u64, name: &str) -> Option<Value> {
        self.read(&format!("ticks/{tick:012}/{name}"))
    }

    /// What the model wrote down.
    pub fn calls(&self) -> Calls {
        let mut calls = Calls::default();
        for line in std::fs::read_to_string(&self.calls).unwrap_or_default().lines() {
            let (what, agent) = line.split_once(' ').expect("two words");
            let counts = if what == "asked" { &mut calls.asked } else { &mut calls.answered };
            *counts.entry(agent.to_owned()).or_default() += 1;
        }
        calls
    }

    /// Each of so many agents was asked so often and has answered each time.
    pub fn assert_each_called(&self, agents: usize, times: usize) {
        let each: BTreeMap<String, usize> = (0..agents).map(|i| (format!("a{i:02}"), times)).collect();
        let calls = self.calls();
        assert_eq!((&calls.asked, &calls.answered), (&each, &each), "calls by the model's own log");
    }
}
