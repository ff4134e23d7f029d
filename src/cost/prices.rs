//! The dated table of what stores, functions, schedules and logs cost: `prices.json` beside this file.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::credits::Credits;

const TABLE: &str = include_str!("prices.json");

/// Where a price is from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// What is sold.
    pub name: String,
    /// Where.
    pub region: String,
    /// The day for which the price was last seen quoted.
    pub as_of: String,
    /// The vendor's page.
    pub source: String,
}

/// What a store costs, in dollars.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorePrices {
    /// Where the prices are from.
    #[serde(flatten)]
    pub source: Source,
    /// A million writes.
    pub write_per_million: Credits,
    /// A million pages of listings.
    pub list_per_million: Credits,
    /// A million reads.
    pub read_per_million: Credits,
    /// A gigabyte kept for a month.
    pub gb_month: Credits,
    /// Writes and listings that are free each month.
    #[serde(default)]
    pub free_writes_and_lists: u64,
    /// Reads that are free each month.
    #[serde(default)]
    pub free_reads: u64,
    /// Gigabytes that are free.
    #[serde(default)]
    pub free_gb_months: u64,
}

/// What functions cost, in dollars.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LambdaPrices {
    /// Where the prices are from.
    #[serde(flatten)]
    pub source: Source,
    /// A million invocations.
    pub requests_per_million: Credits,
    /// A million seconds with a gigabyte of memory on arm64.
    pub arm64_per_million_gb_seconds: Credits,
    /// The same on x86-64.
    pub x86_64_per_million_gb_seconds: Credits,
    /// Invocations that are free each month.
    pub free_requests: u64,
    /// Seconds with a gigabyte that are free each month.
    pub free_gb_seconds: u64,
}

/// What a schedule costs, in dollars.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchedulerPrices {
    /// Where the prices are from.
    #[serde(flatten)]
    pub source: Source,
    /// A million times that it fires.
    pub invocations_per_million: Credits,
    /// Times that are free each month.
    pub free_invocations: u64,
}

/// What logs cost, in dollars.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPrices {
    /// Where the prices are from.
    #[serde(flatten)]
    pub source: Source,
    /// A gigabyte taken in.
    pub gb_in: Credits,
    /// A gigabyte kept for a month.
    pub gb_month: Credits,
    /// Gigabytes taken in that are free each month.
    pub free_gb: u64,
}

/// The whole table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// What is to be known of all.
    pub notes: Vec<String>,
    /// The stores.
    pub stores: BTreeMap<Vendor, StorePrices>,
    /// Functions.
    pub lambda: LambdaPrices,
    /// A schedule.
    pub scheduler: SchedulerPrices,
    /// Logs.
    pub logs: LogPrices,
}

/// Whose store it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum Vendor {
    /// Amazon S3, with Lambda, EventBridge Scheduler and CloudWatch Logs
    Aws,
    /// Google Cloud Storage
    Gcs,
    /// Azure Blob Storage
    Azure,
    /// Cloudflare R2
    R2,
}

impl Vendor {
    /// The vendor of the store that a URL names; `None` of a folder, of memory, and of a server of one's own.
    #[must_use]
    pub fn of(url: &str) -> Option<Self> {
        let url = url.to_ascii_lowercase();
        let (scheme, rest) = url.split_once("://")?;
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        match scheme {
            _ if url.contains(".r2.cloudflarestorage.com") => Some(Self::R2),
            "s3" | "s3a" if !rest.contains("endpoint=") => Some(Self::Aws),
            "gs" => Some(Self::Gcs),
            "az" | "adl" | "azure" | "abfs" | "abfss" => Some(Self::Azure),
            "https" if host.ends_with(".amazonaws.com") => Some(Self::Aws),
            "https" if host.ends_with(".blob.core.windows.net") || host.ends_with(".dfs.core.windows.net") => {
                Some(Self::Azure)
            }
            _ => None,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} (as of {})", self.name, self.region, self.as_of)
    }
}

/// The table that comes with the program.
///
/// # Panics
/// Never: a test reads it.
#[must_use]
pub fn table() -> Prices {
    serde_json::from_str(TABLE).unwrap_or_else(|error| unreachable!("prices.json: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_price_is_dated_sourced_and_not_free() {
        let table = table();
        assert_eq!(table.stores.len(), 4);
        let mut sources = vec![&table.lambda.source, &table.scheduler.source, &table.logs.source];
        for store in table.stores.values() {
            sources.push(&store.source);
            for price in [store.write_per_million, store.list_per_million, store.read_per_million, store.gb_month] {
                assert!(!price.is_zero(), "{}", store.source.name);
            }
            assert!(store.read_per_million < store.write_per_million, "{}", store.source.name);
        }
        for Source { name, region, as_of, source } in sources {
            let is_day = as_of.len() == 10 && as_of.starts_with("202") && as_of.matches('-').count() == 2;
            assert!(!region.is_empty() && is_day && source.starts_with("https://"), "{name}: {as_of}, {source}");
        }
        assert!(table.lambda.arm64_per_million_gb_seconds < table.lambda.x86_64_per_million_gb_seconds);
    }

    #[test]
    fn the_url_of_a_store_tells_whose_it_is() {
        for (url, vendor) in [
            ("s3://bucket/org", Some(Vendor::Aws)),
            ("s3://bucket/org?endpoint=http://127.0.0.1:9000", None),
            ("s3://bucket?endpoint=https://0123.r2.cloudflarestorage.com", Some(Vendor::R2)),
            ("https://0123.r2.cloudflarestorage.com/bucket", Some(Vendor::R2)),
            ("https://bucket.s3.eu-west-1.amazonaws.com/org", Some(Vendor::Aws)),
            ("gs://bucket", Some(Vendor::Gcs)),
            ("az://container/org", Some(Vendor::Azure)),
            ("https://account.blob.core.windows.net/container", Some(Vendor::Azure)),
            ("./desk", None),
            ("memory://", None),
            ("file:///srv/desk", None),
        ] {
            assert_eq!(Vendor::of(url), vendor, "{url}");
        }
    }
}
