//! Auditors: they read the stored bytes and the provider's call log, and nothing of the engine but
//! the shapes of the records. What they find wrong, they panic about.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use lemming::domain::archive::ArchiveFile;
use lemming::domain::credits::Credits;
use lemming::domain::ids::Sha;
use lemming::domain::memory::MemoryFile;
use lemming::domain::name::AgentName;
use lemming::domain::org::{OrgConfig, Visibility};
use lemming::domain::position::Position;
use lemming::domain::resume::Resume;
use lemming::domain::time::Tick;
use lemming::engine::{Replaying, replay};
use lemming::provider::Providers;
use lemming::provider::replay::Replay;
use lemming::record::chain::{Extension, Link};
use lemming::record::closed::Closed;
use lemming::record::encode;
use lemming::record::plan::{Found, Item, Plan};
use lemming::record::state::State;
use lemming::record::step::StepRecord;
use lemming::record::turn::{Content, TurnRecord};
use lemming::record::{Record, decode};
use lemming::store::Store;
use object_store::memory::InMemory;
use object_store::path::Path;

use crate::world::World;

/// What an audit is told beyond the stored bytes.
#[derive(Debug, Clone, Default)]
pub struct Expect {
    /// Nothing crashed, expired or stayed unknown: each call is made exactly once.
    pub exactly_once: bool,
    /// Views that a person has touched since they were last read.
    pub touched: BTreeSet<String>,
    /// Views may be stale: delayed writes are about.
    pub stale_views: bool,
}

/// What an audit saw, so that a test can tell that it looked at something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    pub ticks: u64,
    pub turns: u64,
    pub failed: u64,
    pub read: u64,
    pub calls: u64,
    pub imports: u64,
    pub steps: u64,
    pub holds: u64,
    pub releases: u64,
    pub forfeited: u64,
    pub born: u64,
}

struct Entry {
    position: Position,
    id: uuid::Uuid,
    from: AgentName,
    mail: bool,
    to: Option<Vec<AgentName>>,
}

type Objects = BTreeMap<String, Bytes>;

fn record<R: Record>(objects: &Objects, path: &str) -> (R, Sha) {
    let bytes = objects.get(path).unwrap_or_else(|| panic!("{path} is missing"));
    let record = decode(bytes).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert_eq!(encode(&record), &bytes[..], "{path} is not canonical");
    (record, Sha::of(bytes))
}

/// Audits everything that lies in a world's store.
pub async fn audit(world: &World, expect: &Expect) -> Seen {
    let objects = world.all().await;
    let mut seen = Seen::default();
    let mut book = Book::default();
    let mut previous: Option<Sha> = None;
    let mut last = 0;
    while objects.contains_key(&format!("ticks/{:012}/closed.json", last + 1)) {
        last += 1;
        let at = format!("ticks/{last:012}");
        let (plan, plan_sha) = record::<Plan>(&objects, &format!("{at}/plan.json"));
        let (closed, closed_sha) = record::<Closed>(&objects, &format!("{at}/closed.json"));
        assert_eq!((plan.tick, closed.tick), (Tick(last), Tick(last)));
        assert_eq!((&plan.previous, &closed.previous), (&previous, &previous), "the chain of tick {last}");
        assert_eq!(closed.plan, plan_sha, "the plan of tick {last}");
        chains(&objects, &at, &plan, &closed, &mut seen);
        let turns = turns(&objects, &at, &plan, &closed, &mut seen);
        book.deliver(&objects, &plan, &closed, &turns, &mut seen);
        book.spend(&objects, &plan, &closed, &turns, world, expect);
        book.file(&plan, &closed, &turns);
        for admitted in &plan.ingress {
            let first = book.admitted.insert(admitted.name.as_str().to_owned());
            assert!(first, "{} was admitted twice", admitted.name);
        }
        previous = Some(closed_sha);
        seen.ticks += 1;
        seen.born += closed.born.len() as u64;
    }
    let first_missing = format!("ticks/{:012}", last + 2);
    assert!(!objects.keys().any(|path| path.starts_with("ticks/") && *path >= first_missing), "a tick beyond a gap");
    open_tick(&objects, last + 1, world);
    for name in world.sent.lock().unwrap().iter() {
        let waits = |folder: &str| objects.contains_key(&format!("ingress/{folder}/{name}.json"));
        assert!(book.admitted.contains(name) || waits("mail") || waits("control"), "the ingress {name} was lost");
    }
    book.views(&objects, last, expect);
    checkpoints(&objects, last).await;
    replays(world, last).await;
    seen.calls = world.calls().len() as u64;
    seen
}

