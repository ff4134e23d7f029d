//! The audit: what the stored bytes say, checked against each other and against the model's own log.
//!
//! It shares no code with the program: JSON values, SHA-256, and the rules of the protocol once
//! more, in their simplest form. It stops at the first thing that is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::iter::Sum;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::organisation::{ACTION, AGENTS, BOARD, MAX_STEPS, Organisation, POOR, REQUEST, WRITERS, opening, reads};
use super::place::Objects;
use super::process::Ended;
use super::tally::Tally;

/// A failed turn whose runners died counts against its mail; after three in a row it is given up.
const BLAMED: u64 = 3;

const END: u64 = u64::MAX;

/// What is known from outside: the processes, and what was sent.
#[derive(Debug, Default)]
pub struct Audit {
    pub processes: BTreeMap<u64, Ended>,
    /// Ids of the mail that was sent.
    pub mail: Vec<String>,
    /// Names of the top-ups that were ordered.
    pub top_ups: Vec<String>,
    /// Writes that arrived after the processes that sent them had given them up.
    pub arrived_late: u64,
}

/// What an audit went over.
#[derive(Debug, Default)]
pub struct Totals {
    ticks: u64,
    turns: u64,
    failed: u64,
    /// Entries and mail that reached a reader, one for each reader.
    deliveries: u64,
    dead_letters: u64,
    mail: u64,
    top_ups: u64,
    /// Calls that the model wrote down.
    calls: u64,
    /// Calls whose answers are in committed turns.
    recorded: u64,
    /// Calls whose answers are in none: of killed, passed and dismissed runners.
    unrecorded: u64,
    steps: u64,
    links: u64,
    forfeited: u64,
    released: u64,
    /// Runners that were passed over although nobody had killed them: too slow for the lease.
    passed_alive: u64,
    /// Processes that were ended from outside, in whatever way.
    ended: u64,
    charged: u64,
    paid: u64,
    checkpoints: u64,
    stale_views: u64,
    arrived_late: u64,
}

impl Totals {
    /// What was paid and not recorded follows from kills, not from the number of processes.
    pub fn check(&self, tally: &Tally) {
        // A runner has at most one call of each agent under way; one that is passed over alive may cost its
        // successor as many.
        let most = (tally.kills() + tally.left() + tally.cut_off() + 2 * self.passed_alive) * 6;
        assert!(self.unrecorded <= most, "{} calls are in no turn, more than {most}", self.unrecorded);
        assert!(self.stale_views <= self.passed_alive + self.arrived_late, "{} views are stale", self.stale_views);
    }
}

impl Sum for Totals {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |a, b| Self {
            ticks: a.ticks + b.ticks,
            turns: a.turns + b.turns,
            failed: a.failed + b.failed,
            deliveries: a.deliveries + b.deliveries,
            dead_letters: a.dead_letters + b.dead_letters,
            mail: a.mail + b.mail,
            top_ups: a.top_ups + b.top_ups,
            calls: a.calls + b.calls,
            recorded: a.recorded + b.recorded,
            unrecorded: a.unrecorded + b.unrecorded,
            steps: a.steps + b.steps,
            links: a.links + b.links,
            forfeited: a.forfeited + b.forfeited,
            released: a.released + b.released,
            passed_alive: a.passed_alive + b.passed_alive,
            ended: a.ended + b.ended,
            charged: a.charged + b.charged,
            paid: a.paid + b.paid,
            checkpoints: a.checkpoints + b.checkpoints,
            stale_views: a.stale_views + b.stale_views,
            arrived_late: a.arrived_late + b.arrived_late,
        })
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let credits = |micros: u64| format!("{:.3}", micros as f64 / 1e6);
        writeln!(f, "ticks {}, turns {} ({} failed), steps {}", self.ticks, self.turns, self.failed, self.steps)?;
        writeln!(
            f,
            "delivered {} times, {} dead letters; mail {}, top-ups {}",
            self.deliveries, self.dead_letters, self.mail, self.top_ups
        )?;
        writeln!(
            f,
            "calls paid {}, in committed turns {}, in none {}; credits really paid {}, charged {}",
            self.calls,
            self.recorded,
            self.unrecorded,
            credits(self.paid),
            credits(self.charged)
        )?;
        write!(
            f,
            "links {}, licences forfeited {}, released {}; processes ended from outside {}, passed over alive {}; \
             checkpoints {}, stale views {}, writes that arrived late {}",
            self.links,
            self.forfeited,
            self.released,
            self.ended,
            self.passed_alive,
            self.checkpoints,
            self.stale_views,
            self.arrived_late
        )
    }
}

