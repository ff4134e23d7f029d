//! People and their webhooks: they mail, pay, order, edit files in the middle of ticks, change resumes,
//! remove and add agents, and leave nonsense about.

use std::sync::Arc;

use bytes::Bytes;
use object_store::ObjectStoreExt as _;
use object_store::path::Path;
use serde_json::{Value, json};

use crate::bucket::Hand;
use crate::network::{Connection, Network, ROOT};
use crate::outside;
use crate::process::{Process, Temper};

pub const AGENTS: [&str; 6] = ["ada", "bob", "cyd", "dan", "eve", "fay"];
pub const MEMORIES: [&str; 3] = ["log", "plan", "told"];
/// Files as a tool names them.
pub const FILES: [&str; 4] = ["shared/board.txt", "shared/list.txt", "workspace/own.txt", "workspace/log.txt"];

/// What is the same all through the life of one world.
#[derive(Debug, Clone, Copy)]
pub struct Traits {
    pub agents: usize,
    /// Accounts are so small that they nearly run out.
    pub poor: bool,
    pub snapshot: bool,
    /// Seconds of a slot; 0: invocation pace.
    pub slot_s: u64,
    pub lease_ms: u64,
    /// Nothing fails, nobody dies or edits: each call is made exactly once.
    pub calm: bool,
    /// Runners fall asleep over their models all the time, for longer than a lease, and tools are called in most answers:
    /// several are in the middle of one turn.
    pub drowsy: bool,
}

/// Everybody outside.
#[derive(Debug)]
pub struct People {
    network: Arc<Network>,
    traits: Traits,
}

impl People {
    pub fn new(network: Arc<Network>, traits: Traits) -> Self {
        Self { network, traits }
    }

    pub fn network(&self) -> &Network {
        &self.network
    }

    fn put(&self, path: &str, value: &Value) {
        self.network.bucket.put(Hand::Person, path, Bytes::from(serde_json::to_vec_pretty(value).expect("JSON")));
    }

    pub fn found(&self) {
        self.settings(self.traits.snapshot, false);
        let models = json!({
            "m": {"provider": "sim", "price": {"input": 1, "output": 2}, "fallback": ["n"]},
            "n": {"provider": "sim", "price": {"input": 2, "output": 3}},
        });
        self.put("config/models.json", &models);
        self.put("config/tools.json", &outside::toolbox());
        for agent in &AGENTS[..self.traits.agents] {
            self.resume(agent, false);
        }
    }

    /// `org.json`, with other limits each time.
    fn settings(&self, snapshot: bool, rich: bool) {
        let dice = &self.network.dice;
        let poor = self.traits.poor && !rich;
        let mut org = json!({
            "format": 1, "name": "simulated",
            "visibility": if snapshot { "snapshot" } else { "ordered" },
            "credits": {"cost_per_action": 0.001},
            "budget": {"credits": if poor { 0.08 } else { 20.0 }, "per": dice.pick(&["total", "day", "month"])},
            "limits": {
                "lease": format!("{}ms", self.traits.lease_ms),
                "agents_per_hold": dice.between(1, 3), "agents_per_shard": dice.between(1, 4),
                "max_steps": dice.between(2, 5), "max_hops": dice.between(2, 8),
                "max_ingress_items": dice.between(2, 6), "max_outbox_age_ticks": dice.between(4, 60),
                "max_turn_credits": if dice.chance(5_000) { 0.05 } else { 1.0 },
                "max_prompt_tokens": 12_000, "max_inline_bytes": dice.pick(&[16, 65_536]),
                "max_parallel_turns": dice.between(1, 6),
                "call_timeout": "20s", "turn_timeout": "2m",
            },
        });
        if self.traits.slot_s > 0 {
            let catch_up = dice.pick(&["skip", "one"]);
            org["pace"] = json!({"every": format!("{}s", self.traits.slot_s), "catch_up": catch_up});
        }
        self.put("org.json", &org);
    }