fn chains(objects: &Objects, at: &str, plan: &Plan, closed: &Closed, seen: &mut Seen) {
    assert_eq!(closed.chains.len(), plan.shards.len());
    for (shard, shas) in closed.chains.iter().enumerate() {
        assert!(!shas.is_empty(), "{at}: shard {shard} has no seal");
        for (seq, sha) in shas.iter().enumerate() {
            let (link, stored) = record::<Link>(objects, &format!("{at}/shards/{shard}/{seq:04}.json"));
            assert_eq!(stored, *sha, "{at}: link {seq} of shard {shard}");
            assert_eq!(link.what == Extension::Seal, seq + 1 == shas.len(), "{at}: a seal is the last link");
            match link.what {
                Extension::Hold { start } => {
                    seen.holds += 1;
                    assert!(start.iter().all(|agent| plan.shards[shard].contains(agent)), "{at}: a stranger's licence");
                }
                Extension::Release { .. } => seen.releases += 1,
                Extension::Seal => {}
            }
        }
        let beyond = format!("{at}/shards/{shard}/{:04}.json", shas.len());
        assert!(!objects.contains_key(&beyond), "{beyond}: a link after the seal");
    }
}

fn turns(
    objects: &Objects,
    at: &str,
    plan: &Plan,
    closed: &Closed,
    seen: &mut Seen,
) -> BTreeMap<AgentName, TurnRecord> {
    let due: BTreeSet<&AgentName> = plan.due.iter().map(|due| &due.agent).collect();
    assert_eq!(due.len(), plan.due.len());
    assert_eq!(due, closed.turns.keys().collect(), "{at}: a closed tick has a turn for each due agent");
    let sharded: Vec<&AgentName> = plan.shards.iter().flatten().collect();
    assert_eq!(sharded.len(), due.len());
    assert_eq!(sharded.into_iter().collect::<BTreeSet<_>>(), due);
    assert!(plan.skipped.iter().all(|skipped| !due.contains(&skipped.agent)));
    let folder = format!("{at}/turns/");
    let stored = objects.keys().filter(|path| path.starts_with(&folder)).count();
    assert_eq!(stored, due.len(), "{at}: a turn record of somebody who was not due");
    let mut turns = BTreeMap::new();
    for (due, rank) in plan.due.iter().zip(1..) {
        assert_eq!(due.rank, rank);
        let (turn, sha) = record::<TurnRecord>(objects, &format!("{at}/turns/{}.json", due.agent));
        let fold = &closed.turns[&due.agent];
        assert_eq!((fold.sha256.clone(), fold.status), (sha, turn.status));
        assert_eq!((turn.tick, &turn.agent, turn.rank), (plan.tick, &due.agent, rank));
        assert_eq!(turn.resume, due.resume);
        let bare = turn.effects == lemming::record::turn::Effects::default() && turn.imports.is_empty();
        assert!(turn.status.is_good() || bare, "{at}: a failed turn with effects");
        steps(objects, at, &turn, seen);
        seen.turns += 1;
        seen.failed += u64::from(!turn.status.is_good());
        seen.imports += turn.imports.len() as u64;
        turns.insert(due.agent.clone(), turn);
    }
    turns
}

/// The journal holds what the record says: all answers but the last, and what each led to.
fn steps(objects: &Objects, at: &str, turn: &TurnRecord, seen: &mut Seen) {
    if !turn.status.is_good() {
        return;
    }
    let mut said = 0;
    for (k, exchange) in turn.exchanges.iter().enumerate() {
        let path = format!("{at}/steps/{}/{k}.json", turn.agent);
        if !objects.contains_key(&path) {
            assert_eq!(k + 1, turn.exchanges.len(), "{path}: an answer that is not the last was not journalled");
            break;
        }
        let (step, _) = record::<StepRecord>(objects, &path);
        assert_eq!((&step.answer, step.step as usize), (&exchange.answer, k), "{path}");
        assert_eq!(step.receipt, exchange.receipt, "{path}: the recorded answer counts, and its bill");
        if k == 0 {
            assert_eq!(step.prompt, turn.prompt, "{path}");
        } else {
            assert_eq!(step.results, turn.exchanges[k - 1].results, "{path}");
        }
        for entry in &step.effects.outbox {
            assert_eq!(*entry, turn.effects.outbox[said], "{path}: effects count once");
            said += 1;
        }
        for import in &step.imports {
            assert!(turn.imports.contains(import), "{path}: an import was dropped");
        }
        seen.steps += 1;
    }
}

