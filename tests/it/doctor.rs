//! The examination of a store: what it finds, what it does not mind, and that it leaves nothing behind.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use lemming::clock::SystemClock;
use lemming::doctor::report::{Health, May, Part, Report};
use lemming::doctor::{Patient, examine};
use lemming::domain::name::IngressName;
use lemming::engine::Stop;
use lemming::store::faults::{Fault, Faulty, Liar, Op};
use lemming::store::{Area, Key, Store};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use serde_json::json;

use crate::world::{HandClock, SeededEntropy, World, says};

/// What goes wrong with an operation on a path, if anything.
type Rule = Arc<dyn Fn(What, &str) -> Option<Wrong> + Send + Sync>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Create,
    Put,
    Get,
    Missing,
    List,
    Delete,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    /// Refused, as by a policy.
    Denied,
    /// Said to be done, and not done.
    Dropped,
    /// Done, and yet refused.
    Applied,
}

/// A store that is wrong by a rule.
#[derive(Clone)]
struct Ruled {
    inner: Arc<InMemory>,
    rule: Rule,
}

impl fmt::Debug for Ruled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ruled")
    }
}

impl fmt::Display for Ruled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ruled")
    }
}

fn denied(path: &Path) -> Error {
    Error::PermissionDenied { path: path.to_string(), source: "403 AccessDenied".into() }
}

