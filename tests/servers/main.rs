//! The stores over real servers, started here without containers: `make test-servers` installs them and runs this.
//!
//! - `LEMMING_TEST_SERVERS`: which servers, by name, or `all`; none without it. One that is named must start.
//! - `LEMMING_KILLS`: how many processes are killed on each server, 50 unless it says otherwise.
//! - `LEMMING_KILL_SEED`: the seed of the kills' times and aims, and of the network's.
//! - `LEMMING_TEST_STORE`: any store that you may write to, such as a bucket of your own, with its credentials in the
//!   environment: the conformance suite runs over it, below a prefix that is new and is emptied afterwards.
#![cfg(unix)]
#![allow(missing_docs, unreachable_pub, reason = "a test is no library")]
#![allow(clippy::disallowed_methods, reason = "a test of real processes has the real clock and environment")]
#![allow(clippy::print_stdout, reason = "what was run, and how long it took, is what a person runs this for")]

mod bucket;
#[path = "../kill/campaign/mod.rs"]
mod campaign;
#[path = "../conformance/mod.rs"]
mod conformance;
mod gcs;
mod http;
mod loopback;
mod network;
mod process;
mod proxy;
mod server;

use std::future::Future;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::{StreamExt as _, TryStreamExt as _};
use lemming::store::open::open;
use object_store::ObjectStore;
use object_store::prefix::PrefixStore;

use crate::bucket::Bucket;
use crate::campaign::audit::Totals;
use crate::campaign::place::Place;
use crate::campaign::tally::Tally;
use crate::campaign::{Network, Plan};
use crate::conformance::{Scale, own};
use crate::proxy::Proxy;
use crate::server::{Kind, Server};

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build();
    runtime.expect("a runtime").block_on(work)
}

/// Runs a part, and says how long it took.
fn part<T>(server: &Server, what: &str, run: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let result = run();
    println!("{}: {what}: {:.1} s", server.name(), began.elapsed().as_secs_f64());
    result
}

fn number(variable: &str, default: u64) -> u64 {
    let text = std::env::var(variable).ok();
    text.map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{variable} is no number")))
}

/// How a server is tested, by how fast it answers.
struct Pace {
    scale: Scale,
    /// The lease of the organisations whose runners are killed.
    lease: Duration,
    /// Whether the kills need an empty server: every write of this one takes longer the more objects there are.
    anew: bool,
}

fn check(kind: Kind, pace: &Pace) {
    let Some(server) = Server::start(kind) else { return };
    part(&server, "conformance", || block_on(conformance::all(server.open(server.address()), pace.scale)));
    part(&server, "own writes in trouble", || own_writes_are_known(&server));
    let Some(server) = (if pace.anew { Server::start(kind) } else { Some(server) }) else { return };
    part(&server, "kills, in a bad network", || kills(&server, pace.lease));
}

fn own_writes_are_known(server: &Server) {
    let proxy = Proxy::start(server.address(), 1);
    let store = server.open(proxy.address());
    block_on(own::all(&store, &|troubles| proxy.befall(troubles)));
    assert!(proxy.faults() > 50, "{} faults", proxy.faults());
}

/// Eight runners at once are killed, and their network is bad, in an ordered organisation and in one of snapshots.
fn kills(server: &Server, lease: Duration) {
    let kills = number("LEMMING_KILLS", 50);
    let seed = number("LEMMING_KILL_SEED", u64::from(std::process::id()));
    println!("{}: LEMMING_KILL_SEED={seed}: {kills} kills", server.name());
    let tally = Mutex::new(Tally::default());
    let totals: Vec<Totals> = std::thread::scope(|scope| {
        let worlds = [("ordered", seed), ("snapshot", seed.wrapping_add(1))].map(|(visibility, seed)| {
            let tally = &tally;
            scope.spawn(move || {
                let proxy = Proxy::start(server.address(), seed);
                let place = |_: &Path| Box::new(Bucket::new(server, proxy.address(), "", visibility)) as Box<dyn Place>;
                let (network, patience) = (Some(&proxy as &dyn Network), Duration::from_secs(90));
                let plan = Plan { visibility, seed, place: &place, network, lease, runners: 8..=8, patience };
                let totals = campaign::run(&plan, kills, kills >= 200, tally);
                println!("{}: {visibility}: {} requests met with misfortune", server.name(), proxy.faults());
                totals
            })
        });
        worlds.into_iter().map(|world| world.join().expect("the audit of a world")).collect()
    });
    let tally = tally.into_inner().expect("the tally");
    let totals: Totals = totals.into_iter().sum();
    println!("{}:\n{tally}\n{totals}", server.name());
    assert!(tally.kills() >= kills, "{} kills of {kills}", tally.kills());
    totals.check(&tally);
}

const QUICK: Pace = Pace {
    scale: Scale { races: 200, keys: 10_000, conditions: true },
    lease: Duration::from_millis(300),
    anew: false,
};

const SLOW: Pace = Pace {
    scale: Scale { races: 50, keys: 10_000, conditions: true },
    lease: Duration::from_millis(1_000),
    anew: false,
};

#[test]
fn a_network_that_is_cut_is_named_and_the_next_run_finishes() {
    let Some(server) = Server::start(Kind::Versitygw) else { return };
    part(&server, "cuts", || network::a_cut_is_an_error_and_the_next_run_finishes(&server, Duration::from_millis(300)));
}

#[test]
fn versitygw_keeps_an_organisation() {
    check(Kind::Versitygw, &QUICK);
}

#[test]
fn minio_keeps_an_organisation() {
    check(Kind::Minio, &QUICK);
}

#[test]
fn localstack_keeps_an_organisation() {
    check(Kind::Localstack, &SLOW);
}

#[test]
fn azurite_keeps_an_organisation() {
    check(Kind::Azurite, &SLOW);
}

/// It ignores conditions on reads.
#[test]
fn fake_gcs_server_keeps_an_organisation() {
    let scale = Scale { races: 50, keys: 3_000, conditions: false };
    check(Kind::FakeGcs, &Pace { scale, anew: true, ..SLOW });
}

/// Its conditional reads fail on tags in quotes, as the client sends them.
#[test]
fn ceph_keeps_an_organisation() {
    let scale = Scale { conditions: false, ..SLOW.scale };
    check(Kind::Ceph, &Pace { scale, ..SLOW });
}

#[test]
fn a_store_of_your_own_conforms() {
    let Some(url) = std::env::var("LEMMING_TEST_STORE").ok().filter(|url| !url.is_empty()) else {
        println!("skipped: LEMMING_TEST_STORE names no store");
        return;
    };
    block_on(async {
        let opened = open(&url, std::env::vars()).expect("a store");
        let mut random = [0; 8];
        getrandom::fill(&mut random).expect("randomness");
        let prefix = opened.prefix.join(format!("test-{:016x}", u64::from_le_bytes(random)));
        println!("below {prefix}");
        let store: Arc<dyn ObjectStore> = Arc::new(PrefixStore::new(opened.store, prefix));
        let run =
            tokio::spawn(conformance::all(Arc::clone(&store), Scale { races: 20, keys: 2_000, conditions: true }))
                .await;
        let all = store.list(None).map_ok(|meta| meta.location).boxed();
        store.delete_stream(all).try_collect::<Vec<_>>().await.expect("emptied");
        run.expect("the suite");
    });
}