/// `(tick, rank, index)`.
type Position = (u64, u64, u64);

/// Something that was said.
struct Entry {
    position: Position,
    id: String,
    from: String,
    mail: bool,
    to: Option<Vec<String>>,
}

impl Entry {
    fn is_for(&self, agent: &str) -> bool {
        let permitted = self.mail || reads(agent).contains(&self.from.as_str());
        self.from != agent && permitted && self.to.as_ref().is_none_or(|to| to.iter().any(|name| name == agent))
    }
}

/// An agent, as the ticks so far leave it.
struct Agent {
    balance: u64,
    cursor: Position,
    /// Failures in a row that count against the mail, and where the inbox of the first ended.
    blamed: Option<(u64, Position)>,
    /// The ids of the calls whose answers counted: a list that grows by `append`.
    calls: Vec<String>,
    last: Option<String>,
    turns: u64,
}

/// A call as the witness has it.
struct Call {
    agent: String,
    process: u64,
    recorded: bool,
}

struct Books<'a> {
    org: &'a Organisation,
    objects: Objects,
    audit: &'a Audit,
    agents: BTreeMap<&'static str, Agent>,
    entries: Vec<Entry>,
    ids: BTreeSet<String>,
    calls: BTreeMap<String, Call>,
    /// The process behind each runner's name.
    runners: BTreeMap<&'a str, u64>,
    /// By path: the hash of the true version, and those of all before.
    files: BTreeMap<String, Vec<Option<String>>>,
    admitted: BTreeSet<String>,
    /// Turns that were licensed more than once.
    contested: BTreeSet<(u64, String)>,
    budget_charged: u64,
    previous: Option<String>,
    totals: Totals,
}

impl Audit {
    /// Goes over the whole organisation. No process may be at work in it. `last`: after two more
    /// ticks in peace, by which everything that a killed process left lying must be cleared.
    pub fn run(&self, org: &Organisation, last: bool) -> Totals {
        let mut books = Books::open(org, self);
        for tick in 1.. {
            if books.objects.read(format!("ticks/{tick:012}/plan.json")).is_none() {
                assert_eq!(books.objects.names("ticks").len() + 1, tick, "a tick after a gap");
                break;
            }
            books.tick(tick as u64);
        }
        books.check_views(last);
        books.check_ingress(last);
        books.check_calls();
        books.check_status();
        books.totals
    }
}

impl<'a> Books<'a> {
    fn open(org: &'a Organisation, audit: &'a Audit) -> Self {
        let mut totals = Totals { mail: audit.mail.len() as u64, ..Totals::default() };
        totals.top_ups = audit.top_ups.len() as u64;
        totals.arrived_late = audit.arrived_late;
        let mut calls = BTreeMap::new();
        for (agent, id) in org.calls() {
            let process = id[1..].split('.').next().and_then(|number| number.parse().ok()).expect("a process");
            let call = Call { agent, process, recorded: false };
            assert!(calls.insert(id, call).is_none(), "two calls with one id");
            totals.calls += 1;
        }
        totals.paid = totals.calls * REQUEST;
        let mut runners = BTreeMap::new();
        for ended in audit.processes.values() {
            totals.ended += u64::from(ended.was_ended());
            if let Some(runner) = &ended.runner {
                assert!(runners.insert(runner.as_str(), ended.number).is_none(), "two processes with one name");
            }
        }
        let passed: BTreeSet<&str> =
            audit.processes.values().flat_map(|ended| &ended.passed).map(String::as_str).collect();
        let alive = |runner: &&&str| runners.get(**runner).is_some_and(|number| !audit.processes[number].was_ended());
        totals.passed_alive = passed.iter().filter(alive).count() as u64;
        Self {
            org,
            objects: org.objects(),
            audit,
            agents: BTreeMap::new(),
            entries: Vec::new(),
            ids: BTreeSet::new(),
            calls,
            runners,
            files: BTreeMap::new(),
            admitted: BTreeSet::new(),
            contested: BTreeSet::new(),
            budget_charged: 0,
            previous: None,
            totals,
        }
    }