#[async_trait]
impl ObjectStore for Ruled {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let what = if opts.mode == PutMode::Create { What::Create } else { What::Put };
        match (self.rule)(what, location.as_ref()) {
            None => self.inner.put_opts(location, payload, opts).await,
            Some(Wrong::Denied) => Err(denied(location)),
            Some(Wrong::Dropped) => {
                Ok(PutResult { e_tag: None, version: Some("3".to_owned()), extensions: <_>::default() })
            }
            Some(Wrong::Applied) => {
                self.inner.put_opts(location, payload, PutMode::Overwrite.into()).await?;
                Err(Error::AlreadyExists { path: location.to_string(), source: "412".into() })
            }
        }
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let got = self.inner.get_opts(location, options).await;
        let what = if got.is_ok() { What::Get } else { What::Missing };
        match (self.rule)(what, location.as_ref()) {
            None => got,
            Some(_) => Err(denied(location)),
        }
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        let one = move |location: Result<Path>| {
            let store = store.clone();
            async move {
                let location = location?;
                match (store.rule)(What::Delete, location.as_ref()) {
                    None => {
                        let one = stream::iter([Ok(location.clone())]).boxed();
                        store.inner.delete_stream(one).try_collect::<Vec<_>>().await?;
                        Ok(location)
                    }
                    Some(Wrong::Dropped) => Ok(location),
                    Some(_) => Err(denied(&location)),
                }
            }
        };
        locations.then(one).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let path = prefix.map_or("", |prefix| prefix.as_ref()).to_owned();
        match (self.rule)(What::List, &path) {
            None => self.inner.list(prefix),
            Some(Wrong::Denied) => stream::once(async { Err(denied(&Path::from(path))) }).boxed(),
            Some(_) => stream::empty().boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        match (self.rule)(What::List, prefix.map_or("", |prefix| prefix.as_ref())) {
            Some(Wrong::Denied) => Err(denied(&Path::ROOT)),
            _ => self.inner.list_with_delimiter(prefix).await,
        }
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// A store that is wrong by a rule, and what is in it.
fn ruled(rule: impl Fn(What, &str) -> Option<Wrong> + Send + Sync + 'static) -> (Arc<dyn ObjectStore>, Arc<InMemory>) {
    let inner = Arc::new(InMemory::new());
    (Arc::new(Ruled { inner: Arc::clone(&inner), rule: Arc::new(rule) }), inner)
}

async fn paths(inner: &InMemory) -> Vec<String> {
    let mut paths: Vec<String> = inner.list(None).map_ok(|meta| meta.location.to_string()).try_collect().await.unwrap();
    paths.sort();
    paths
}

async fn examined(objects: Arc<dyn ObjectStore>, stop: &Stop) -> Report {
    let world = World::new(|_| Ok(says("hello")));
    let store = Store::new(objects, Path::from("org"), false);
    let patient = Patient {
        store: &store,
        place: "test://org",
        local_root: None,
        clock: &SystemClock,
        entropy: &SeededEntropy::new(3),
        providers: &world.thinker,
        environment: &lemming::config::Environment::default(),
        tools: &world.tools,
        sandbox: None,
    };
    examine(patient, stop).await
}

async fn examine_all(objects: Arc<dyn ObjectStore>) -> Report {
    examined(objects, &Stop::never()).await
}

fn health(report: &Report, check: &str) -> Health {
    let found = report.findings.iter().find(|finding| finding.check == check);
    found.unwrap_or_else(|| panic!("no {check} in {:#?}", report.findings)).health
}

/// The checks that found something wrong.
fn wrong(report: &Report) -> Vec<&str> {
    let wrong = report.findings.iter().filter(|finding| finding.health == Health::Wrong);
    wrong.map(|finding| finding.check.as_str()).collect()
}

const PROMISES: [&str; 7] =
    ["create", "create again", "create at once", "read after write", "list after write", "delete", "large objects"];

#[tokio::test]
async fn an_honest_store_is_good_and_nothing_is_left() {
    let (objects, inner) = ruled(|_, _| None);
    let report = examine_all(objects).await;
    assert_eq!(wrong(&report), Vec::<&str>::new(), "{:#?}", report.findings);
    for check in PROMISES.into_iter().chain(["read", "permissions", "clock"]) {
        assert_eq!(health(&report, check), Health::Good, "{check}");
    }
    assert_eq!(health(&report, "organisation"), Health::Note);
    let operations: Vec<&str> = report.latencies.iter().map(|latency| latency.operation).collect();
    assert_eq!(operations, ["create", "delete", "list", "overwrite", "read"]);
    assert!(report.permissions.iter().all(|permission| permission.write == May::Yes));
    assert_eq!(report.permissions.len(), Area::ALL.len());
    assert!(report.left_behind.is_empty() && paths(&inner).await.is_empty());
}

#[tokio::test]
async fn every_broken_promise_is_found_and_no_other() {
    let memory = || Arc::new(InMemory::new());
    let is = |path: &str, part: &str| path.contains(part);
    let all: Vec<(&str, Arc<dyn ObjectStore>, &[&str])> = vec![
        ("ignores", Arc::new(Liar::ignoring(memory())), &["create again", "create at once", "large objects"]),
        ("races", Arc::new(Liar::racing(memory())), &["create at once", "large objects"]),
        (
            "changes what it refuses to create",
            ruled(move |what, path| {
                // The second create of each key: the first one's object is there by then.
                let again = what == What::Create && is(path, ":create") && SECOND.fetch_add(1, Ordering::SeqCst) >= 5;
                again.then_some(Wrong::Applied)
            })
            .0,
            &["create again"],
        ),
        (
            "loses writes",
            ruled(move |what, path| (what == What::Put && is(path, ":overwrite")).then_some(Wrong::Dropped)).0,
            &["read after write"],
        ),
        ("lists late", ruled(|what, _| (what == What::List).then_some(Wrong::Dropped)).0, &["list after write"]),
        (
            "keeps what was deleted",
            ruled(move |what, path| (what == What::Delete && is(path, ":overwrite")).then_some(Wrong::Dropped)).0,
            &["delete"],
        ),
        (
            "loses creates",
            ruled(move |what, path| (what == What::Create && is(path, ":create")).then_some(Wrong::Dropped)).0,
            &["create again"],
        ),
    ];
    for (name, objects, expected) in all {
        let report = examine_all(objects).await;
        assert_eq!(wrong(&report), expected, "{name}: {:#?}", report.findings);
        let mends = report.findings.iter().filter(|finding| finding.health == Health::Wrong);
        assert!(mends.into_iter().all(|finding| finding.mend.is_some()), "{name}");
    }
}

/// Creates of the keys that one test looks at.
static SECOND: AtomicUsize = AtomicUsize::new(0);

#[tokio::test]
async fn a_conflict_over_our_own_write_is_no_lie() {
    for nth in [1, 11, 12, 20, 40] {
        let inner = Arc::new(InMemory::new());
        let store = Faulty::new(inner.clone(), 1);
        store.fail_next(Op::Put, nth, Fault::OwnConflict);
        let report = examine_all(Arc::new(store)).await;
        assert_eq!(wrong(&report), Vec::<&str>::new(), "put {nth}: {:#?}", report.findings);
        assert!(paths(&inner).await.is_empty());
    }
}

#[tokio::test]
async fn who_may_only_read_is_told_so_and_nothing_is_wrong() {
    let (objects, inner) =
        ruled(|what, _| matches!(what, What::Create | What::Put | What::Delete).then_some(Wrong::Denied));
    let world = World::over(inner.clone(), |_| Ok(says("hello")));
    world.found().await;
    world.agent("ada", json!({})).await;
    world.tick().await;
    let before = paths(&inner).await;
    let report = examine_all(objects).await;
    // The model of these tests is of a provider that no file may name.
    assert_eq!(wrong(&report), ["organisation"], "{:#?}", report.findings);
    assert_eq!((health(&report, "permissions"), health(&report, "promises")), (Health::Note, Health::Skipped));
    assert_eq!(report.organisation.as_deref(), Some("test"));
    assert_eq!(health(&report, "model m"), Health::Good);
    let writes: Vec<&str> = report.permissions.iter().map(|permission| permission.keys.as_str()).collect();
    assert!(writes.contains(&"head.json") && writes.contains(&"org.json"), "{writes:?}");
    assert!(report.permissions.iter().all(|permission| permission.write == May::No));
    assert_eq!(paths(&inner).await, before);
}

/// What a policy that lets these paths be written, and no others, is judged as.
async fn policy(allows: fn(What, &str) -> bool) -> (Health, String) {
    let (objects, _) = ruled(move |what, path| (!allows(what, path)).then_some(Wrong::Denied));
    let report = examine_all(objects).await;
    let found = report.findings.iter().find(|finding| finding.check == "permissions").unwrap();
    (found.health, found.found.clone())
}

#[tokio::test]
async fn each_role_is_known_by_what_it_may_write() {
    fn reads(what: What) -> bool {
        matches!(what, What::Get | What::Missing | What::List)
    }
    let (health, found) = policy(|what, path| reads(what) || path.starts_with("org/ingress/mail/")).await;
    assert_eq!((health, found.as_str()), (Health::Note, "these credentials may send mail, and not run ticks"));
    let (health, found) = policy(|what, path| reads(what) || !path.starts_with("org/inputs/")).await;
    assert_eq!(health, Health::Wrong);
    assert!(found.ends_with("not all else that a runner writes: inputs/"), "{found}");
    let (health, found) = policy(|what, path| what != What::Delete || path.starts_with("org/ingress/")).await;
    assert_eq!(health, Health::Warning);
    assert!(found.ends_with("may not delete in probe/, agents/, shared/"), "{found}");
    // Records need not be deleted, nor settings written.
    let lets_run = |what: What, path: &str| {
        let kept = path.starts_with("org/ticks/") && what == What::Delete;
        !kept && (reads(what) || !path.starts_with("org/config/"))
    };
    let (health, found) = policy(lets_run).await;
    assert_eq!((health, found.as_str()), (Health::Good, "these credentials may do all that running ticks takes"));
}

#[tokio::test]
async fn who_may_neither_read_nor_write_is_told_that_this_is_wrong() {
    let (objects, inner) = ruled(|_, _| Some(Wrong::Denied));
    let report = examine_all(objects).await;
    assert_eq!(wrong(&report), ["permissions"], "{:#?}", report.findings);
    assert!(report.is_wrong(Part::Store) && !report.writes_anything() && !report.writes_ticks());
    assert!(paths(&inner).await.is_empty());
}

#[tokio::test]
async fn what_cannot_be_deleted_is_named() {
    let (objects, inner) = ruled(|what, _| (what == What::Delete).then_some(Wrong::Denied));
    let report = examine_all(objects).await;
    let left: Vec<String> = paths(&inner).await.iter().map(|path| path.trim_start_matches("org/").to_owned()).collect();
    let mut named = report.left_behind.clone();
    named.sort();
    assert!(!named.is_empty());
    assert_eq!(named, left);
    assert_eq!(health(&report, "left behind"), Health::Warning);
}

#[tokio::test]
async fn a_bucket_that_may_not_be_listed_and_refuses_what_is_missing_is_told_of() {
    let (objects, _) = ruled(|what, _| matches!(what, What::Missing | What::List).then_some(Wrong::Denied));
    let report = examine_all(objects).await;
    let found = report.findings.iter().find(|finding| finding.check == "read").unwrap();
    // The organisation is missing as well, so that it cannot be told from a bucket that is closed.
    assert_eq!(found.health, Health::Warning, "{found:?}");
    assert!(report.is_wrong(Part::Store));
    let (objects, inner) = ruled(|what, _| matches!(what, What::Missing).then_some(Wrong::Denied));
    World::over(inner, |_| Ok(says("hello"))).found().await;
    let report = examine_all(objects).await;
    let found = report.findings.iter().find(|finding| finding.check == "read").unwrap();
    assert!(found.mend.as_ref().unwrap().contains("s3:ListBucket"), "{found:?}");
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_told_of_with_the_rest_left_out() {
    let store = Faulty::new(Arc::new(InMemory::new()), 1);
    for nth in 1..=2 {
        store.fail_next(Op::Get, nth, Fault::FailBefore);
    }
    let report = examine_all(Arc::new(store)).await;
    assert_eq!(wrong(&report), ["read"]);
    assert!(report.permissions.is_empty());
}

#[tokio::test]
async fn a_clock_that_is_off_is_told_of() {
    let world = World::new(|_| Ok(says("hello")));
    let store = Store::new(Arc::new(InMemory::new()), Path::from("org"), false);
    let clock: &HandClock = &world.clock;
    let patient = Patient {
        store: &store,
        place: "test://org",
        local_root: None,
        clock,
        entropy: &SeededEntropy::new(3),
        providers: &world.thinker,
        environment: &lemming::config::Environment::default(),
        tools: &world.tools,
        sandbox: None,
    };
    // Midnight of 1970, half a century behind any store's.
    clock.back(Duration::from_secs(1_800_000_000));
    let report = examine(patient, &Stop::never()).await;
    let found = report.findings.iter().find(|finding| finding.check == "clock").unwrap();
    assert_eq!(found.health, Health::Warning);
    assert!(
        found.found.starts_with("the store's clock is ") && found.found.ends_with(" s ahead of ours"),
        "{}",
        found.found
    );
}

#[tokio::test(start_paused = true)]
async fn whenever_it_is_interrupted_nothing_is_left() {
    let puts = Arc::new(AtomicUsize::new(0));
    let mut at = 1;
    loop {
        let (sender, stop) = Stop::channel();
        puts.store(0, Ordering::SeqCst);
        let count = Arc::clone(&puts);
        let (objects, inner) = ruled(move |what, _| {
            let writes = matches!(what, What::Create | What::Put);
            if writes && count.fetch_add(1, Ordering::SeqCst) + 1 == at {
                sender.stop();
            }
            None
        });
        let report = examined(objects, &stop).await;
        assert_eq!(paths(&inner).await, Vec::<String>::new(), "interrupted at put {at}");
        if puts.load(Ordering::SeqCst) < at {
            assert!(!report.interrupted);
            break;
        }
        at += 7;
    }
    assert!(at > 100, "{at}");
}

#[tokio::test]
async fn a_tick_takes_no_notice_of_an_examination_that_is_under_way() {
    let run = |examined: bool| async move {
        let world = World::new(|_| Ok(says("hello")));
        world.found().await;
        world.agent("ada", json!({})).await;
        world.mail(1, "human", Some(&["ada"]), "hello").await;
        if examined {
            for area in Area::ALL {
                let name = |text: &str| IngressName::new(text).unwrap();
                world.raw.put(&Key::Probe(area, name("run"), name("may")), "probe".into()).await.unwrap();
            }
        }
        let report = world.tick().await;
        assert!(report.problems.is_empty(), "{:?}", report.problems);
        let mut all = world.all().await;
        all.retain(|path, _| !path.contains("probe:"));
        all
    };
    assert_eq!(run(true).await, run(false).await);
}
