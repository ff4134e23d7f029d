//! What an event asks a function for. Pure.
//!
//! Sources: Amazon EventBridge Scheduler User Guide and Amazon EventBridge User Guide (`Scheduled Event`), Amazon S3 User
//! Guide (event message structure; `Object Created`), AWS Lambda Developer Guide. Samples of each are in the tests.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::name::AgentName;
use crate::domain::time::Timestamp;
use crate::record::plan::Trigger;
use crate::runner::trigger::scheduled_time;
use crate::store::Key;

/// What an event asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// Ticks.
    Tick(Errand),
    /// A wake, wherever one of these objects is mail or a command; nothing, if none is.
    Arrived(Vec<Arrival>),
    /// What S3 sends when a notification is set up.
    Test,
}

/// Ticks that are asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Errand {
    /// What asked for them.
    pub trigger: Trigger,
    /// In one organisation; otherwise in all there are.
    pub organisation: Option<String>,
    /// How often the function has invoked itself for it.
    pub continuation: u32,
}

/// An object that was created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// In which bucket.
    pub bucket: String,
    /// At which key.
    pub key: String,
}

/// An event that nobody knows. The message says what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EventError(String);

/// A direct invocation, and what a function sends itself.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Direct {
    #[serde(default)]
    trigger: Kind,
    #[serde(default, deserialize_with = "time", skip_serializing_if = "Option::is_none")]
    time: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    agents: Vec<AgentName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organisation: Option<String>,
    #[serde(default)]
    continuation: u32,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    #[default]
    Tick,
    Scheduled,
    Wake,
}

/// A time, by an error that names what is none.
fn time<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    let time = text.map(|text| scheduled_time(&text)).transpose();
    time.map_err(|error| serde::de::Error::custom(format!("`time`: {error}")))
}

impl Errand {
    /// The event with which a function invokes itself to go on with it. `has_begun`: agents that were named are in the tick
    /// that is open, and need not be named again.
    #[must_use]
    pub fn continued(&self, has_begun: bool) -> Value {
        let direct = Direct {
            trigger: match self.trigger {
                Trigger::Invocation => Kind::Tick,
                Trigger::Slot { .. } => Kind::Scheduled,
                Trigger::Wake { .. } => Kind::Wake,
            },
            time: match self.trigger {
                Trigger::Slot { time } => Some(time),
                Trigger::Invocation | Trigger::Wake { .. } => None,
            },
            agents: match &self.trigger {
                Trigger::Wake { named } if !has_begun => named.clone(),
                Trigger::Wake { .. } => Vec::new(),
                Trigger::Invocation | Trigger::Slot { .. } => Vec::new(),
            },
            organisation: self.organisation.clone(),
            continuation: self.continuation + 1,
        };
        serde_json::to_value(direct).unwrap_or_default()
    }
}

/// Reads an event. `now` is the time of a scheduled tick that names none.
///
/// # Errors
/// It is of no kind that is known.
pub fn read(event: &Value, now: Timestamp) -> Result<Asked, EventError> {
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str);
    if let Some(records) = event.get("Records").and_then(Value::as_array) {
        return records.iter().map(notified).collect::<Result<_, _>>().map(Asked::Arrived);
    }
    if text("/Event") == Some("s3:TestEvent") {
        return Ok(Asked::Test);
    }
    match (text("/source"), text("/detail-type")) {
        (Some("aws.scheduler" | "aws.events"), _) => {
            let time = text("/time").ok_or_else(|| EventError("a scheduler's event has no `time`".to_owned()))?;
            let time = scheduled_time(time).map_err(|error| EventError(format!("/time: {error}")))?;
            Ok(Asked::Tick(Errand { trigger: Trigger::Slot { time }, organisation: None, continuation: 0 }))
        }
        (Some("aws.s3"), Some("Object Created")) => match (text("/detail/bucket/name"), text("/detail/object/key")) {
            // Here a key stands as it is.
            (Some(bucket), Some(key)) => {
                Ok(Asked::Arrived(vec![Arrival { bucket: bucket.to_owned(), key: key.to_owned() }]))
            }
            _ => Err(EventError("an event of S3 names no bucket or no key in `detail`".to_owned())),
        },
        (Some("aws.s3"), _) => Ok(Asked::Arrived(Vec::new())),
        (Some(source), _) => Err(EventError(format!("events of {source:?} are not known: {RIGHT}"))),
        (None, _) => direct(event, now),
    }
}

const RIGHT: &str = "send {} or {\"trigger\": \"tick\" | \"scheduled\" | \"wake\", \"time\"?, \"agents\"?, \
                     \"organisation\"?}, or let EventBridge or S3 send theirs";