    /// A resume, another each time. `rich`: it can pay, runs always, and has all tools.
    pub fn resume(&self, agent: &str, rich: bool) {
        let dice = &self.network.dice;
        let reads = match dice.below(3) {
            0 => json!(["*"]),
            1 => json!([dice.pick(&AGENTS), dice.pick(&AGENTS)]),
            _ => json!([]),
        };
        let every = if rich { 1 } else { dice.between(1, 3) };
        let when = if !rich && !self.traits.calm && dice.chance(2_500) { "on_message" } else { "always" };
        let credits = match (rich, self.traits.poor) {
            (true, _) => 30.0,
            (false, true) => 0.06,
            (false, false) => 3.0,
        };
        let mut tools = vec![
            "file_read",
            "file_write",
            "file_delete",
            "file_list",
            "memory_read",
            "memory_write",
            "list_agents",
            "create_agent",
            "ring",
        ];
        // Now and then an agent may no longer do what it was allowed to do.
        if rich || dice.chance(8_000) {
            tools.push("order");
        }
        self.put(
            &format!("agents/{agent}/resume.json"),
            &json!({
                "name": agent, "title": "Simulated", "short_description": "Acts by chance.", "instructions": "Act.",
                "model": {"key": "m", "max_tokens": dice.between(20, 100)},
                "permissions": {"read_outboxes": reads, "tools": tools},
                "schedule": {"run_every_n_ticks": every, "offset": dice.below(every), "when": when},
                "credits": {"max_credits": credits},
            }),
        );
    }

    /// A line to the bucket that fails as those of runners do: a webhook's.
    fn webhook(&self) -> Connection {
        let process = Process::new(Hand::Person, Arc::clone(&self.network), Temper::default());
        Connection { network: Arc::clone(&self.network), process }
    }

    fn name(&self) -> String {
        let bytes = self.network.dice.bytes();
        let ms = u64::try_from(self.network.bucket.now_ms()).unwrap_or_default();
        let mut random = [0; 10];
        random.copy_from_slice(&bytes[..10]);
        uuid::Builder::from_unix_timestamp_millis(ms, &random).into_uuid().to_string()
    }

    /// Puts something into the ingress, again and again until it is told that it is there: it may arrive when it has
    /// long been admitted.
    async fn send(&self, folder: &str, name: &str, body: &Value) {
        let webhook = self.webhook();
        let path = Path::from(format!("{ROOT}/ingress/{folder}/{name}.json"));
        for _ in 0..4 {
            let body = serde_json::to_vec_pretty(body).expect("JSON");
            if webhook.put(&path, body.into()).await.is_ok() {
                return;
            }
            tokio::time::sleep(self.network.dice.time(50, 5_000)).await;
        }
    }

    pub async fn mail(&self, to: Option<&str>) {
        let name = self.name();
        let body = json!({"format": 1, "id": name, "from": "human", "recipients": to.map(|to| vec![to]),
            "payload": {"text": format!("mail {name}")}, "sent_at": "2027-01-31T23:58:00.000Z"});
        self.send("mail", &name, &body).await;
    }

    pub async fn command(&self, action: Value) {
        let name = self.name();
        let mut body = json!({"format": 1, "by": "human", "sent_at": "2027-01-31T23:58:00.000Z"});
        if let (Value::Object(body), Value::Object(action)) = (&mut body, action) {
            body.extend(action);
        }
        self.send("control", &name, &body).await;
    }

    /// One thing that somebody does.
    pub async fn act(&self) {
        let dice = &self.network.dice;
        let agent = AGENTS[usize::try_from(dice.below(self.traits.agents as u64)).unwrap_or_default()];
        if self.traits.calm {
            return match dice.below(3) {
                0 => self.mail(None).await,
                1 => self.mail(Some(agent)).await,
                _ => self.command(json!({"action": "top_up", "agent": agent, "credits": 0.05})).await,
            };
        }
        match dice.below(28) {
            0..=3 => self.mail(None).await,
            4..=6 => self.mail(Some(agent)).await,
            7 | 8 => self.command(json!({"action": "top_up", "agent": agent, "credits": 0.05})).await,
            9 => self.command(json!({"action": "top_up", "credits": 0.1})).await,
            10 => self.command(self.order(agent)).await,
            11 => {
                let whole = dice.chance(3_000).then_some(Value::Null);
                let (agent, action) =
                    (whole.unwrap_or_else(|| json!(agent)), dice.pick(&["pause", "resume", "resume"]));
                self.command(json!({"action": action, "agent": agent})).await;
            }
            12..=14 => self.edit_memory(agent, dice.pick::<&str>(&MEMORIES)),
            15..=17 => self.edit_file(agent),
            18 | 19 => self.resume(agent, false),
            20 => self.nonsense(agent),
            21 => self.settings(self.traits.snapshot != dice.chance(2_000), false),
            22 => {
                let tick = dice.below(60);
                self.put("head.json", &json!({"format": 1, "tick": tick}));
            }
            23 => drop(self.network.bucket.delete(Hand::Person, &format!("agents/{agent}/resume.json"))),
            _ => self.answer().await,
        }
    }

