//! Fsck: everything that can be read of an organisation is held against everything else.
//!
//! The ticks are walked through from the first, or from one that is asked for: each must follow from the state before
//! it ([`Prover`]). Then the tree is compared with what they give: contents with the hashes that are their names, views with
//! the records. What people may write is theirs, and no error.

mod tree;
mod views;

use std::collections::BTreeSet;

use bytes::Bytes;
use serde::Serialize;

use self::tree::Tree;
use crate::domain::ids::Sha;
use crate::domain::time::Tick;
use crate::engine::{Code, EngineError, Finding, Head, Prover};
use crate::record::state::State;
use crate::record::{decode, encode};
use crate::store::{Key, Store};

/// What is looked at.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// The first tick to be walked through; absent: the first of all.
    pub from: Option<Tick>,
    /// Heads that were noted elsewhere.
    pub expect: Vec<(Tick, Sha)>,
}

/// What the ticks end in: to be noted elsewhere, and expected later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastClosed {
    /// The last closed tick.
    pub tick: Tick,
    /// The hash of its closed record, which rests on all before.
    pub sha256: Sha,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// The last closed tick; absent: none is.
    pub head: Option<LastClosed>,
    /// A tick that was begun and is not closed.
    pub open: Option<Tick>,
    /// How many ticks were walked through.
    pub ticks: u64,
    /// How many objects there are.
    pub objects: usize,
    /// What is wrong, and what a person may want to know.
    pub findings: Vec<Finding>,
    /// Whether records are damaged: then nothing can be mended, as what follows from them is not known.
    pub is_damaged: bool,
    /// What would mend some of it.
    pub mends: Vec<Mend>,
}

impl Report {
    /// Says whether nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        !self.findings.iter().any(|finding| finding.code.is_error())
    }

    fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }
}

/// A file that follows from the records, as they give it.
#[derive(Debug, Clone, PartialEq)]
pub struct Mend {
    /// Where.
    pub path: String,
    /// What was there when it was looked at.
    was: Option<Sha>,
    /// What the records give; absent: nothing is to be there.
    bytes: Option<Bytes>,
    /// Whether a person wrote what is there.
    pub is_of_a_person: bool,
}

/// Is told how far it has come: the tick that is walked through, and the last, as far as the hint knows it.
pub type Told<'a> = &'a (dyn Fn(Tick, Tick) + Sync);

/// Looks through an organisation. Writes nothing.
///
/// # Errors
/// The store failed. All that is wrong with what it holds is a finding.
pub async fn fsck(store: &Store, scope: &Scope, told: Told<'_>) -> Result<Report, EngineError> {
    let mut report = Report::default();
    let mut tree = Tree::list(store, scope.from, &mut report).await?;
    let prover = Prover::new(store);
    let before = scope.from.map_or(Tick(0), Tick::previous);
    let (state, findings) = prover.state(before).await?;
    report.findings.extend(findings);
    let to_the_end = match state {
        Some(state) => walk(store, &prover, state, &mut tree, &mut report, told).await?,
        None => false,
    };
    tree.contents(store, scope.from.is_none(), &mut report).await?;
    // Beyond a gap nobody can say whose the rest is.
    if to_the_end {
        tree.rest(&mut report);
    }
    expected(store, scope, &mut report).await?;
    // From damaged records something else follows than from whole ones; and what was walked from a checkpoint rests on it.
    let is_checkpoint = |finding: &Finding| matches!(Key::parse(&finding.path), Some(Key::Checkpoint(_)));
    let rests_on_it = |finding: &Finding| scope.from.is_some() && finding.code.is_error() && is_checkpoint(finding);
    report.is_damaged = report.findings.iter().any(|finding| finding.is_of_records() || rests_on_it(finding));
    if report.is_damaged {
        report.mends.clear();
    }
    // A record that several rest on is said once.
    let mut said = BTreeSet::new();
    report.findings.retain(|finding| said.insert((finding.code, finding.path.clone(), finding.message.clone())));
    Ok(report)
}

/// How often the end of the ticks is looked at again, where runners went on meanwhile.
const ROUNDS: u32 = 8;

