//! The metrics that rules, panels and documents name, against those that there are.

use std::collections::BTreeSet;

use lemming::metrics::catalogue::{ALL, Sort};
use serde_json::Value;

const RULES: &str = include_str!("../../infra/prometheus/lemming.rules.yaml");
const DASHBOARD: &str = include_str!("../../infra/grafana/lemming.json");
const DOCUMENT: &str = include_str!("../../docs/OPERATIONS.md");

/// Every name that a query may ask for.
fn known() -> BTreeSet<String> {
    let suffixes = |sort| match sort {
        Sort::Histogram => ["_bucket", "_sum", "_count"].as_slice(),
        Sort::Counter | Sort::Gauge => [""].as_slice(),
    };
    ALL.iter()
        .flat_map(|metric| suffixes(metric.sort).iter().map(|suffix| format!("{}{suffix}", metric.name())))
        .collect()
}

/// The names of metrics in a text.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("lemming_")).map(str::to_owned).collect()
}

/// The queries of all panels and variables.
fn queries(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), value) {
                    ("expr" | "definition" | "query", Value::String(query)) => found.push(query.clone()),
                    _ => queries(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| queries(value, found)),
        _ => {}
    }
}

#[test]
fn rules_and_panels_name_metrics_that_there_are() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).expect("json");
    let mut asked = Vec::new();
    queries(&dashboard, &mut asked);
    assert!(asked.len() > 20, "{} queries", asked.len());
    let expressions: Vec<&str> = RULES.lines().filter_map(|line| line.trim().strip_prefix("expr: ")).collect();
    assert!(expressions.len() > 10, "{} rules", expressions.len());
    let known = known();
    for query in asked.iter().map(String::as_str).chain(expressions) {
        for name in named(query) {
            assert!(known.contains(&name), "{name}, in {query}");
        }
    }
}

#[test]
fn every_metric_is_shown_by_a_panel_or_watched_by_a_rule() {
    let shown: BTreeSet<String> = named(DASHBOARD).into_iter().chain(named(RULES)).collect();
    for metric in ALL {
        let name = metric.name();
        let is_shown =
            shown.iter().any(|shown| *shown == name || shown.strip_prefix(&name).is_some_and(|rest| rest == "_bucket"));
        assert!(is_shown, "{name}");
    }
}

#[test]
fn the_document_has_each_metric_with_its_sort_and_its_labels() {
    for metric in ALL {
        let name = metric.name();
        let sort = match metric.sort {
            Sort::Counter => "counter",
            Sort::Gauge => "gauge",
            Sort::Histogram => "histogram",
        };
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let line = format!("| `{name}` | {sort} | {} | {} |", labels.join(", "), metric.help);
        assert!(DOCUMENT.lines().any(|found| found == line), "there is no line\n{line}");
    }
    let known = known();
    for line in DOCUMENT.lines().filter(|line| line.starts_with("| `lemming_")) {
        for name in named(line.split('|').nth(1).unwrap_or_default()) {
            assert!(known.contains(&name) || known.contains(&format!("{name}_bucket")), "{name}");
        }
    }
}

/// `infra/check.sh prometheus` has it checked by Prometheus's own tool.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test may ask")]
fn the_example_of_all_metrics_is_what_the_program_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/infra/check/metrics.txt");
    // The version in it is none of a release.
    let example = lemming::metrics::example().plain;
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &example).expect("written");
    }
    assert_eq!(std::fs::read_to_string(path).expect("a file"), example, "UPDATE_GOLDEN=1 writes it");
}