fn direct(event: &Value, now: Timestamp) -> Result<Asked, EventError> {
    let direct = match event {
        Value::Null => Direct::default(),
        Value::Object(_) => Direct::deserialize(event).map_err(|error| EventError(format!("{error}: {RIGHT}")))?,
        // A list would be taken for the fields in their order.
        _ => return Err(EventError(format!("an event is an object: {RIGHT}"))),
    };
    let Direct { trigger, time, agents, organisation, continuation } = direct;
    let only = |field: &str, kind: &str| Err(EventError(format!("`{field}` goes with \"trigger\": \"{kind}\" alone")));
    if time.is_some() && trigger != Kind::Scheduled {
        return only("time", "scheduled");
    }
    if !agents.is_empty() && trigger != Kind::Wake {
        return only("agents", "wake");
    }
    let trigger = match trigger {
        Kind::Tick => Trigger::Invocation,
        Kind::Scheduled => Trigger::Slot { time: time.unwrap_or(now) },
        Kind::Wake => Trigger::Wake { named: agents },
    };
    Ok(Asked::Tick(Errand { trigger, organisation, continuation }))
}

/// One record of an S3 notification. Keys stand there as in a form: `+` is a space, the rest is escaped.
fn notified(record: &Value) -> Result<Arrival, EventError> {
    let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str);
    let source = text("/eventSource").unwrap_or("nobody");
    // MinIO and others write `minio:s3`.
    if source.rsplit(':').next() != Some("s3") {
        return Err(EventError(format!("records of {:?} are not known: {RIGHT}", source)));
    }
    match (text("/s3/bucket/name"), text("/s3/object/key")) {
        (Some(bucket), Some(key)) => Ok(Arrival { bucket: bucket.to_owned(), key: unescaped(key) }),
        _ => Err(EventError("a notification of S3 names no bucket or no key".to_owned())),
    }
}

fn unescaped(key: &str) -> String {
    // The one pair of a form whose name is all of it.
    let form = format!("={}", key.replace('&', "%26"));
    url::form_urlencoded::parse(form.as_bytes()).map(|(_, value)| value.into_owned()).next().unwrap_or_default()
}

