//! The metrics against the records that they are derived from.

use std::collections::BTreeMap;
use std::sync::Arc;

use lemming::chronicle::ledger::{LineKind, ledger};
use lemming::chronicle::tick as records_of;
use lemming::config::Environment;
use lemming::domain::ingress::Action;
use lemming::domain::outbox::{Importance, Kind};
use lemming::domain::time::{Tick, Timestamp};
use lemming::engine::{Silent, Stop, Terms, load, run_tick};
use lemming::ingress::Draft;
use lemming::metrics::{Exposition, MOST_AGENTS, Metrics};
use lemming::record::plan::Trigger;
use lemming::record::turn::Status;
use lemming::runner::compose::{Org, open};
use lemming::store::Key;
use lemming::template;
use serde_json::{Value, json};

/// The template's organisation, in memory.
async fn desk() -> Org {
    let org = open("memory:///", &Environment::new(["lemming"], [])).expect("a place");
    for (key, text) in template::files(&template::Wishes::default()) {
        org.store.put(&key, text.into()).await.expect("written");
    }
    org
}

async fn ask(org: &Org, text: &str) {
    let draft = Draft {
        recipients: Some(vec!["editor".to_owned()]),
        kind: Kind::Message,
        importance: Importance::default(),
        text: text.to_owned(),
        reply_to: None,
    };
    let letter = draft.check(&org.store).await.expect("a letter");
    org.postbox().send(letter).await.expect("sent");
}

async fn run(org: &Org, ticks: u64) {
    for _ in 0..ticks {
        let ctx = org.context(None, Terms::default(), Stop::never(), Arc::new(Silent));
        run_tick(&ctx, Trigger::Invocation).await.expect("a tick");
    }
}

/// So many seconds from now: answers are kept for two.
fn later(org: &Org, seconds: i64) -> Timestamp {
    Timestamp::from_unix_ms(org.clock().now().unix_ms() + seconds * 1_000)
}

async fn scrape(metrics: &Metrics, org: &Org, seconds: i64) -> Series {
    Series::of(&*metrics.scrape(&[(Some("desk".to_owned()), org.clone())], later(org, seconds)).await)
}

/// Values by name and labels, as they stand in the text; without `org`.
#[derive(Debug, PartialEq)]
struct Series(BTreeMap<String, f64>);

impl Series {
    fn of(told: &Exposition) -> Self {
        let lines = told.plain.lines().filter(|line| !line.starts_with('#'));
        let pairs = lines.map(|line| {
            let (name, value) = line.rsplit_once(' ').expect("a value");
            let name = name.replace("{org=\"desk\"}", "").replace("org=\"desk\",", "");
            (name, value.parse().expect(line))
        });
        Self(pairs.collect())
    }