/// No call may go beyond what the plan of an open tick grants.
fn open_tick(objects: &Objects, tick: u64, world: &World) {
    let path = format!("ticks/{tick:012}/plan.json");
    if !objects.contains_key(&path) {
        let early = world.calls().into_iter().find(|call| call.tick.0 >= tick);
        assert!(early.is_none(), "a call without a plan: {early:?}");
        return;
    }
    let (plan, _) = record::<Plan>(objects, &path);
    for (agent, paid) in paid_in(world, tick) {
        let due = plan.due.iter().find(|due| due.agent == agent).expect("a call for somebody who is not due");
        assert!(paid <= due.grant_credits, "{agent} was paid {paid} in open tick {tick}, of {}", due.grant_credits);
    }
}

fn paid_in(world: &World, tick: u64) -> BTreeMap<AgentName, Credits> {
    let mut paid: BTreeMap<AgentName, Credits> = BTreeMap::new();
    for call in world.calls().into_iter().filter(|call| call.tick.0 == tick) {
        *paid.entry(call.agent).or_default() += call.paid;
    }
    paid
}

/// What follows from the records, kept by the auditor alone.
#[derive(Default)]
struct Book {
    entries: Vec<Entry>,
    passed: BTreeMap<AgentName, BTreeSet<Position>>,
    resumes: BTreeMap<AgentName, Resume>,
    blamed: BTreeMap<AgentName, (u32, BTreeSet<Position>)>,
    balances: BTreeMap<AgentName, Credits>,
    window: String,
    budget: (Credits, Credits),
    files: BTreeMap<String, Option<Sha>>,
    /// What a record says that a memory file of ours holds.
    memories: BTreeMap<String, (AgentName, Tick, serde_json::Value)>,
    outbox: BTreeMap<String, Vec<u8>>,
    /// What left memories, by the folder of its key: tick, part and value.
    archived: BTreeMap<String, BTreeMap<(Tick, u32), serde_json::Value>>,
    admitted: BTreeSet<String>,
}

impl Book {
    fn deliver(
        &mut self,
        objects: &Objects,
        plan: &Plan,
        closed: &Closed,
        turns: &BTreeMap<AgentName, TurnRecord>,
        seen: &mut Seen,
    ) {
        let before: BTreeSet<Position> = self.entries.iter().map(|entry| entry.position).collect();
        for (agent, found) in &plan.found {
            if let Found::Resume { resume, .. } = found {
                let bytes = objects.get(&format!("inputs/{resume}.json")).expect("a pinned resume");
                assert_eq!(Sha::of(bytes), *resume);
                self.resumes.insert(agent.clone(), Resume::parse(bytes, agent).expect("a resume"));
                // A new agent reads from the end of the tick before.
                self.passed.entry(agent.clone()).or_insert_with(|| before.clone());
            }
        }
        for (index, admitted) in (0..).zip(&plan.ingress) {
            if let Item::Mail(mail) = &admitted.item {
                self.entries.push(Entry {
                    position: Position::new(plan.tick, 0, index),
                    id: mail.id,
                    from: mail.from.clone(),
                    mail: true,
                    to: mail.recipients.clone(),
                });
            }
        }
        for due in &plan.due {
            let (turn, fold) = (&turns[&due.agent], &closed.turns[&due.agent]);
            let reads = &self.resumes[&due.agent].permissions.read_outboxes;
            let sees = |entry: &&Entry| {
                plan.visibility == Visibility::Ordered || entry.position.tick < plan.tick || entry.position.rank == 0
            };
            let may = |entry: &Entry| {
                entry.from != due.agent
                    && (entry.mail || reads.allows(&entry.from))
                    && entry.to.as_ref().is_none_or(|to| to.contains(&due.agent))
            };
            let passed = self.passed.get_mut(&due.agent).expect("a due agent is known");
            let visible: Vec<&Entry> = self.entries.iter().filter(sees).collect();
            let unread = visible.iter().filter(|entry| !passed.contains(&entry.position) && may(entry));
            let want: Vec<(Position, uuid::Uuid)> = unread.map(|entry| (entry.position, entry.id)).collect();
            let got: Vec<(Position, uuid::Uuid)> = turn.inbox.iter().map(|read| (read.position, read.id)).collect();
            let cut = got.len() < want.len() && Some(turn.inbox_end) == got.last().map(|(position, _)| *position);
            if cut {
                assert_eq!(got, want[..got.len()], "the inbox of {} in tick {}", due.agent, plan.tick);
            } else {
                assert_eq!(got, want, "the inbox of {} in tick {}", due.agent, plan.tick);
            }
            let upto = |end: Position| {
                visible.iter().map(|entry| entry.position).filter(move |position| *position <= end).collect::<Vec<_>>()
            };
            if turn.status.is_good() {
                seen.read += got.len() as u64;
                assert_eq!(fold.cursor, Some(turn.inbox_end));
                passed.extend(upto(turn.inbox_end));
                self.blamed.remove(&due.agent);
                for (index, entry) in (0..).zip(&turn.effects.outbox) {
                    assert_eq!((&entry.agent, entry.tick), (&due.agent, plan.tick));
                    let path = format!("agents/{}/outbox/{:08}_{}.json", due.agent, plan.tick.0, entry.id);
                    assert!(self.outbox.insert(path, encode(entry)).is_none(), "an id was used twice");
                    self.entries.push(Entry {
                        position: Position::new(plan.tick, due.rank, index),
                        id: entry.id,
                        from: entry.agent.clone(),
                        mail: false,
                        to: entry.recipients.clone(),
                    });
                }
                continue;
            }
            let kind = turn.failure.as_ref().expect("a failed turn says why").kind;
            if kind.mail_can_have_caused() && !got.is_empty() {
                let first = || (0, upto(turn.inbox_end).into_iter().collect());
                let blamed = self.blamed.entry(due.agent.clone()).or_insert_with(first);
                blamed.0 += 1;
                if blamed.0 == 3 {
                    let (_, given_up) = self.blamed.remove(&due.agent).unwrap_or_default();
                    let letters: Vec<Position> =
                        want.iter().map(|(position, _)| *position).filter(|p| given_up.contains(p)).collect();
                    assert_eq!(fold.dead_letters, letters, "the dead letters of {} in tick {}", due.agent, plan.tick);
                    passed.extend(given_up);
                    continue;
                }
            }
            assert_eq!((fold.cursor, fold.dead_letters.len()), (None, 0), "a failed turn leaves its mail unread");
        }
        self.bear(objects, plan, closed, turns);
    }