impl Arrival {
    /// Where in the tree below `prefix` the object is, if it is there.
    fn below<'a>(&'a self, prefix: &str) -> Option<&'a str> {
        match prefix.trim_matches('/') {
            "" => Some(&self.key),
            prefix => self.key.strip_prefix(prefix)?.strip_prefix('/'),
        }
    }

    /// Says whether it is mail or a command for the organisation at `prefix`.
    #[must_use]
    pub fn is_for(&self, prefix: &str) -> bool {
        self.below(prefix).is_some_and(|path| matches!(Key::parse(path), Some(Key::Mail(_) | Key::Control(_))))
    }

    /// The name of the organisation directly below `prefix` for which it is mail or a command.
    #[must_use]
    pub fn organisation_below(&self, prefix: &str) -> Option<&str> {
        let (name, path) = self.below(prefix)?.split_once('/')?;
        matches!(Key::parse(path), Some(Key::Mail(_) | Key::Control(_))).then_some(name)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: &str = "2026-11-25T17:31:00.000Z";

    fn read_now(event: &Value) -> Result<Asked, EventError> {
        read(event, Timestamp::try_from(NOW.to_owned()).expect("a time"))
    }

    fn slot(time: &str) -> Trigger {
        Trigger::Slot { time: Timestamp::try_from(time.to_owned()).expect(time) }
    }

    fn tick(trigger: Trigger) -> Asked {
        Asked::Tick(Errand { trigger, organisation: None, continuation: 0 })
    }

    #[test]
    fn schedulers_ask_for_the_slot_of_their_own_time() {
        for source in ["aws.scheduler", "aws.events"] {
            let event = json!({
                "version": "0", "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa", "detail-type": "Scheduled Event",
                "source": source, "account": "123456789012", "time": "2026-11-25T17:30:00Z",
                "region": "eu-central-1", "resources": ["arn:aws:events:eu-central-1:123456789012:rule/r"],
                "detail": {}
            });
            assert_eq!(read_now(&event), Ok(tick(slot("2026-11-25T17:30:00.000Z"))), "{source}");
        }
        let error = read_now(&json!({ "source": "aws.events", "time": "soon" })).expect_err("no time");
        assert!(error.to_string().starts_with("/time: \"soon\" is no time"), "{error}");
    }

    #[test]
    fn direct_invocations_say_what_they_want() {
        assert_eq!(read_now(&json!({})), Ok(tick(Trigger::Invocation)));
        assert_eq!(read_now(&Value::Null), Ok(tick(Trigger::Invocation)));
        assert_eq!(read_now(&json!({ "trigger": "tick" })), Ok(tick(Trigger::Invocation)));
        assert_eq!(read_now(&json!({ "trigger": "scheduled" })), Ok(tick(slot(NOW))));
        let named = vec!["editor".parse().expect("a name")];
        assert_eq!(
            read_now(&json!({ "trigger": "wake", "agents": ["editor"], "organisation": "desk" })),
            Ok(Asked::Tick(Errand {
                trigger: Trigger::Wake { named },
                organisation: Some("desk".to_owned()),
                continuation: 0
            }))
        );
    }

    #[test]
    fn an_event_that_nobody_knows_says_what_would_be_right() {
        for event in [
            json!({ "tigger": "tick" }),
            json!({ "trigger": "chat" }),
            json!({ "trigger": "wake", "agents": ["No Name"] }),
            json!({ "trigger": "scheduled", "time": "noon" }),
            json!({ "trigger": "tick", "time": "2026-11-25T17:30:00Z" }),
            json!({ "trigger": "tick", "agents": ["editor"] }),
            json!({ "source": "aws.sqs" }),
            json!({ "Records": [{ "eventSource": "aws:sqs", "body": "{}" }] }),
            json!({ "Records": [{ "eventSource": "aws:s3", "s3": {} }] }),
            json!({ "source": "aws.events" }),
            json!([1]),
            json!(["tick"]),
            json!("tick"),
        ] {
            assert!(read_now(&event).is_err(), "{event}");
        }
        let error = read_now(&json!({ "trigger": "scheduled", "time": "noon" })).expect_err("no time");
        assert!(error.to_string().starts_with("`time`: \"noon\" is no time"), "{error}");
    }

    fn notification(key: &str) -> Value {
        json!({ "Records": [{
            "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "eu-central-1",
            "eventTime": "2026-11-25T17:30:00.000Z", "eventName": "ObjectCreated:Put",
            "s3": { "s3SchemaVersion": "1.0", "configurationId": "wake", "bucket": { "name": "desks" },
                "object": { "key": key, "size": 312, "eTag": "d41d8cd9", "sequencer": "0A1B" } }
        }] })
    }

    #[test]
    fn mail_that_arrived_is_told_from_all_else() {
        let name = "019aaf41-9d4c-7b52-8a3e-000000000001";
        let arrival = |key: &str| match read_now(&notification(key)) {
            Ok(Asked::Arrived(mut arrived)) => arrived.remove(0),
            other => panic!("{other:?}"),
        };
        let mail = arrival(&format!("orgs/desk+1/ingress/mail/{name}.json"));
        assert_eq!(mail.bucket, "desks");
        assert_eq!(mail.key, format!("orgs/desk 1/ingress/mail/{name}.json"), "a form's + is a space");
        assert!(mail.is_for("orgs/desk 1") && mail.is_for("/orgs/desk 1/"));
        assert!(!mail.is_for("orgs/desk") && !mail.is_for("") && !mail.is_for("orgs/desk 1/ingress"));
        assert_eq!(mail.organisation_below("orgs"), Some("desk 1"));
        assert_eq!(mail.organisation_below(""), None);
        assert!(arrival(&format!("ingress%2Fcontrol%2F{name}.json")).is_for(""));
        for other in
            ["ingress/mail/x/y.json", "ingress/x.json", "ticks/000000000001/plan.json", "ingress/mail/", "a=b&c"]
        {
            assert!(!arrival(other).is_for(""), "{other}");
        }
        assert_eq!(arrival("a=b&c%26d").key, "a=b&c&d");
    }

    #[test]
    fn s3_may_speak_through_eventbridge_and_when_it_is_set_up() {
        let event = |kind: &str| {
            json!({ "source": "aws.s3", "detail-type": kind, "time": "2026-11-25T17:30:00Z",
                "detail": { "bucket": { "name": "desks" }, "object": { "key": "a+b/ingress/mail/1.json" } } })
        };
        let arrived = Arrival { bucket: "desks".to_owned(), key: "a+b/ingress/mail/1.json".to_owned() };
        assert_eq!(read_now(&event("Object Created")), Ok(Asked::Arrived(vec![arrived])));
        assert_eq!(read_now(&event("Object Deleted")), Ok(Asked::Arrived(Vec::new())));
        let test = json!({ "Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "desks" });
        assert_eq!(read_now(&test), Ok(Asked::Test));
    }

    #[test]
    fn what_a_function_sends_itself_asks_for_the_same_again() {
        let named = vec!["editor".parse().expect("a name")];
        for trigger in [Trigger::Invocation, slot(NOW), Trigger::Wake { named }] {
            let errand = Errand { trigger, organisation: Some("desk".to_owned()), continuation: 3 };
            let again = Errand { continuation: 4, ..errand.clone() };
            assert_eq!(read_now(&errand.continued(false)), Ok(Asked::Tick(again)));
        }
    }

    #[test]
    fn agents_that_were_named_are_not_named_again_once_their_tick_has_begun() {
        let named = vec!["editor".parse().expect("a name")];
        let errand = Errand { trigger: Trigger::Wake { named }, organisation: None, continuation: 0 };
        let again = Errand { trigger: Trigger::Wake { named: Vec::new() }, organisation: None, continuation: 1 };
        assert_eq!(read_now(&errand.continued(true)), Ok(Asked::Tick(again)));
    }
}