    fn tick(&mut self, tick: u64) {
        let at = |rest: &str| format!("ticks/{tick:012}/{rest}");
        let (plan, plan_sha) = self.record(&at("plan.json"));
        let (closed, closed_sha) = self.record(&at("closed.json"));
        self.totals.ticks += 1;

        // The chain of hashes.
        assert_eq!((&plan["tick"], &closed["tick"]), (&json!(tick), &json!(tick)));
        assert_eq!(plan["previous"], json!(self.previous), "tick {tick}: what the plan follows");
        assert_eq!(closed["previous"], json!(self.previous), "tick {tick}: what the closed record follows");
        assert_eq!(closed["plan"], json!(plan_sha), "tick {tick}: the plan's hash");
        self.previous = Some(closed_sha);
        let due: Vec<&str> = list(&plan["due"]).iter().map(|due| text(&due["agent"])).collect();
        let expected: BTreeSet<String> = due.iter().map(|agent| format!("{agent}.json")).collect();
        let found: BTreeSet<String> = self.objects.names(at("turns")).into_iter().collect();
        assert_eq!(found, expected, "tick {tick}: a turn record for every due agent and nobody else");
        let folded: BTreeSet<&str> = object(&closed["turns"]).map(|(agent, _)| agent).collect();
        assert_eq!(folded, due.iter().copied().collect(), "tick {tick}: the turns that the closed record names");

        self.found(tick, &plan);
        self.credit(tick, &plan);
        for (index, admitted) in (0..).zip(list(&plan["ingress"])) {
            let name = text(&admitted["name"]);
            assert!(self.admitted.insert(name.to_owned()), "tick {tick}: {name} is admitted a second time");
            if let Some(mail) = admitted.get("mail") {
                self.say((tick, 0, index), mail, "from", true);
            }
        }
        let licences = self.chains(tick, &plan, &closed);
        let turns: BTreeMap<&str, (Value, String)> =
            due.iter().map(|agent| (*agent, self.record(&at(&format!("turns/{agent}.json"))))).collect();
        for due in list(&plan["due"]) {
            let agent = text(&due["agent"]);
            let (turn, sha) = &turns[agent];
            let fold = &closed["turns"][agent];
            assert_eq!(fold["sha256"], json!(sha), "tick {tick}: the hash of the turn of {agent}");
            assert_eq!(fold["status"], turn["status"]);
            assert_eq!((&turn["tick"], &turn["agent"], &turn["rank"]), (&json!(tick), &json!(agent), &due["rank"]));
            self.turn(tick, due, turn, fold);
            self.charge(tick, due, turn, fold, &licences);
        }
        self.fold(tick, &plan, &closed, &turns);
        if tick.is_multiple_of(8) {
            self.checkpoint(tick);
        }
    }

    /// New agents get an account and a cursor.
    fn found(&mut self, tick: u64, plan: &Value) {
        for (name, _) in object(&plan["found"]) {
            let name = AGENTS.into_iter().find(|agent| *agent == name).expect("an agent of ours");
            let agent = Agent {
                balance: opening(name),
                cursor: (tick - 1, END, END),
                blamed: None,
                calls: Vec::new(),
                last: None,
                turns: 0,
            };
            assert!(self.agents.insert(name, agent).is_none(), "tick {tick}: {name} is found anew");
        }
    }

    /// Top-ups count once, and lift nobody above what the account opened with.
    fn credit(&mut self, tick: u64, plan: &Value) {
        let mut expected = Vec::new();
        for admitted in list(&plan["ingress"]) {
            let Some(control) = admitted.get("control") else { continue };
            let name = text(&admitted["name"]);
            assert!(self.audit.top_ups.iter().any(|ordered| ordered == name), "tick {tick}: nobody ordered {name}");
            let action = &control["action"];
            let action = if action.is_object() { action } else { control };
            let agent = text(&action["agent"]);
            let account = self.agents.get_mut(agent).expect("an agent");
            let more = micros(&action["credits"]).min(opening(agent) - account.balance);
            account.balance += more;
            expected.push((agent.to_owned(), more));
        }
        let credited: Vec<(String, u64)> = list(&plan["credited"])
            .iter()
            .map(|credited| (text(&credited["agent"]).to_owned(), micros(&credited["credits"])))
            .collect();
        assert_eq!(credited, expected, "tick {tick}: top-ups");
        for due in list(&plan["due"]) {
            let (agent, grant) = (text(&due["agent"]), micros(&due["grant_credits"]));
            assert!(grant <= self.agents[agent].balance, "tick {tick}: {agent} is granted what it does not have");
        }
    }

    /// One more thing was said.
    fn say(&mut self, position: Position, entry: &Value, from: &str, mail: bool) {
        let id = text(&entry["id"]).to_owned();
        assert!(self.ids.insert(id.clone()), "{position:?}: the message {id} is there twice");
        let to = entry["recipients"].as_array().map(|to| to.iter().map(|name| text(name).to_owned()).collect());
        let from = entry[from].as_str().unwrap_or("human").to_owned();
        self.entries.push(Entry { position, id, from, mail, to });
    }