/// Walks through the ticks, and says whether that led to their end: a closed record in between may be missing.
async fn walk(
    store: &Store,
    prover: &Prover,
    mut state: State,
    tree: &mut Tree,
    report: &mut Report,
    told: Told<'_>,
) -> Result<bool, EngineError> {
    let last = tree.last_tick().unwrap_or(state.tick);
    let outbox_until = prover.collected().await?.outbox;
    for round in 1..=ROUNDS {
        // What is said of an open tick and of live files is said again where the organisation went on.
        let mut end = Report::default();
        let mut written = BTreeSet::new();
        while let Some(proven) = prover.tick(&state).await? {
            let tick = state.tick.next();
            told(tick, last);
            let Some(after) = proven.after.clone() else {
                end.findings.extend(proven.findings.iter().cloned());
                let closed = Key::Closed(tick).path();
                if proven.findings.iter().any(|finding| finding.is_of_records() && finding.path == closed) {
                    report.findings.append(&mut end.findings);
                    report.head = state.closed.map(|sha256| LastClosed { tick: state.tick, sha256 });
                    return Ok(false);
                }
                tree.tick(&proven, tick, &mut end);
                views::kept(store, &proven, outbox_until, tree, &mut end).await?;
                if proven.plan.is_some() {
                    end.open = Some(tick);
                    end.add(Finding::new(Code::OpenTick, Key::Plan(tick).path(), "begun, and not closed yet"));
                }
                written = views::written(proven.plan.as_deref(), &proven.turns);
                break;
            };
            tree.tick(&proven, tick, report);
            report.findings.extend(proven.findings.iter().cloned());
            views::kept(store, &proven, outbox_until, tree, report).await?;
            mend_checkpoint(store, &after, &proven.findings, report).await?;
            report.ticks += 1;
            state = after;
        }
        views::live(store, &state, &written, tree, &mut end).await?;
        let went_on = match end.open {
            Some(open) => store.get(&Key::Closed(open)).await?.is_some(),
            None => end.is_sound() && store.get(&Key::Plan(state.tick.next())).await?.is_some(),
        };
        if !went_on || round == ROUNDS {
            report.open = end.open;
            report.findings.append(&mut end.findings);
            report.mends.append(&mut end.mends);
            break;
        }
    }
    if let Some(sha256) = state.closed.clone() {
        report.head = Some(LastClosed { tick: state.tick, sha256 });
    }
    tree.beyond(report.open.unwrap_or(state.tick), report);
    checkpoints(&state, tree, report);
    hint(store, &state, report).await?;
    Ok(true)
}

/// A checkpoint that is not what the ticks give is written again from them.
async fn mend_checkpoint(
    store: &Store,
    state: &State,
    findings: &[Finding],
    report: &mut Report,
) -> Result<(), EngineError> {
    let key = Key::Checkpoint(state.tick);
    if findings.iter().any(|finding| finding.path == key.path()) {
        let was = store.get(&key).await?.map(|bytes| Sha::of(&bytes));
        let bytes = Some(Bytes::from(encode(state)));
        report.mends.push(Mend { path: key.path(), was, bytes, is_of_a_person: false });
    }
    Ok(())
}

/// Checkpoints are every eighth tick's, and of ticks that are closed.
fn checkpoints(state: &State, tree: &Tree, report: &mut Report) {
    for tick in &tree.checkpoints {
        if *tick > state.tick || !tick.0.is_multiple_of(crate::engine::CHECKPOINT_EVERY) {
            let message = "a checkpoint of a tick that has none";
            report.add(Finding::new(Code::Stranger, Key::Checkpoint(*tick).path(), message));
        }
    }
}

async fn hint(store: &Store, state: &State, report: &mut Report) -> Result<(), EngineError> {
    let bytes = store.get(&Key::Head).await?;
    let head = bytes.as_ref().and_then(|bytes| decode::<Head>(bytes).ok());
    if head.as_ref().is_some_and(|head| head.tick == state.tick) || state.tick == Tick(0) {
        return Ok(());
    }
    let message = match &head {
        Some(head) => format!("it names tick {}, and tick {} is the last: ticks look further", head.tick, state.tick),
        None => format!("it is missing or cannot be read, and tick {} is the last: ticks look for it", state.tick),
    };
    report.add(Finding::new(Code::WrongHint, Key::Head.path(), message));
    let probed = head.map(|head| head.probed).unwrap_or_default();
    let right = Head { format: 1, tick: state.tick, probed };
    report.mends.push(Mend {
        path: Key::Head.path(),
        was: bytes.map(|bytes| Sha::of(&bytes)),
        bytes: Some(encode(&right).into()),
        is_of_a_person: false,
    });
    Ok(())
}

async fn expected(store: &Store, scope: &Scope, report: &mut Report) -> Result<(), EngineError> {
    for (tick, sha) in &scope.expect {
        let key = Key::Closed(*tick);
        let found = store.get(&key).await?.map(|bytes| Sha::of(&bytes));
        let last = report.head.as_ref().map_or(Tick(0), |head| head.tick);
        let message = match found {
            Some(found) if found == *sha && *tick <= last => continue,
            Some(found) if found == *sha => "it is as expected, but no chain leads to it".to_owned(),
            Some(found) => format!("its hash is {found}, and {sha} was expected: the history is another one"),
            None => format!("it is missing, and {sha} was expected: the history was cut off or is another one"),
        };
        report.add(Finding::new(Code::UnexpectedHead, key.path(), message));
    }
    Ok(())
}

/// Rewrites what follows from the records as they give it: views, checkpoints, the hint. Nothing else is touched, and
/// what a person wrote only if `people` says so. Names what it wrote.
///
/// Safe beside a running tick: none trusts a view. What has changed since it was looked at is left alone.
///
/// # Errors
/// The store failed or refuses.
pub async fn repair(store: &Store, report: &Report, people: bool) -> Result<Vec<String>, EngineError> {
    let mut written = Vec::new();
    for mend in report.mends.iter().filter(|mend| people || !mend.is_of_a_person) {
        let now = store.get_path(&mend.path).await?.map(|bytes| Sha::of(&bytes));
        if now != mend.was {
            continue;
        }
        match &mend.bytes {
            Some(bytes) => store.put_path(&mend.path, bytes.clone()).await?,
            None => store.delete_path(&mend.path).await?,
        }
        written.push(mend.path.clone());
    }
    Ok(written)
}