    /// A command for a memory or a file.
    fn order(&self, agent: &str) -> Value {
        let dice = &self.network.dice;
        let key = dice.pick(&MEMORIES);
        match dice.below(6) {
            0 => json!({"action": "archive", "agent": agent, "key": key}),
            1 => json!({"action": "archive", "agent": agent, "key": key, "keep": 1 + dice.below(2)}),
            2 => json!({"action": "put_back", "agent": agent, "key": key, "items": [dice.below(1_000_000)]}),
            3 => {
                let file = dice.pick(&FILES);
                let path =
                    if file.starts_with("shared/") { (*file).to_owned() } else { format!("agents/{agent}/{file}") };
                json!({"action": "restore_file", "path": path, "tick": 1 + dice.below(60)})
            }
            _ => json!({"action": "memory", "agent": agent, "key": key,
                "operation": dice.pick(&["set", "append", "delete"]), "value": dice.below(1_000_000)}),
        }
    }

    fn edit_memory(&self, agent: &str, key: &str) {
        let (bucket, dice) = (&self.network.bucket, &self.network.dice);
        let path = format!("agents/{agent}/memory/{key}.json");
        match dice.below(8) {
            0 => drop(bucket.delete(Hand::Person, &path)),
            _ => self.write_memory(&path),
        }
    }

    pub fn write_memory(&self, path: &str) {
        self.put(path, &json!({"value": [format!("edit {:x}", self.network.dice.next())]}));
    }

    fn edit_file(&self, agent: &str) {
        let (bucket, dice) = (&self.network.bucket, &self.network.dice);
        let file = dice.pick(&FILES);
        let path = if file.starts_with("shared/") { (*file).to_owned() } else { format!("agents/{agent}/{file}") };
        match dice.below(8) {
            0 => drop(bucket.delete(Hand::Person, &path)),
            _ => bucket.put(Hand::Person, &path, Bytes::from(format!("edit {:x}", dice.next()))),
        }
    }

    fn nonsense(&self, agent: &str) {
        let (bucket, dice) = (&self.network.bucket, &self.network.dice);
        let half = Bytes::from_static(b"{\"name\": \"ad");
        match dice.below(5) {
            0 => bucket.put(Hand::Person, &format!("agents/{agent}/resume.json"), half),
            1 => bucket.put(Hand::Person, &format!("ingress/mail/{}.json", self.name()), half),
            2 => bucket.put(Hand::Person, "ingress/mail/notes.txt", half),
            3 => bucket.put(Hand::Person, &format!("agents/{agent}/memory/log.json"), half),
            _ => bucket.put(Hand::Person, "org.json", half),
        }
    }

    /// Everything is in order again: settings can be read, all agents are there, can pay and run.
    pub async fn mend(&self) {
        // A top-up alone would be gone with the window of the budget.
        self.settings(self.traits.snapshot, true);
        let bucket = &self.network.bucket;
        for (path, object) in bucket.below("ingress/") {
            if serde_json::from_slice::<Value>(&object.bytes).is_err() {
                bucket.delete(Hand::Person, &path);
            }
        }
        for (path, object) in bucket.below("agents/") {
            if path.contains("/memory/") && serde_json::from_slice::<Value>(&object.bytes).is_err() {
                self.write_memory(&path);
            }
        }
        for agent in &AGENTS[..self.traits.agents] {
            self.resume(agent, true);
            self.command(json!({"action": "resume", "agent": agent})).await;
            self.command(json!({"action": "top_up", "agent": agent, "credits": 30})).await;
        }
        self.command(json!({"action": "resume"})).await;
        self.command(json!({"action": "top_up", "credits": 100})).await;
    }
}
