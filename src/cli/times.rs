//! Times as people read them: in the zone of their machine, or in UTC. JSON has UTC, in RFC 3339, always.

use jiff::tz::TimeZone;

use crate::config::Environment;
use crate::domain::time::Timestamp;

/// How times are shown.
#[derive(Debug, Clone)]
pub struct Times(TimeZone);

impl Times {
    /// In UTC.
    #[must_use]
    pub fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// In the zone that the variable TZ names, or else the machine; in UTC where neither is known.
    #[must_use]
    pub fn local(environment: &Environment) -> Self {
        let zone = match environment.var("TZ") {
            Some(name) => named(name),
            None => TimeZone::try_system().ok(),
        };
        Self(zone.unwrap_or(TimeZone::UTC))
    }

    /// A moment to the second, with its zone: `2026-11-22 21:43:07 +01:00`, or `2026-11-22 20:43:07 UTC`.
    #[must_use]
    pub fn shown(&self, time: Timestamp) -> String {
        let Ok(moment) = jiff::Timestamp::from_millisecond(time.unix_ms()) else { return time.to_string() };
        let local = moment.to_zoned_datetime(self.0.clone());
        let format = if local.offset().is_zero() { "%Y-%m-%d %H:%M:%S UTC" } else { "%Y-%m-%d %H:%M:%S %:z" };
        local.strftime(format).to_string()
    }

    /// The day and the minute of a moment, where the zone is told elsewhere or does not matter: `2026-11-22 21:43`.
    #[must_use]
    pub fn day(&self, time: Timestamp) -> String {
        let Ok(moment) = jiff::Timestamp::from_millisecond(time.unix_ms()) else { return time.to_string() };
        moment.to_zoned_datetime(self.0.clone()).strftime("%Y-%m-%d %H:%M").to_string()
    }
}

/// A zone as TZ names it: `Europe/Berlin`, `:Europe/Berlin`, or a rule such as `CET-1CEST,M3.5.0,M10.5.0/3`.
fn named(name: &str) -> Option<TimeZone> {
    let bare = name.strip_prefix(':').unwrap_or(name);
    if bare.starts_with('/') {
        let rules = std::fs::read(bare).ok()?;
        return TimeZone::tzif(bare, &rules).ok();
    }
    TimeZone::get(bare).or_else(|_| TimeZone::posix(name)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(tz: &str, time: &str) -> String {
        let environment = Environment::new(["lemming"], [("TZ".to_owned(), tz.to_owned())]);
        Times::local(&environment).shown(Timestamp::try_from(time.to_owned()).expect("a time"))
    }

    #[test]
    fn a_time_is_shown_in_the_zone_of_the_machine_with_its_distance_from_utc() {
        let rule = "CET-1CEST,M3.5.0,M10.5.0/3";
        for (tz, time, shown) in [
            (rule, "2026-11-22T20:43:07.123Z", "2026-11-22 21:43:07 +01:00"),
            (rule, "2026-07-01T23:30:00.000Z", "2026-07-02 01:30:00 +02:00"),
            ("EST5", "2026-01-01T00:00:00.000Z", "2025-12-31 19:00:00 -05:00"),
            ("<+0545>-5:45", "2026-01-01T00:00:00.000Z", "2026-01-01 05:45:00 +05:45"),
            ("UTC", "2026-11-22T20:43:07.000Z", "2026-11-22 20:43:07 UTC"),
            ("Nowhere/Atall", "2026-11-22T20:43:07.000Z", "2026-11-22 20:43:07 UTC"),
            (":/no/such/file", "2026-11-22T20:43:07.000Z", "2026-11-22 20:43:07 UTC"),
        ] {
            assert_eq!(at(tz, time), shown, "{tz} {time}");
        }
    }

    #[test]
    fn utc_is_shown_as_such() {
        let time = Timestamp::from_unix_ms(0);
        assert_eq!(Times::utc().shown(time), "1970-01-01 00:00:00 UTC");
    }
}