    /// The licences of a tick, by agent, from its chains; each chain is sealed once, at its end.
    fn chains(&mut self, tick: u64, plan: &Value, closed: &Value) -> BTreeMap<String, Vec<Licence>> {
        let mut licences: BTreeMap<String, Vec<Licence>> = BTreeMap::new();
        let (shards, chains) = (list(&plan["shards"]), list(&closed["chains"]));
        assert_eq!(shards.len(), chains.len(), "tick {tick}: chains");
        let attempt: BTreeMap<&str, &Value> = list(&plan["due"]).iter().map(|due| (text(&due["agent"]), due)).collect();
        let mut parts: Vec<&str> = shards.iter().flat_map(list).map(text).collect();
        parts.sort_unstable();
        let due: Vec<&str> = attempt.keys().copied().collect();
        assert_eq!(parts, due, "tick {tick}: every due agent is in one shard");
        for (number, chain) in chains.iter().enumerate() {
            let folder = format!("ticks/{tick:012}/shards/{number}");
            let links: Vec<String> = self.objects.names(&folder).into_iter().filter(|name| name != "hb").collect();
            assert_eq!(links.len(), list(chain).len(), "tick {tick}: {folder} has other links than were folded");
            for (seq, (name, sha)) in links.iter().zip(list(chain)).enumerate() {
                assert_eq!(*name, format!("{seq:04}.json"));
                let (link, found) = self.record(&format!("{folder}/{name}"));
                assert_eq!(*sha, json!(found), "tick {tick}: the hash of {folder}/{name}");
                self.totals.links += 1;
                let by = text(&link["by"]).to_owned();
                let is_last = seq + 1 == links.len();
                assert_eq!(text(&link["link"]) == "seal", is_last, "tick {tick}: {folder} is sealed once, at its end");
                match text(&link["link"]) {
                    "hold" => {
                        for agent in list(&link["start"]).iter().map(text) {
                            let due = attempt[agent];
                            let of_agent = licences.entry(agent.to_owned()).or_default();
                            let counted: u64 = of_agent.iter().map(Licence::counts).sum();
                            let left = micros(&due["grant_credits"]) - counted;
                            let ceiling = left.min(micros(&due["attempt_credits"]));
                            of_agent.push(Licence { shard: number, seq, by: by.clone(), ceiling, settled: None });
                        }
                    }
                    "release" => {
                        for end in list(&link["spent"]) {
                            let of_agent = licences.get_mut(text(&end["agent"])).expect("a licence");
                            let released =
                                |licence: &&mut Licence| json!(licence.seq) == end["seq"] && licence.by == by;
                            let licence = of_agent.iter_mut().find(released).expect("a licence of whoever releases it");
                            let (paid, unanswered) = (micros(&end["paid"]), micros(&end["unanswered"]));
                            assert!(
                                paid + unanswered <= licence.ceiling,
                                "tick {tick}: more is released than licensed"
                            );
                            licence.settled = Some((paid, unanswered));
                            self.totals.released += 1;
                        }
                    }
                    other => assert_eq!(other, "seal"),
                }
            }
        }
        licences
    }

