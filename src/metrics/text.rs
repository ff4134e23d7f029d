//! Samples, and the text that they become: as OpenMetrics has it, and as Prometheus had it before.

use std::collections::BTreeMap;
use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, prometheus_text, text};
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::Registry;

use super::catalogue::{ALL, Metric, Sort};

/// The values of labels, in the order of the metric's.
pub(super) type Values = Vec<String>;

/// What a sample says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Sample {
    /// A whole number.
    Whole(u64),
    /// Any number, such as of credits or seconds.
    Real(f64),
    /// How many were no larger than each bound, and their sum.
    Spread(Spread),
}

/// A histogram: numbers of seconds, by bounds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spread {
    bounds: &'static [f64],
    /// One more than bounds: the last is for what is beyond them.
    counts: Vec<u64>,
    sum_ms: u64,
}

impl Spread {
    pub(super) fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, counts: vec![0; bounds.len() + 1], sum_ms: 0 }
    }

    pub(super) fn add_ms(&mut self, ms: u64) {
        let seconds = seconds(ms);
        let at = self.bounds.partition_point(|bound| *bound < seconds);
        if let Some(count) = self.counts.get_mut(at) {
            *count += 1;
        }
        self.sum_ms = self.sum_ms.saturating_add(ms);
    }
}

/// Milliseconds as seconds.
#[expect(clippy::cast_precision_loss, reason = "2^53 milliseconds are 285,000 years")]
pub(super) fn seconds(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}

/// The samples of one organisation, or of several.
#[derive(Debug, Clone, Default)]
pub(super) struct Samples(BTreeMap<&'static str, Vec<(Labels, Sample)>>);

/// Labels with their values.
type Labels = Vec<(&'static str, String)>;

impl Samples {
    /// Adds a sample. `values` are those of the labels of `metric`, in their order.
    pub(super) fn add(&mut self, metric: &'static Metric, org: Option<&str>, values: Values, sample: Sample) {
        let org = org.map(|org| ("org", org.to_owned()));
        let labels = org.into_iter().chain(metric.labels.iter().copied().zip(values)).collect();
        self.0.entry(metric.stem).or_default().push((labels, sample));
    }

    /// Adds those of another organisation.
    pub(super) fn extend(&mut self, others: Self) {
        for (stem, samples) in others.0 {
            self.0.entry(stem).or_default().extend(samples);
        }
    }
}

/// An answer in both of its forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposition {
    /// OpenMetrics 1.0.
    pub open_metrics: String,
    /// The text of Prometheus, version 0.0.4: for whoever does not ask for OpenMetrics.
    pub plain: String,
}

impl Exposition {
    /// The media type of OpenMetrics.
    pub const OPEN_METRICS: &'static str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    /// The media type of the older text.
    pub const PLAIN: &'static str = "text/plain; version=0.0.4; charset=utf-8";

    /// The text, and its media type, for a request with this `Accept`.
    #[must_use]
    pub fn for_accept(&self, accept: &str) -> (&str, &'static str) {
        match accept.contains("application/openmetrics-text") {
            true => (&self.open_metrics, Self::OPEN_METRICS),
            false => (&self.plain, Self::PLAIN),
        }
    }

    pub(super) fn of(samples: Samples) -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Snapshot(samples)));
        let (mut open_metrics, mut plain) = (String::new(), String::new());
        // Writing into a string cannot fail.
        let _ = text::encode(&mut open_metrics, &registry);
        let _ = prometheus_text::encode(&mut plain, &registry);
        Self { open_metrics, plain }
    }
}

/// Tells samples in the order of the catalogue.
#[derive(Debug)]
struct Snapshot(Samples);

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for metric in ALL {
            let Some(samples) = self.0.0.get(metric.stem) else { continue };
            let unit = metric.prometheus_unit();
            let mut family =
                encoder.encode_descriptor(metric.stem, metric.help, unit.as_ref(), metric.prometheus_type())?;
            for (labels, sample) in samples {
                let mut one = family.encode_family(labels)?;
                match (metric.sort, sample) {
                    (Sort::Counter, Sample::Whole(n)) => one.encode_counter(n, None::<&Exemplar<Labels, f64>>)?,
                    (Sort::Counter, Sample::Real(n)) => one.encode_counter(n, None::<&Exemplar<Labels, f64>>)?,
                    (_, Sample::Whole(n)) => one.encode_gauge(n)?,
                    (_, Sample::Real(n)) => one.encode_gauge(n)?,
                    (_, Sample::Spread(spread)) => {
                        let bounds = spread.bounds.iter().copied().chain([f64::INFINITY]);
                        let buckets: Vec<_> = bounds.zip(spread.counts.iter().copied()).collect();
                        let count = spread.counts.iter().sum();
                        one.encode_histogram::<Labels>(seconds(spread.sum_ms), count, &buckets, None)?;
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::catalogue::{MODEL_DURATION, TURNS};

    #[test]
    fn values_of_labels_cannot_end_their_line() {
        let mut samples = Samples::default();
        let hostile = "a\"} 1\nlemming_up 1\n# EOF\\";
        samples.add(&TURNS, Some(hostile), vec!["ok".to_owned()], Sample::Whole(3));
        let told = Exposition::of(samples);
        for text in [&told.open_metrics, &told.plain] {
            let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
            assert_eq!(lines.len(), 1, "{text}");
            assert!(lines[0].starts_with(r#"lemming_turns_total{org="a\"} 1\nlemming_up 1\n# EOF\\","#), "{text}");
        }
        assert!(told.open_metrics.ends_with("# EOF\n"));
        assert!(told.plain.contains("# TYPE lemming_turns_total counter\n"), "{}", told.plain);
    }

    #[test]
    fn a_histogram_counts_what_is_no_larger_than_each_bound() {
        let mut spread = Spread::new(&[0.5, 1.0]);
        for ms in [100, 500, 501, 70_000] {
            spread.add_ms(ms);
        }
        let mut samples = Samples::default();
        samples.add(&MODEL_DURATION, Some("desk"), vec!["fast".to_owned()], Sample::Spread(spread));
        let text = Exposition::of(samples).open_metrics;
        for line in [
            r#"lemming_model_call_duration_seconds_bucket{le="0.5",org="desk",model="fast"} 2"#,
            r#"lemming_model_call_duration_seconds_bucket{le="1.0",org="desk",model="fast"} 3"#,
            r#"lemming_model_call_duration_seconds_bucket{le="+Inf",org="desk",model="fast"} 4"#,
            r#"lemming_model_call_duration_seconds_count{org="desk",model="fast"} 4"#,
            r#"lemming_model_call_duration_seconds_sum{org="desk",model="fast"} 71.101"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }

    #[test]
    fn who_asks_for_open_metrics_gets_it() {
        let told = Exposition { open_metrics: "o".to_owned(), plain: "p".to_owned() };
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
        assert_eq!(told.for_accept(prometheus), ("o", Exposition::OPEN_METRICS));
        assert_eq!(told.for_accept("*/*"), ("p", Exposition::PLAIN));
        assert_eq!(told.for_accept(""), ("p", Exposition::PLAIN));
    }
}