    /// Of those who ask for a name that nobody ever had, the one of the lowest rank gets it.
    fn bear(&mut self, objects: &Objects, plan: &Plan, closed: &Closed, turns: &BTreeMap<AgentName, TurnRecord>) {
        let mut born = BTreeMap::new();
        for due in &plan.due {
            for child in &turns[&due.agent].effects.creates {
                let name = &child.resume.name;
                if !self.resumes.contains_key(name) && !born.contains_key(name) {
                    born.insert(name.clone(), (due, child));
                }
            }
        }
        assert_eq!(
            born.keys().collect::<Vec<_>>(),
            closed.born.keys().collect::<Vec<_>>(),
            "born in tick {}",
            plan.tick
        );
        for (name, (creator, child)) in born {
            let fold = &closed.born[&name];
            assert_eq!((&fold.by, fold.credits), (&creator.agent, child.credits));
            let bytes = objects.get(&format!("inputs/{}.json", fold.resume)).expect("a pinned resume");
            assert_eq!((Sha::of(bytes), bytes), (fold.resume.clone(), &objects[&format!("agents/{name}/resume.json")]));
            let resume = Resume::parse(bytes, &name).expect("a resume");
            let of_creator = &self.resumes[&creator.agent].permissions;
            assert_eq!(resume.permissions.excess_over(of_creator, &creator.agent), None, "{name}");
            // It reads what its creator said in that turn, and nothing that was said before.
            let said_before = |entry: &&Entry| {
                entry.position.tick < plan.tick
                    || entry.position.rank
                        < creator.rank.min(if plan.visibility == Visibility::Ordered { u32::MAX } else { 1 })
            };
            let before = self.entries.iter().filter(said_before).map(|entry| entry.position).collect();
            assert!(self.passed.insert(name.clone(), before).is_none());
            self.resumes.insert(name, resume);
        }
    }