    /// What a turn read, answered, said, kept and wrote.
    fn turn(&mut self, tick: u64, due: &Value, turn: &Value, fold: &Value) {
        let name = AGENTS.into_iter().find(|agent| *agent == text(&due["agent"])).expect("an agent of ours");
        let rank = number(&due["rank"]);
        let good = text(&turn["status"]) == "ok";
        self.totals.turns += 1;
        self.totals.failed += u64::from(!good);

        // Everything after the cursor that it may read by now, in order, and nothing else.
        let ordered = self.org.visibility == "ordered";
        let end = if ordered { (tick, rank, END) } else { (tick, 0, END) };
        let cursor = self.agents[name].cursor;
        let unread = || self.entries.iter().filter(|entry| entry.position > cursor && entry.is_for(name));
        let expected: Vec<(Position, &str, &str)> = unread()
            .filter(|entry| entry.position <= end)
            .map(|entry| (entry.position, entry.id.as_str(), entry.from.as_str()))
            .collect();
        let read: Vec<(Position, &str, &str)> = list(&turn["inbox"])
            .iter()
            .map(|read| (position(&read["position"]), text(&read["id"]), text(&read["from"])))
            .collect();
        let inbox_end = position(&turn["inbox_end"]);
        assert_eq!(read, expected[..read.len().min(expected.len())], "tick {tick}: the inbox of {name}");
        if read.len() == expected.len() {
            assert_eq!(inbox_end, end, "tick {tick}: where the inbox of {name} ends");
        } else {
            assert!(!read.is_empty(), "tick {tick}: {name} reads nothing of its inbox");
            assert_eq!(inbox_end, expected[read.len() - 1].0, "tick {tick}: where the cut inbox of {name} ends");
        }
        let deliveries = read.len() as u64;
        let mut cursor = cursor;
        if good {
            assert_eq!(fold["cursor"], turn["inbox_end"], "tick {tick}: the cursor of {name}");
            self.totals.deliveries += deliveries;
            (cursor, self.agent(name).blamed) = (inbox_end, None);
        } else {
            let kind = text(&turn["failure"]["kind"]);
            assert!(["crashed", "out_of_money"].contains(&kind), "tick {tick}: {name} failed: {}", turn["failure"]);
            if kind == "crashed" && deliveries > 0 {
                let (count, first) = self.agents[name].blamed.unwrap_or((0, inbox_end));
                if count + 1 >= BLAMED {
                    let given_up =
                        self.entries.iter().filter(|e| e.position > cursor && e.position <= first && e.is_for(name));
                    let given_up: Vec<Position> = given_up.map(|entry| entry.position).collect();
                    let shown: Vec<Position> = list(&fold["dead_letters"]).iter().map(position).collect();
                    assert_eq!(shown, given_up, "tick {tick}: the dead letters of {name}");
                    assert_eq!(position(&fold["cursor"]), first);
                    self.totals.dead_letters += shown.len() as u64;
                    (cursor, self.agent(name).blamed) = (first, None);
                } else {
                    assert!(fold.get("cursor").is_none(), "tick {tick}: a failed turn moves the cursor of {name}");
                    self.agent(name).blamed = Some((count + 1, first));
                }
            } else {
                assert!(fold.get("cursor").is_none(), "tick {tick}: a failed turn moves the cursor of {name}");
            }
        }
        self.agent(name).cursor = cursor;
        self.agent(name).turns += 1;

        // Each answer was paid once and counts in one turn.
        let exchanges = list(&turn["exchanges"]);
        let mut ids = Vec::new();
        for (k, exchange) in exchanges.iter().enumerate() {
            let answer: Value = serde_json::from_str(text(&exchange["answer"])).expect("contract JSON");
            let id = text(&answer["notes"]).to_owned();
            let call = self.calls.get_mut(&id).unwrap_or_else(|| panic!("tick {tick}: the call {id} was never made"));
            assert_eq!(call.agent, name, "tick {tick}: whose call {id} is");
            assert!(!std::mem::replace(&mut call.recorded, true), "tick {tick}: the answer of {id} counts twice");
            let process = &self.audit.processes[&call.process];
            assert_eq!(process.tick, Some(tick), "the call {id} is in another tick than it was made for");
            let receipt = &exchange["receipt"];
            assert_eq!(
                self.runners.get(text(&receipt["by"])),
                Some(&call.process),
                "tick {tick}: who made the call {id}"
            );
            assert_eq!((micros(&receipt["cost_credits"]), &receipt["attempts"]), (REQUEST, &json!(1)));
            self.totals.recorded += 1;
            let step = self.objects.read(format!("ticks/{tick:012}/steps/{name}/{k}.json"));
            if k + 1 < exchanges.len() {
                let step: Value = serde_json::from_slice(step.expect("a step of the journal")).expect("a step");
                assert_eq!(step["answer"], exchange["answer"], "tick {tick}: step {k} of {name}");
                self.totals.steps += 1;
            }
            ids.push((id, answer));
        }

        // Its effects are those of its answers, and of no others.
        let effects = &turn["effects"];
        if !good {
            assert_eq!(*effects, json!({}), "tick {tick}: a failed turn of {name} has effects");
            return;
        }
        let say = |(id, _): &(String, Value)| [id.clone(), format!("{id} to some")];
        let said: Vec<&str> = list(&effects["outbox"]).iter().map(|entry| text(&entry["payload"]["text"])).collect();
        assert_eq!(said, ids.iter().flat_map(say).collect::<Vec<_>>(), "tick {tick}: what {name} said");
        for (index, entry) in (0..).zip(list(&effects["outbox"])) {
            assert_eq!((&entry["tick"], &entry["agent"]), (&json!(tick), &json!(name)));
            self.say((tick, rank, index), entry, "agent", false);
        }
        let agent = self.agents.get_mut(name).expect("an agent");
        agent.calls.extend(ids.iter().map(|(id, _)| id.clone()));
        agent.last = ids.last().map(|(id, _)| id.clone());
        let kept: BTreeMap<&str, &Value> =
            list(&effects["memory"]).iter().map(|change| (text(&change["key"]), &change["value"])).collect();
        let expected = [("calls", json!(agent.calls)), ("last", json!(agent.last))];
        assert_eq!(kept, expected.iter().map(|(key, value)| (*key, value)).collect(), "tick {tick}: what {name} kept");
        let wrote: BTreeMap<String, &Value> = list(&effects["files"])
            .iter()
            .map(|file| (text(&file["path"]).to_owned(), &file["content"]["text"]))
            .collect();
        let asked = ids[..ids.len() - 1].iter().rev().find(|(_, answer)| answer.get("tool_calls").is_some());
        match asked {
            None => assert!(wrote.is_empty(), "tick {tick}: {name} wrote unasked"),
            Some((id, _)) => {
                let id = json!(id);
                let expected = [(format!("agents/{name}/workspace/own.txt"), &id), (BOARD.to_owned(), &id)];
                assert_eq!(wrote, expected.into_iter().collect(), "tick {tick}: what {name} wrote");
            }
        }
        assert!(
            turn.get("imports").is_none(),
            "tick {tick}: {name} took a view for a person's edit: {}",
            turn["imports"]
        );
        let steps = if WRITERS.contains(&name) { 1..=MAX_STEPS } else { 1..=1 };
        assert!(steps.contains(&ids.len()), "tick {tick}: {name} made {} calls", ids.len());
    }

