//! Logs on standard error: JSON lines for machines, short lines for people.
//!
//! A JSON line has `timestamp`, `level`, `logger`, `event` and `message`, and the fields of the
//! event and of the spans around it beside them (`agent`, `tick`, `duration_ms`, `reason`,
//! `error` and so on). `event` is a stable word that the event itself gives.
//!
//! Beside them, where the environment says so, traces ([`traces`]), which are made of [`spans`].
//!
//! Never logged: prompts, answers, payloads of messages, memories, credentials, and the values of
//! environment variables. What a model may have written is cleaned of control characters.

pub mod spans;
pub mod traces;

use std::fmt;
use std::io::Write as _;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{EnvFilter, LevelFilter, filter_fn};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

use self::traces::{Traces, TracesError};
use crate::clean::clean;
use crate::clock::{Clock as _, SystemClock};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// Short lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging for the rest of the process; a second call changes nothing.
///
/// `verbosity` counts `-v`. `filter` (from `LEMMING_LOG`) is `info` or `lemming::store=debug`, and
/// so on; one that cannot be read is ignored. `traces` get the spans of traces, whatever is logged.
pub fn start(format: LogFormat, verbosity: u8, filter: Option<&str>, traces: Option<&Traces>) {
    let level = match (format, verbosity) {
        (LogFormat::Text, 0) => LevelFilter::WARN,
        (LogFormat::Text, 1) | (LogFormat::Json, 0) => LevelFilter::INFO,
        (LogFormat::Text, 2) | (LogFormat::Json, 1) => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    // Dependencies log requests with their addresses: only when asked for by name.
    let default = || EnvFilter::new(format!("warn,lemming={level}"));
    let filter = filter.and_then(|filter| EnvFilter::try_new(filter).ok()).unwrap_or_else(default);
    // These show headers, answers and commands, that is, keys, whoever asks; what aws_config warns of is in our own error.
    let filter = ["aws=warn", "aws_config=off", "genai=warn", "h2=warn", "hyper=warn"]
        .into_iter()
        .filter_map(|directive| directive.parse().ok())
        .fold(filter, EnvFilter::add_directive);
    let lines = Lines { format };
    let _ = match traces {
        // Nothing is asked of spans that nobody collects.
        None => tracing_subscriber::registry().with(filter).with(lines).try_init(),
        Some(traces) => {
            let collected = tracing_opentelemetry::layer()
                .with_tracer(traces.tracer())
                .with_location(false)
                .with_threads(false)
                .with_target(false)
                .with_tracked_inactivity(false)
                // Never events: what they say of errors may quote a model.
                .with_filter(filter_fn(|metadata| metadata.is_span() && metadata.target() == spans::TARGET));
            tracing_subscriber::registry().with(lines.with_filter(filter)).with(collected).try_init()
        }
    };
}

/// Says why there are no traces, though the environment asks for them.
pub fn without_traces(error: &TracesError) -> Option<Traces> {
    tracing::warn!(event = "no_traces", error = crate::causes::causes(error).join(": "), "traces are not collected");
    None
}

struct Lines {
    format: LogFormat,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flat_map(tracing_subscriber::registry::Scope::from_root) {
            if let Some(outer) = span.extensions().get::<Fields>() {
                fields.0.extend(outer.0.clone());
            }
        }
        event.record(&mut fields);
        let line = match self.format {
            LogFormat::Json => json_line(event, fields.0),
            LogFormat::Text => text_line(*event.metadata().level(), fields.0),
        };
        // A log that cannot be written is no reason to stop.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }
}

fn json_line(event: &Event<'_>, mut fields: Map<String, Value>) -> String {
    let metadata = event.metadata();
    fields.insert("timestamp".to_owned(), SystemClock.now().to_string().into());
    fields.insert("level".to_owned(), level_name(*metadata.level()).into());
    fields.insert("logger".to_owned(), metadata.target().replace("::", ".").into());
    fields.entry("event").or_insert_with(|| "log".into());
    fields.entry("message").or_insert_with(|| "".into());
    // The five that every line has come first, the rest by name.
    let first = ["timestamp", "level", "logger", "event", "message"];
    let mut line = String::from("{");
    let head = first.iter().filter_map(|name| fields.remove_entry(*name)).collect::<Vec<_>>();
    for (i, (name, value)) in head.into_iter().chain(fields).enumerate() {
        let comma = if i > 0 { "," } else { "" };
        line.push_str(&format!("{comma}{}:{value}", Value::from(name)));
    }
    line.push_str("}\n");
    line
}

fn text_line(level: Level, mut fields: Map<String, Value>) -> String {
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let message = fields.remove("message").map(text).unwrap_or_default();
    fields.remove("event");
    let fields: String = fields.into_iter().map(|(name, value)| format!(" {name}={}", text(value))).collect();
    let line = format!("{}: {message}{fields}", level_name(level));
    format!("{}\n", clean(&line).replace('\n', " "))
}

const fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warning",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

/// The fields of an event or a span, as JSON.
#[derive(Debug, Default)]
struct Fields(Map<String, Value>);

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.0.insert(field.name().to_owned(), crate::causes::causes(value).join(": ").into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let (name, text) = (field.name(), format!("{value:?}"));
        self.0.insert(name.to_owned(), amount(name, &text).unwrap_or_else(|| text.into()));
    }
}

/// An amount of credits as a number, as whoever adds up what a log says needs it. To the digit it is in the records.
fn amount(name: &str, text: &str) -> Option<Value> {
    let is_amount = name.starts_with("credits_") || name.ends_with("_credits");
    is_amount.then(|| text.parse::<f64>().ok().map(Value::from)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_numbers_and_nothing_else_becomes_one() {
        assert_eq!(amount("cost_credits", "0.001929"), Some(Value::from(0.001_929)));
        assert_eq!(amount("credits_left", "100.00"), Some(Value::from(100.0)));
        assert_eq!(amount("credits_left", "none"), None);
        assert_eq!(amount("agent", "7"), None);
    }
}