    fn spend(
        &mut self,
        objects: &Objects,
        plan: &Plan,
        closed: &Closed,
        turns: &BTreeMap<AgentName, TurnRecord>,
        world: &World,
        expect: &Expect,
    ) {
        for agent in plan.found.keys() {
            if let Some(resume) = self.resumes.get(agent) {
                self.balances.entry(agent.clone()).or_insert(resume.credits.max_credits);
            }
        }
        if self.window != plan.budget_window {
            self.window.clone_from(&plan.budget_window);
            self.budget = Default::default();
        }
        for credited in &plan.credited {
            match &credited.agent {
                None => self.budget.0 += credited.credits,
                Some(agent) => *self.balances.get_mut(agent).expect("an account") += credited.credits,
            }
        }
        let paid = paid_in(world, plan.tick.0);
        assert!(paid.keys().all(|agent| turns.contains_key(agent)), "a call for somebody who was not due");
        for due in &plan.due {
            let charge = closed.turns[&due.agent].charge;
            let paid = paid.get(&due.agent).copied().unwrap_or_default();
            let at = format!("{} in tick {}", due.agent, plan.tick);
            assert!(paid <= charge.total(), "{at}: {paid} was paid, {} is recorded", charge.total());
            assert!(
                charge.total() <= due.grant_credits,
                "{at}: {} is charged, {} was granted",
                charge.total(),
                due.grant_credits
            );
            let balance = self.balances.get_mut(&due.agent).expect("an account");
            *balance = balance.checked_sub(charge.total()).unwrap_or_else(|| panic!("{at}: the account was overdrawn"));
            self.budget.1 += charge.total();
            if expect.exactly_once {
                let action = turns[&due.agent].spent.action;
                assert_eq!(charge.forfeited, Credits::ZERO, "{at}: nothing was forfeited");
                assert_eq!(charge.paid + charge.unanswered, paid + action, "{at}: what was paid is what is recorded");
                let calls = world.calls();
                let calls = calls.iter().filter(|call| call.tick == plan.tick && call.agent == due.agent);
                let steps: Vec<u32> = calls.map(|call| call.step).collect();
                let answers = (0..).take(turns[&due.agent].exchanges.len()).collect::<Vec<u32>>();
                if turns[&due.agent].status.is_good() {
                    assert_eq!(steps, answers, "{at}: each call is made once");
                }
            }
        }
        for (name, born) in &closed.born {
            let creator = self.balances.get_mut(&born.by).expect("an account");
            *creator = creator.checked_sub(born.credits).expect("nobody gives what it has not");
            assert!(self.balances.insert(name.clone(), born.credits).is_none(), "{name} has an account already");
        }
        let org = objects.get(&format!("inputs/{}.json", plan.org)).expect("a pinned org.json");
        let org: OrgConfig = serde_json::from_slice(org).expect("org.json");
        if let Some(budget) = &org.budget {
            assert!(self.budget.1 <= budget.credits + self.budget.0, "tick {}: the budget was overspent", plan.tick);
        }
    }

    fn file(&mut self, plan: &Plan, closed: &Closed, turns: &BTreeMap<AgentName, TurnRecord>) {
        for change in &closed.files {
            self.memories.remove(&change.path);
            self.files.insert(change.path.clone(), change.sha256.clone());
        }
        let mut note = |agent: &AgentName, changes: &[lemming::record::turn::MemoryChange]| {
            for change in changes {
                let path = format!("agents/{agent}/memory/{}.json", change.key);
                match &change.value {
                    Some(value) => self.memories.insert(path, (agent.clone(), plan.tick, value.clone())),
                    None => self.memories.remove(&path),
                };
            }
        };
        for (agent, changes) in &plan.memory {
            note(agent, changes);
        }
        for due in &plan.due {
            note(&due.agent, &turns[&due.agent].effects.memory);
        }
        for turn in turns.values() {
            for (part, archived) in (0..).zip(&turn.effects.archive) {
                let folder = format!("agents/{}/archive/{}", turn.agent, archived.key);
                self.archived.entry(folder).or_default().insert((plan.tick, part), archived.value.clone());
            }
        }
        // The index holds what the last record of a path says, imports before writes.
        let mut last: BTreeMap<&str, Option<Sha>> = BTreeMap::new();
        let in_order = || plan.due.iter().map(|due| &turns[&due.agent]);
        for change in in_order().flat_map(|turn| &turn.imports) {
            last.insert(&change.path, change.sha256.clone());
        }
        for change in in_order().flat_map(|turn| &turn.effects.files) {
            last.insert(&change.path, change.sha256.clone());
        }
        for (path, sha) in last {
            let written = in_order().any(|turn| {
                turn.effects.memory.iter().any(|c| format!("agents/{}/memory/{}.json", turn.agent, c.key) == path)
            });
            if !written {
                self.memories.remove(path);
                assert_eq!(self.files[path], sha, "{path} after tick {}", plan.tick);
            }
        }
        for change in turns.values().flat_map(|turn| turn.effects.files.iter().chain(&turn.imports)) {
            if let Content::Text(text) = &change.content {
                assert_eq!(Some(Sha::of(text.as_bytes())), change.sha256, "{}", change.path);
            }
        }
    }