    /// Charged is what every licence may have spent; it covers what was really paid, and fits the grant.
    fn charge(
        &mut self,
        tick: u64,
        due: &Value,
        turn: &Value,
        fold: &Value,
        licences: &BTreeMap<String, Vec<Licence>>,
    ) {
        let name = text(&due["agent"]);
        let (mut paid, mut unanswered, mut forfeited) = (0, 0, 0);
        let none = Vec::new();
        let of_agent = licences.get(name).unwrap_or(&none);
        for licence in of_agent {
            if turn["licence"] == json!({ "shard": licence.shard, "seq": licence.seq }) {
                assert_eq!(turn["by"], json!(licence.by), "tick {tick}: {name} was committed under another's licence");
                let spent = &turn["spent"];
                let whole = micros(&spent["paid"]) + micros(&spent["unanswered"]) + micros(&spent["action"]);
                assert!(whole <= licence.ceiling, "tick {tick}: {name} spent more than its licence");
                paid += micros(&spent["paid"]) + micros(&spent["action"]);
                unanswered += micros(&spent["unanswered"]);
            } else if let Some((released, open)) = licence.settled {
                paid += released;
                unanswered += open;
            } else {
                forfeited += licence.ceiling;
                self.totals.forfeited += 1;
            }
        }
        if of_agent.len() > 1 {
            self.contested.insert((tick, name.to_owned()));
        }
        let charge = &fold["charge"];
        let charged = [micros(&charge["paid"]), micros(&charge["unanswered"]), micros(&charge["forfeited"])];
        assert_eq!(charged, [paid, unanswered, forfeited], "tick {tick}: the charge of {name}");
        let total: u64 = charged.iter().sum();
        let grant = micros(&due["grant_credits"]);
        assert!(total <= grant, "tick {tick}: {name} is charged {total} of a grant of {grant}");
        let of_tick = |call: &&Call| call.agent == name && self.audit.processes[&call.process].tick == Some(tick);
        let made: Vec<u64> = self.calls.values().filter(of_tick).map(|call| call.process).collect();
        let action = if list(&turn["exchanges"]).is_empty() { 0 } else { ACTION };
        let really = made.len() as u64 * REQUEST + action;
        assert!(really <= total, "tick {tick}: {name} really paid {really} and is charged {total}");
        // No call without a licence.
        for process in made {
            let runner = self.audit.processes[&process].runner.as_deref();
            let licensed = of_agent.iter().any(|licence| Some(licence.by.as_str()) == runner);
            assert!(licensed, "tick {tick}: process {process} made a call of {name} without a licence");
        }
        self.totals.charged += total;
        self.budget_charged += total;
        let agent = self.agents.get_mut(name).expect("an agent");
        agent.balance = agent.balance.checked_sub(total).expect("no account goes below zero");
    }