    fn of_name(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    #[track_caller]
    fn is(&self, name: &str, value: f64) {
        let found = self.of_name(name);
        assert!(found.is_some_and(|found| (found - value).abs() < 1e-9), "{name}: {found:?}, not {value}");
    }

    fn counters(&self) -> BTreeMap<&str, f64> {
        let counts = |name: &str| name.contains("_total") && !name.contains("store_requests");
        self.0.iter().filter(|(name, _)| counts(name)).map(|(name, value)| (name.as_str(), *value)).collect()
    }
}

#[tokio::test]
async fn counters_are_the_sums_of_the_records() {
    let org = desk().await;
    ask(&org, "What would make our Monday meetings shorter?").await;
    run(&org, 6).await;
    let told = scrape(&Metrics::default(), &org, 0).await;

    let (mut turns, mut said, mut admitted) = ([0.0; 3], 0.0, 0.0);
    let (mut calls, mut input, mut cost, mut paid) = (0.0, 0.0, 0.0, 0.0);
    #[allow(clippy::cast_precision_loss, reason = "small numbers")]
    let number = |credits: lemming::domain::credits::Credits| credits.micros() as f64 / 1e6;
    for at in 1..=6 {
        let records = records_of(&org.store, Tick(at)).await.expect("records").expect("a tick");
        for turn in &records.turns {
            turns[match turn.status {
                Status::Ok => 0,
                Status::Failed => 1,
                Status::Waiting => 2,
            }] += 1.0;
        }
        for entry in records.closed.expect("closed").entries {
            if entry.mail { admitted += 1.0 } else { said += 1.0 }
        }
        for line in ledger(&org.store, Tick(at)).await.expect("a ledger") {
            if line.kind == LineKind::Call {
                calls += 1.0;
                #[allow(clippy::cast_precision_loss, reason = "small numbers")]
                let tokens = line.input_tokens.unwrap_or_default() as f64;
                input += tokens;
                cost += number(line.cost.unwrap_or_default());
            } else {
                paid += number(line.paid.unwrap_or_default()) + number(line.action.unwrap_or_default());
            }
        }
    }
    assert!(turns[0] > 4.0 && calls > 4.0 && said > 2.0, "{turns:?} {calls} {said}");
    told.is("lemming_turns_total{status=\"ok\"}", turns[0]);
    told.is("lemming_turns_total{status=\"failed\"}", turns[1]);
    told.is("lemming_turns_total{status=\"waiting\"}", turns[2]);
    told.is("lemming_turn_duration_seconds_count", turns.iter().sum());
    told.is("lemming_messages_total{from=\"agents\"}", said);
    told.is("lemming_messages_total{from=\"outside\"}", admitted);
    let models = |name: &str| {
        let of = told.0.iter().filter(|(series, _)| series.starts_with(name));
        of.map(|(_, value)| value).sum::<f64>()
    };
    assert!((models("lemming_model_calls_total{") - calls).abs() < 1e-9);
    assert!((models("lemming_model_call_duration_seconds_count{") - calls).abs() < 1e-9);
    assert!((models("lemming_model_cost_credits_total{") - cost).abs() < 1e-6);
    let tokens = told.0.iter().filter(|(series, _)| {
        series.starts_with("lemming_tokens_total{kind=\"input\"")
            || (series.starts_with("lemming_tokens_total{") && series.contains("kind=\"input\""))
    });
    assert!((tokens.map(|(_, value)| value).sum::<f64>() - input).abs() < 1e-9);
    told.is("lemming_charged_credits_total{kind=\"paid\"}", paid);
    told.is("lemming_charged_credits_total{kind=\"forfeited\"}", 0.0);
    told.is("lemming_ticks_total", 6.0);
    told.is("lemming_up", 1.0);
    told.is("lemming_metrics_behind_ticks", 0.0);
    let state = load(&org.store).await.expect("a state").state;
    for (name, agent) in &state.agents {
        #[allow(clippy::cast_precision_loss, reason = "small numbers")]
        told.is(&format!("lemming_agent_turns_total{{agent=\"{name}\"}}"), agent.turns as f64);
        told.is(&format!("lemming_agent_balance_credits{{agent=\"{name}\"}}"), number(agent.account.balance));
    }
}

#[tokio::test]
async fn a_server_that_is_started_again_tells_the_same_counters() {
    let org = desk().await;
    ask(&org, "What would make our Monday meetings shorter?").await;
    let metrics = Metrics::default();
    for round in 0..5 {
        run(&org, 1).await;
        let kept = scrape(&metrics, &org, round * 3).await;
        let fresh = scrape(&Metrics::default(), &org, 0).await;
        assert_eq!(kept.counters(), fresh.counters(), "after {} ticks", round + 1);
    }
}

#[tokio::test]
async fn gauges_say_how_it_stands() {
    let org = desk().await;
    let metrics = Metrics::default();
    let before = scrape(&metrics, &org, 0).await;
    before.is("lemming_last_tick", 0.0);
    before.is("lemming_open_tick_age_seconds", 0.0);
    assert_eq!(before.of_name("lemming_last_tick_age_seconds"), None, "there was none");

    ask(&org, "What would make our Monday meetings shorter?").await;
    scrape(&metrics, &org, 3).await.is("lemming_ingress_waiting", 1.0);
    run(&org, 1).await;
    org.postbox().order(Action::Pause { agent: None }).await.expect("ordered");
    run(&org, 1).await;
    let now = scrape(&metrics, &org, 100).await;
    now.is("lemming_last_tick", 2.0);
    now.is("lemming_paused", 1.0);
    now.is("lemming_ingress_waiting", 0.0);
    now.is("lemming_agents{state=\"active\"}", 5.0);
    assert!(now.of_name("lemming_last_tick_age_seconds").expect("an age") >= 99.0);
    let unread = load(&org.store).await.expect("a state").state.unread.len();
    #[allow(clippy::cast_precision_loss, reason = "small numbers")]
    now.is("lemming_unread_messages", unread as f64);
    assert!(unread > 0 && now.of_name("lemming_oldest_unread_age_seconds").expect("an age") >= 99.0);
}

#[tokio::test]
async fn a_crowd_asks_the_store_once_and_a_quiet_organisation_little() {
    let org = desk().await;
    run(&org, 3).await;
    let metrics = Arc::new(Metrics::default());
    let organisations = [(Some("desk".to_owned()), org.clone())];
    let now = org.clock().now();
    let before = org.requests();
    let one = metrics.scrape(&organisations, now).await;
    let first = org.requests() - before;
    let before = org.requests();
    let crowd = futures::future::join_all((0..20).map(|_| metrics.scrape(&organisations, now))).await;
    assert!(crowd.iter().all(|told| told == &one));
    let again = org.requests() - before;
    assert_eq!(again.get + again.list + again.put + again.delete, 0);
    assert_eq!(first.put + first.delete, 0, "nothing is written");

    let before = org.requests();
    metrics.scrape(&organisations, later(&org, 5)).await;
    let quiet = org.requests() - before;
    assert!(quiet.get + quiet.list <= 6, "{quiet:?}");
}

#[tokio::test]
async fn what_cannot_be_read_is_said_and_keeps_nobody_else_from_being_told() {
    let (good, bad) = (desk().await, desk().await);
    run(&good, 1).await;
    bad.store.put(&Key::Org, "{".into()).await.expect("written");
    let metrics = Metrics::default();
    let organisations = [(Some("bad".to_owned()), bad.clone()), (Some("good".to_owned()), good.clone())];
    let told = metrics.scrape(&organisations, good.clock().now()).await;
    let has = |told: &Exposition, line: &str| {
        assert!(told.plain.lines().any(|found| found == line), "{line}\n{}", told.plain)
    };
    has(&told, "lemming_up{org=\"bad\"} 0");
    has(&told, "lemming_read_errors_total{org=\"bad\"} 1");
    has(&told, "lemming_up{org=\"good\"} 1");
    has(&told, "lemming_ticks_total{org=\"good\"} 1");
    assert!(!told.plain.contains("lemming_ticks_total{org=\"bad\"}"));
    for name in ["lemming_up", "lemming_ticks_total"] {
        assert_eq!(told.plain.matches(&format!("# TYPE {name} ")).count(), 1, "one family for all");
    }
    bad.store.put(&Key::Org, json!({"format": 1, "name": "mended"}).to_string().into()).await.expect("written");
    has(&*metrics.scrape(&organisations, later(&good, 3)).await, "lemming_up{org=\"bad\"} 1");
}

#[tokio::test]
async fn a_large_organisation_has_no_series_for_each_agent() {
    let org = desk().await;
    let key = Key::Resume(lemming::domain::name::AgentName::new("critic").expect("a name"));
    let resume = org.store.get(&key).await.expect("read").expect("a resume");
    let resume: Value = serde_json::from_slice(&resume).expect("json");
    for n in 0..MOST_AGENTS {
        let name = format!("a{n}");
        let mut resume = resume.clone();
        resume["name"] = json!(name);
        resume["enabled"] = json!(false);
        org.store.put_path(&format!("agents/{name}/resume.json"), resume.to_string().into()).await.expect("written");
    }
    run(&org, 1).await;
    let told = scrape(&Metrics::default(), &org, 0).await;
    told.is("lemming_agents{state=\"active\"}", 5.0);
    #[allow(clippy::cast_precision_loss, reason = "small numbers")]
    told.is("lemming_agents{state=\"disabled\"}", MOST_AGENTS as f64);
    assert!(told.0.keys().all(|series| !series.contains("agent=\"")), "{told:?}");
}

#[tokio::test]
async fn every_metric_is_in_the_catalogue_and_has_its_help() {
    let org = desk().await;
    run(&org, 2).await;
    let told = Metrics::default().scrape(&[(Some("desk".to_owned()), org.clone())], org.clock().now()).await;
    let names: Vec<String> = lemming::metrics::catalogue::ALL.iter().map(|metric| metric.name()).collect();
    for line in told.plain.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let name = line.split(' ').next().expect("a name");
        assert!(names.iter().any(|known| known == name), "{name}");
        assert!(told.plain.contains(&format!("# HELP {name} ")), "{name}");
    }
}
