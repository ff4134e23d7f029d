//! What a scheduler says of when, and a person of which part, as texts.

use std::num::NonZeroU32;

use crate::domain::time::Timestamp;
use crate::engine::Part;

/// The moment that a scheduler meant: RFC 3339, or the name of a Job that a Kubernetes CronJob made.
///
/// A CronJob names its Jobs `<its own name>-<minutes since 1970>`, of the time that was scheduled, not of the start
/// (`getJobName` in Kubernetes' `pkg/controller/cronjob`). The label `batch.kubernetes.io/job-name` of a pod has it.
///
/// # Errors
/// It is neither.
pub fn scheduled_time(text: &str) -> Result<Timestamp, String> {
    if let Ok(time) = Timestamp::try_from(text.to_owned()) {
        return Ok(time);
    }
    let minutes = text.rsplit_once('-').and_then(|(_, minutes)| minutes.parse::<u32>().ok());
    // Before 2001 it was a number of something else.
    match minutes.filter(|minutes| *minutes > 16_305_120) {
        Some(minutes) => Ok(Timestamp::from_unix_ms(i64::from(minutes) * 60_000)),
        None => Err(format!(
            "{:?} is no time such as 2026-11-25T17:30:00Z, and no Job of a CronJob such as tick-29932890",
            text.chars().take(60).collect::<String>()
        )),
    }
}

/// The part of a tick's shards that `text` names: `INDEX/COUNT`, from 0.
///
/// # Errors
/// It is no such thing.
pub fn part(text: &str) -> Result<Part, String> {
    let parsed = text.split_once('/').and_then(|(index, count)| {
        let (index, count) = (index.trim().parse().ok()?, count.trim().parse::<NonZeroU32>().ok()?);
        (index < count.get()).then_some(Part { index, count })
    });
    parsed.ok_or_else(|| {
        let text: String = text.chars().take(40).collect();
        format!("{text:?} is no part: it must be INDEX/COUNT with INDEX from 0 and below COUNT, such as 0/8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheduled_time_is_a_time_or_the_name_of_a_job() {
        for (text, shown) in [
            ("2026-11-25T17:30:00Z", "2026-11-25T17:30:00.000Z"),
            ("2026-11-25T18:30:00+01:00", "2026-11-25T17:30:00.000Z"),
            ("tick-29932890", "2026-11-29T17:30:00.000Z"),
            ("desk-of-7-29932890", "2026-11-29T17:30:00.000Z"),
        ] {
            assert_eq!(scheduled_time(text).expect(text).to_string(), shown);
        }
        for wrong in ["", "now", "tick", "tick-", "tick-5", "tick-abc", "29932890", "tick-99999999999", "$(JOB_NAME)"] {
            let error = scheduled_time(wrong).expect_err(wrong);
            assert!(error.contains("2026-11-25T17:30:00Z"), "{error}");
        }
    }

    #[test]
    fn a_part_is_one_of_so_many() {
        assert_eq!(part("0/1"), Ok(Part { index: 0, count: NonZeroU32::MIN }));
        assert_eq!(part("7/8").expect("part").index, 7);
        for wrong in ["", "1", "8/8", "-1/8", "0/0", "a/b", "1/2/3"] {
            assert!(part(wrong).is_err(), "{wrong}");
        }
    }
}