    /// What the closed record says of messages, ingress and files.
    fn fold(&mut self, tick: u64, plan: &Value, closed: &Value, turns: &BTreeMap<&str, (Value, String)>) {
        let said = self.entries.iter().filter(|entry| entry.position.0 == tick);
        let said: Vec<(Position, &str)> = said.map(|entry| (entry.position, entry.id.as_str())).collect();
        let folded: Vec<(Position, &str)> =
            list(&closed["entries"]).iter().map(|e| (position(&e["position"]), text(&e["id"]))).collect();
        assert_eq!(folded, said, "tick {tick}: the index of messages");
        let names =
            |of: &Value| list(of).iter().map(|a| text(a.get("name").unwrap_or(a)).to_owned()).collect::<Vec<_>>();
        assert_eq!(names(&closed["admitted"]), names(&plan["ingress"]), "tick {tick}: admitted names");
        assert_eq!(closed["credited"], plan["credited"]);
        let mut changed: BTreeSet<String> = BTreeSet::new();
        for file in list(&closed["files"]) {
            let path = text(&file["path"]).to_owned();
            let versions = self.files.entry(path.clone()).or_default();
            // Two writers of one file in one tick: the highest rank counts.
            if !changed.insert(path) {
                versions.pop();
            }
            versions.push(file["sha256"].as_str().map(str::to_owned));
        }
        let mut expected: BTreeSet<String> = BTreeSet::new();
        let mut board = None;
        for due in list(&plan["due"]) {
            let (agent, turn) = (text(&due["agent"]), &turns[text(&due["agent"])].0);
            for change in list(&turn["effects"]["memory"]) {
                expected.insert(format!("agents/{agent}/memory/{}.json", text(&change["key"])));
            }
            for change in list(&turn["effects"]["files"]) {
                expected.insert(text(&change["path"]).to_owned());
                if text(&change["path"]) == BOARD {
                    board = change["content"]["text"].as_str();
                }
            }
        }
        assert_eq!(changed, expected, "tick {tick}: the index of files");
        if let Some(board) = board {
            let sha = self.files[BOARD].last().expect("a version");
            assert_eq!(*sha, Some(sha256(board.as_bytes())), "tick {tick}: whose {BOARD} counts");
        }
    }

    /// A checkpoint says what the ticks say. A killed closer may have left none.
    fn checkpoint(&mut self, tick: u64) {
        let path = format!("checkpoints/{tick:012}.json");
        if self.objects.read(&path).is_none() {
            return;
        }
        self.totals.checkpoints += 1;
        let (checkpoint, _) = self.record(&path);
        assert_eq!(checkpoint["closed"], json!(self.previous), "{path}: the hash of its tick");
        assert_eq!(micros(&checkpoint["budget"]["charged"]), self.budget_charged, "{path}: the budget");
        for (name, agent) in &self.agents {
            let found = &checkpoint["agents"][name];
            assert_eq!(micros(&found["account"]["balance"]), agent.balance, "{path}: the balance of {name}");
            assert_eq!(position(&found["cursor"]), agent.cursor, "{path}: the cursor of {name}");
            assert_eq!(found["turns"], json!(agent.turns), "{path}: the turns of {name}");
        }
        for (path_of_file, versions) in &self.files {
            let sha = versions.last().expect("a version");
            assert_eq!(checkpoint["files"][path_of_file]["sha256"], json!(sha), "{path}: {path_of_file}");
        }
    }

    /// Views equal the records.
    fn check_views(&mut self, last: bool) {
        let mut expected: BTreeMap<&str, BTreeMap<String, Value>> = BTreeMap::new();
        for entry in self.entries.iter().filter(|entry| !entry.mail) {
            let (tick, _, index) = entry.position;
            let turn = self.record(&format!("ticks/{tick:012}/turns/{}.json", entry.from)).0;
            let content = turn["effects"]["outbox"][usize::try_from(index).expect("an index")].clone();
            expected.entry(&entry.from).or_default().insert(format!("{tick:08}_{}.json", entry.id), content);
        }
        for (name, entries) in &expected {
            let folder = format!("agents/{name}/outbox");
            assert_eq!(self.objects.names(&folder), entries.keys().cloned().collect::<Vec<_>>(), "views in {folder}");
            for (file, entry) in entries {
                assert_eq!(self.record(&format!("{folder}/{file}")).0, *entry, "{folder}/{file}");
            }
        }
        for (path, versions) in &self.files {
            let truth = versions.last().expect("a version");
            let found = self.objects.read(path).map(sha256);
            if found == *truth {
                continue;
            }
            // A runner that was passed over alive may write late, and so may a network: an older version of ours, which the next
            // reader mends. After two ticks in peace everybody has read.
            let older = versions.contains(&found);
            assert!(older && self.totals.passed_alive + self.totals.arrived_late > 0, "{path} is no version of ours");
            assert!(
                !last || path.starts_with("shared/") || path.starts_with(&format!("agents/{POOR}/")),
                "{path} is stale"
            );
            self.totals.stale_views += 1;
        }
        for (name, agent) in &self.agents {
            let view = |key: &str| self.objects.read(format!("agents/{name}/memory/{key}.json"));
            let found: Option<Value> = view("calls").map(|bytes| serde_json::from_slice(bytes).expect("a memory"));
            let found = found.map_or(Value::Array(Vec::new()), |memory| memory["value"].clone());
            assert!(self.totals.stale_views > 0 || found == json!(agent.calls), "the list that {name} keeps");
        }
    }