    fn views(&self, objects: &Objects, last: u64, expect: &Expect) {
        for (path, bytes) in &self.outbox {
            assert_eq!(objects.get(path).map(|b| &b[..]), Some(&bytes[..]), "the view {path}");
        }
        for path in objects.keys().filter(|path| path.contains("/outbox/")) {
            let tick = path.split("/outbox/").nth(1).and_then(|name| name[..8].parse::<u64>().ok()).unwrap();
            assert!(self.outbox.contains_key(path) || tick > last, "{path} is of no committed turn");
        }
        self.archive(objects, last);
        // What an open tick has committed may be ahead of the closed ones.
        let open = format!("ticks/{:012}/", last + 1);
        let is_open = objects.keys().any(|path| path.starts_with(&open));
        if expect.stale_views || is_open {
            return;
        }
        for (path, sha) in self.files.iter().filter(|(path, _)| !expect.touched.contains(*path)) {
            assert_eq!(objects.get(path).map(|bytes| Sha::of(bytes)), *sha, "the view {path}");
        }
        for (path, (agent, tick, value)) in self.memories.iter().filter(|(path, _)| !expect.touched.contains(*path)) {
            let file: MemoryFile = serde_json::from_slice(&objects[path]).expect("a memory file");
            assert!(file.is_ours());
            assert_eq!((&file.agent, file.tick, &file.value), (agent, *tick, value), "the view {path}");
        }
    }
}

/// What left memories lies in the archive, each once, and nothing else does.
impl Book {
    fn archive(&self, objects: &Objects, last: u64) {
        let mut found: BTreeMap<String, BTreeMap<(Tick, u32), serde_json::Value>> = BTreeMap::new();
        for (path, bytes) in objects.iter().filter(|(path, _)| path.contains("/archive/")) {
            let file: ArchiveFile = serde_json::from_slice(bytes).expect("an archive file");
            let (folder, name) = path.rsplit_once('/').expect("a folder");
            assert_eq!(name, format!("{:08}_{}.json", file.tick.0, Sha::of(bytes).short()), "{path}");
            assert_eq!(folder, format!("agents/{}/archive/{}", file.agent, file.key), "{path}");
            if file.tick.0 <= last {
                let old = found.entry(folder.to_owned()).or_default().insert((file.tick, file.part), file.value);
                assert_eq!(old, None, "{path} is there twice");
            }
        }
        assert_eq!(found, self.archived);
    }
}

/// Every turn comes out the same again, from the records alone.
async fn replays(world: &World, last: u64) {
    for tick in 1..=last {
        for turn in replay(&replaying(world), Tick(tick), None).await.unwrap().expect("a planned tick") {
            assert!(turn.is_equal(), "the replay of tick {tick}: {turn:?}");
        }
    }
}

/// What a replay of a world needs.
pub fn replaying(world: &World) -> Replaying {
    let answers = |record: Arc<TurnRecord>| -> Arc<dyn Providers> { Arc::new(Replay::of(record)) };
    Replaying { store: world.raw.clone(), tools: world.tools.clone(), answers }
}

/// Every checkpoint equals the state rebuilt from the ticks alone.
async fn checkpoints(objects: &Objects, last: u64) {
    let bare = Store::new(Arc::new(InMemory::new()), Path::from("org"), true);
    let kept = objects.iter().filter(|(path, _)| path.starts_with("ticks/") && path.ends_with("closed.json"));
    for (path, bytes) in kept {
        bare.put_path(path, bytes.clone()).await.unwrap();
    }
    let rebuilt = lemming::engine::load(&bare).await.unwrap().state;
    assert_eq!(rebuilt.tick, Tick(last));
    for (path, bytes) in objects.iter().filter(|(path, _)| path.starts_with("checkpoints/")) {
        let state: State = decode(bytes).expect("a checkpoint");
        assert_eq!(path, &format!("checkpoints/{:012}.json", state.tick.0));
        let rebuilt = lemming::engine::load_at(&bare, state.tick).await.unwrap();
        assert_eq!(encode(&rebuilt), &bytes[..], "{path} differs from the ticks");
    }
}
