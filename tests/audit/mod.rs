//! Auditors: they read the stored bytes and the provider's call log, and nothing of the engine but
//! the shapes of the records. What they find wrong, they panic about.

mod book;
mod files;
mod money;
mod rebuilt;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use lemming::domain::credits::Credits;
use lemming::domain::ids::Sha;
use lemming::domain::name::AgentName;
use lemming::domain::time::Tick;
use lemming::record::chain::{Extension, Link};
use lemming::record::closed::Closed;
use lemming::record::plan::Plan;
use lemming::record::step::StepRecord;
use lemming::record::turn::TurnRecord;
use lemming::record::{Record, decode, encode};
use lemming::tool::Tool;

use self::book::Book;
use self::rebuilt::{checkpoints, proofs, replays};

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

type Objects = BTreeMap<String, Bytes>;

fn record<R: Record>(objects: &Objects, path: &str) -> (R, Sha) {
    let bytes = objects.get(path).unwrap_or_else(|| panic!("{path} is missing"));
    let record = decode(bytes).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert_eq!(encode(&record), &bytes[..], "{path} is not canonical");
    (record, Sha::of(bytes))
}

/// One call that reached the model, and what its provider was really paid: also if the answer was lost.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    pub tick: Tick,
    pub agent: AgentName,
    pub step: u32,
    pub paid: Credits,
}

/// What the auditors go by.
#[derive(Debug)]
pub struct Evidence {
    /// Every object of the store by its path.
    pub objects: BTreeMap<String, Bytes>,
    /// The provider's own log.
    pub calls: Vec<Call>,
    /// Names of ingress that people put there.
    pub sent: BTreeSet<String>,
    /// The tools that there were, to run turns again.
    pub tools: Vec<Arc<dyn Tool>>,
}

/// Audits everything that lies in a store.
pub async fn audit(evidence: &Evidence, expect: &Expect) -> Seen {
    let objects = &evidence.objects;
    let mut seen = Seen::default();
    let mut book = Book { touched: expect.touched.clone(), ..Book::default() };
    let mut previous: Option<Sha> = None;
    let mut last = 0;
    while objects.contains_key(&format!("ticks/{:012}/closed.json", last + 1)) {
        last += 1;
        let at = format!("ticks/{last:012}");
        let (plan, plan_sha) = record::<Plan>(objects, &format!("{at}/plan.json"));
        let (closed, closed_sha) = record::<Closed>(objects, &format!("{at}/closed.json"));
        assert_eq!((plan.tick, closed.tick), (Tick(last), Tick(last)));
        assert_eq!((&plan.previous, &closed.previous), (&previous, &previous), "the chain of tick {last}");
        assert_eq!(closed.plan, plan_sha, "the plan of tick {last}");
        chains(objects, &at, &plan, &closed, &mut seen);
        let turns = turns(objects, &at, &plan, &closed, &mut seen);
        book.deliver(objects, &plan, &closed, &turns, &mut seen);
        book.spend(evidence, &plan, &closed, &turns, expect);
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
    open_tick(evidence, last + 1);
    for name in &evidence.sent {
        let waits = |folder: &str| objects.contains_key(&format!("ingress/{folder}/{name}.json"));
        assert!(book.admitted.contains(name) || waits("mail") || waits("control"), "the ingress {name} was lost");
    }
    book.views(objects, last, expect);
    checkpoints(objects, last).await;
    replays(evidence, last).await;
    proofs(evidence, last).await;
    seen.calls = evidence.calls.len() as u64;
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
        seen.forfeited += u64::from(fold.charge.forfeited > Credits::ZERO);
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
        // A final answer is no step, and wins by the commit: a rival's that was not final may stand there.
        if k + 1 == turn.exchanges.len() && exchange.results.is_empty() && step.answer != exchange.answer {
            break;
        }
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
fn open_tick(evidence: &Evidence, tick: u64) {
    let objects = &evidence.objects;
    let path = format!("ticks/{tick:012}/plan.json");
    if !objects.contains_key(&path) {
        let early = evidence.calls.iter().find(|call| call.tick.0 >= tick);
        assert!(early.is_none(), "a call without a plan: {early:?}");
        return;
    }
    let (plan, _) = record::<Plan>(objects, &path);
    for (agent, paid) in paid_in(evidence, tick) {
        let due = plan.due.iter().find(|due| due.agent == agent).expect("a call for somebody who is not due");
        assert!(paid <= due.grant_credits, "{agent} was paid {paid} in open tick {tick}, of {}", due.grant_credits);
    }
}

fn paid_in(evidence: &Evidence, tick: u64) -> BTreeMap<AgentName, Credits> {
    let mut paid: BTreeMap<AgentName, Credits> = BTreeMap::new();
    for call in evidence.calls.iter().filter(|call| call.tick.0 == tick) {
        *paid.entry(call.agent.clone()).or_default() += call.paid;
    }
    paid
}