    /// What was sent was admitted once.
    fn check_ingress(&self, last: bool) {
        let mail: BTreeSet<&str> =
            self.entries.iter().filter(|entry| entry.mail).map(|entry| entry.id.as_str()).collect();
        let sent: BTreeSet<&str> = self.audit.mail.iter().map(String::as_str).collect();
        assert!(mail.is_subset(&sent), "mail that nobody sent");
        assert_eq!(mail.len(), sent.len(), "mail that was lost: {:?}", sent.difference(&mail).collect::<Vec<_>>());
        let ordered: BTreeSet<&str> = self.audit.top_ups.iter().map(String::as_str).collect();
        assert!(ordered.iter().all(|name| self.admitted.contains(*name)), "a top-up was lost");
        assert_eq!(self.admitted.len(), sent.len() + ordered.len(), "admitted");
        let left = [self.objects.names("ingress/mail"), self.objects.names("ingress/control")].concat();
        for name in &left {
            assert!(self.admitted.contains(name.trim_end_matches(".json")), "{name} is still to be admitted");
        }
        assert!(!last || left.is_empty(), "admitted and not deleted: {left:?}");
    }

    /// What was paid and is in no turn was paid by a process that was killed, dismissed or passed over, or by
    /// one that passed over another, which was first after all.
    fn check_calls(&mut self) {
        let passed: BTreeSet<&str> =
            self.audit.processes.values().flat_map(|ended| &ended.passed).map(String::as_str).collect();
        for (id, call) in self.calls.iter().filter(|(_, call)| !call.recorded) {
            self.totals.unrecorded += 1;
            let process = &self.audit.processes[&call.process];
            let is_passed = process.runner.as_deref().is_some_and(|runner| passed.contains(runner));
            let is_contested = process.tick.is_some_and(|tick| self.contested.contains(&(tick, call.agent.clone())));
            let excused = process.was_ended() || is_passed || is_contested;
            assert!(excused, "process {} was left in peace, and its call {id} is in no turn", call.process);
        }
    }

    /// What the program says of balances.
    fn check_status(&self) {
        let status = self.org.command(&["status"]);
        for agent in list(&status["agents"]) {
            let name = text(&agent["name"]);
            assert_eq!(micros(&agent["credits_left"]), self.agents[name].balance, "what is left to {name}");
        }
    }

    fn agent(&mut self, name: &str) -> &mut Agent {
        self.agents.get_mut(name).expect("an agent")
    }

    /// A JSON file that must be there, and the hash of its bytes.
    fn record(&self, path: &str) -> (Value, String) {
        let bytes = self.objects.read(path).unwrap_or_else(|| panic!("{path} is missing"));
        let value = serde_json::from_slice(bytes).unwrap_or_else(|error| panic!("{path}: {error}"));
        (value, sha256(bytes))
    }
}

/// The right to work on a turn.
struct Licence {
    shard: usize,
    seq: usize,
    by: String,
    ceiling: u64,
    /// Paid and unanswered, if it was released.
    settled: Option<(u64, u64)>,
}

impl Licence {
    fn counts(&self) -> u64 {
        self.settled.map_or(self.ceiling, |(paid, unanswered)| paid + unanswered)
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// A list; absent: an empty one.
fn list(value: &Value) -> &[Value] {
    match value {
        Value::Null => &[],
        value => value.as_array().unwrap_or_else(|| panic!("{value} is no list")),
    }
}

fn object(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

/// Credits in millionths; absent: none.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "credits are small and not negative")]
fn micros(value: &Value) -> u64 {
    match value {
        Value::Null => 0,
        value => (value.as_f64().unwrap_or_else(|| panic!("{value} are no credits")) * 1e6).round() as u64,
    }
}

fn position(value: &Value) -> Position {
    let part = |part: Option<&str>| match part.expect("a part") {
        "end" => END,
        number => number.parse().expect("a number"),
    };
    let mut parts = text(value).split('.');
    (part(parts.next()), part(parts.next()), part(parts.next()))
}
