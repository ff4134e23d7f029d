//! One who listens, beside a follower that is told what to say.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use super::feed::Feed;
use super::subscription::{Heard, Subscription};
use crate::api::chores::Chores;
use crate::chronicle::feed::{Cursor, Told, What};
use crate::clock::Clock;
use crate::config::Environment;
use crate::domain::name::AgentName;
use crate::domain::time::{Tick, Timestamp};
use crate::engine::{Outcome, Silent, Stop, Terms, run_tick};
use crate::record::plan::Trigger;
use crate::runner::compose::{Org, open};
use crate::store::Key;
use crate::template;

/// A clock on which a rest is short.
#[derive(Debug)]
struct Quick(AtomicI64);

#[async_trait]
impl Clock for Quick {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.0.fetch_add(1, Ordering::SeqCst))
    }
    async fn sleep(&self, _: Duration) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn org() -> Org {
    let clock = Arc::new(Quick(AtomicI64::new(1_800_000_000_000)));
    let org = open("memory:///", &Environment::new(["lemming"], [])).expect("a place").with_clock(clock);
    for (key, text) in template::files(&template::Wishes::default()) {
        org.store.put(&key, text.into()).await.expect("written");
    }
    org
}

async fn tick(org: &Org) {
    let ctx = org.context(None, Terms::default(), Stop::never(), Arc::new(Silent));
    let outcome = run_tick(&ctx, Trigger::Invocation).await.expect("a tick");
    assert!(matches!(outcome, Outcome::Ran(_)), "{outcome:?}");
}

/// The next event that is of this type.
async fn next(listener: &mut Subscription, kind: &str) -> Arc<Told> {
    loop {
        match listener.next().await {
            Heard::Event(event) if event.kind == kind => return event,
            Heard::Event(_) => {}
            other => panic!("{other:?} before {kind}"),
        }
    }
}

#[tokio::test]
async fn those_who_come_later_are_told_the_same_and_all_hear_when_it_is_over() {
    let org = org().await;
    let (stopper, stop) = Stop::channel();
    let (chores, crew) = Chores::new(&stop);
    let feed = Arc::new(Feed::new(Arc::new(org.clone())));
    let listen = async {
        let mut first = Subscription::open(&feed, &chores, Cursor::after(Tick(0))).expect("a server");
        tick(&org).await;
        let closed = next(&mut first, "tick_closed").await;
        tick(&org).await;
        let mut later = Subscription::open(&feed, &chores, Cursor::after(Tick(0))).expect("a server");
        assert_eq!(next(&mut later, "tick_closed").await, closed);
        let mut between =
            Subscription::open(&feed, &chores, closed.cursor.clone().expect("a cursor")).expect("a server");
        for kind in ["tick_opened", "tick_closed"] {
            let event = next(&mut first, kind).await;
            assert_eq!(event.cursor.as_ref().map(|cursor| cursor.to_string().starts_with("1.2")), Some(true));
            assert_eq!(next(&mut between, kind).await.cursor, event.cursor);
            assert_eq!(next(&mut later, kind).await.cursor, event.cursor);
        }
        stopper.stop();
        for listener in [&mut first, &mut between, &mut later] {
            assert!(matches!(listener.next().await, Heard::Over));
        }
        assert!(Subscription::open(&feed, &chores, Cursor::after(Tick(0))).is_none(), "nobody follows any more");
    };
    tokio::join!(crew.work(&stop), listen);
}

#[tokio::test]
async fn a_follower_ends_with_the_last_who_listens_and_begins_with_the_next() {
    let org = org().await;
    let (stopper, stop) = Stop::channel();
    let (chores, crew) = Chores::new(&stop);
    let feed = Arc::new(Feed::new(Arc::new(org.clone())));
    let listen = async {
        for last in 0..3 {
            let mut only = Subscription::open(&feed, &chores, Cursor::after(Tick(last))).expect("a server");
            tick(&org).await;
            next(&mut only, "tick_closed").await;
            drop(only);
            while feed.is_followed() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let before = org.requests();
            tokio::time::sleep(Duration::from_millis(20)).await;
            assert_eq!(org.requests(), before, "nobody reads for nobody");
        }
        stopper.stop();
    };
    tokio::join!(crew.work(&stop), listen);
}

#[tokio::test]
async fn whoever_does_not_listen_for_long_is_dropped_and_loses_nothing_by_it() {
    let org = org().await;
    let (stopper, stop) = Stop::channel();
    let (chores, crew) = Chores::new(&stop);
    let feed = Arc::new(Feed::new(Arc::new(org.clone())));
    let listen = async {
        let mut slow = Subscription::open(&feed, &chores, Cursor::after(Tick(0))).expect("a server");
        tick(&org).await;
        next(&mut slow, "tick_closed").await;
        tick(&org).await;
        let heard = next(&mut slow, "tick_closed").await;
        // More than lies ready for anybody.
        let agent = AgentName::new("editor").expect("a name");
        for _ in 0..5_000 {
            let told = Told::aside(Tick(2), org.clock().now(), What::TurnStarted { agent: agent.clone() });
            feed.tell_all(vec![told], heard.cursor.as_ref().expect("a cursor"));
        }
        assert!(matches!(slow.next().await, Heard::TooSlow));
        tick(&org).await;
        let mut back = Subscription::open(&feed, &chores, slow.cursor().clone()).expect("a server");
        let event = next(&mut back, "tick_opened").await;
        assert!(event.json.contains("\"tick\":3"), "{}", event.json);
        stopper.stop();
    };
    tokio::join!(crew.work(&stop), listen);
}

#[tokio::test]
async fn a_cursor_from_elsewhere_is_reset_once_the_follower_has_looked() {
    let org = org().await;
    tick(&org).await;
    let (stopper, stop) = Stop::channel();
    let (chores, crew) = Chores::new(&stop);
    let feed = Arc::new(Feed::new(Arc::new(org.clone())));
    let listen = async {
        for away in ["1.7", "1.2.t0.bAQ", "1.2.c1", "1.90000"] {
            let mut lost = Subscription::open(&feed, &chores, away.parse().expect("a cursor")).expect("a server");
            let Heard::Event(event) = lost.next().await else { panic!("{away}") };
            assert_eq!((event.kind, event.cursor.clone()), ("reset", Some(Cursor::after(Tick(1)))), "{away}");
        }
        stopper.stop();
    };
    tokio::join!(crew.work(&stop), listen);
}

#[tokio::test]
async fn records_that_cannot_be_read_are_told_once_and_what_happened_later() {
    let org = org().await;
    let (stopper, stop) = Stop::channel();
    let (chores, crew) = Chores::new(&stop);
    let feed = Arc::new(Feed::new(Arc::new(org.clone())));
    let listen = async {
        let mut listener = Subscription::open(&feed, &chores, Cursor::after(Tick(0))).expect("a server");
        let plan = Key::Plan(Tick(1));
        org.store.put(&plan, "{}".into()).await.expect("written");
        let problem = next(&mut listener, "problem").await;
        assert_eq!(problem.cursor, None, "no record tells it");
        assert!(problem.json.contains("\"kind\":\"records\""), "{}", problem.json);
        org.store.delete_path(&plan.path()).await.expect("deleted");
        tick(&org).await;
        let Heard::Event(event) = listener.next().await else { panic!("nothing") };
        assert_eq!(event.kind, "tick_opened", "the problem is told once: {}", event.json);
        stopper.stop();
    };
    tokio::join!(crew.work(&stop), listen);
}
