//! The agents of the original: their resumes and what their accounts held.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};

use super::settings::{accounts, amount};
use super::{Draft, Options};
use crate::domain::name::{AgentName, TEMPLATE};
use crate::domain::resume::Resume;
use crate::edit;
use crate::store::{Key, Store, StoreError};

/// The agents that come along, with their resumes as they were.
pub(super) type Staff = BTreeMap<AgentName, Resume>;

/// Takes the resumes over; whoever cannot come along is left out, with the reason.
pub(super) async fn hire(
    source: &Store,
    listed: &[(String, u64)],
    credits: &Value,
    options: &Options,
    draft: &mut Draft,
) -> Result<Staff, StoreError> {
    let mut staff = Staff::new();
    let mut moved = Vec::new();
    for (path, _) in listed {
        let parts: Vec<&str> = path.split('/').collect();
        let ["agents", folder, "resume.json"] = parts.as_slice() else { continue };
        if *folder == TEMPLATE {
            draft.leave(path, "is a template, and no agent: `lemming agents new` makes agents here");
            continue;
        }
        let Some(bytes) = source.get_path(path).await? else { continue };
        let read = AgentName::new(folder).map_err(|error| error.to_string()).and_then(|name| {
            Resume::parse(&bytes, &name).map(|resume| (name, resume)).map_err(|error| error.to_string())
        });
        let (name, resume) = match read {
            Ok(read) => read,
            Err(error) => {
                draft.leave(path, error);
                continue;
            }
        };
        if !draft.done.models.contains(&resume.model.key) {
            draft.leave(path, format!("thinks with {}, a model that could not come along", resume.model.key));
            continue;
        }
        let account = accounts(credits).find(|(known, _)| known.as_str() == name.as_str()).map(|(_, account)| account);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        match resume_here(text, &resume, account, options, draft.done.tick) {
            Ok((text, is_moved)) => {
                if is_moved {
                    moved.push(name.to_string());
                }
                draft.written.insert(Key::Resume(name.clone()), Bytes::from(text));
                staff.insert(name, resume);
            }
            Err(error) => draft.leave(path, error.to_string()),
        }
    }
    for (name, _) in accounts(credits).filter(|(name, _)| !staff.keys().any(|known| known.as_str() == name.as_str())) {
        draft.leave(format!("lemming/config/credits.json#/{name}"), "is of no agent that came along");
    }
    if !moved.is_empty() {
        draft.note(format!(
            "ticks are counted from 1 here, and the original had come to {}: the phase offsets of {} were moved by that, so that \
             the first tick here does what the next one would have done there{}",
            draft.done.tick,
            moved.join(", "),
            if options.negate_offsets { ", as its code went" } else { ", as its rule says" }
        ));
    }
    signs(&staff, options, draft);
    Ok(staff)
}

/// The rule and the code of the original disagreed about the sign of an offset: told where it matters.
fn signs(staff: &Staff, options: &Options, draft: &mut Draft) {
    let differs = |resume: &&Resume| {
        let period = i128::from(resume.schedule.run_every_n_ticks.get());
        (i128::from(resume.schedule.phase_offset) * 2).rem_euclid(period) != 0
    };
    let names: Vec<&str> = staff.values().filter(differs).map(|resume| resume.name.as_str()).collect();
    if !names.is_empty() && !options.negate_offsets {
        draft.note(format!(
            "the rule of the original is (tick + offset) % N == 0, and its code had the opposite sign: {} run by the rule \
             here; --negate-offsets has them run when the code did",
            names.join(", ")
        ));
    }
}

/// A resume in the organisation, its layout kept; whether its offset was moved.
fn resume_here(
    mut text: String,
    resume: &Resume,
    account: Option<&serde_json::Map<String, Value>>,
    options: &Options,
    tick: u64,
) -> Result<(String, bool), edit::EditError> {
    let schedule = &resume.schedule;
    let period = i128::from(schedule.run_every_n_ticks.get());
    let sign = if options.negate_offsets { -1 } else { 1 };
    let meant = i128::from(schedule.phase_offset) * sign;
    // The next tick there, tick + 1, is clock 1 here.
    let offset = (meant + i128::from(tick)).rem_euclid(period);
    let is_moved = offset != i128::from(schedule.phase_offset).rem_euclid(period);
    if is_moved {
        text = edit::set(&text, &["schedule", "phase_offset"], &json!(i64::try_from(offset).unwrap_or(0)))?;
    }
    let Some(account) = account else { return Ok((text, is_moved)) };
    let max = amount(account.get("max_credits")).unwrap_or(resume.credits.max_credits);
    let cap = amount(account.get("soft_cap")).unwrap_or(resume.credits.soft_cap);
    if max != resume.credits.max_credits {
        text = edit::set(&text, &["credits", "max_credits"], &json!(max))?;
    }
    if cap != resume.credits.soft_cap {
        text = edit::set(&text, &["credits", "soft_cap"], &json!(cap))?;
    }
    match amount(account.get("credits_left")) {
        Some(left) if left < max => text = edit::set(&text, &["credits", "opening_credits"], &json!(left))?,
        _ => {}
    }
    Ok((text, is_moved))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Clock;
    use proptest::prelude::*;

    fn resume(period: u64, offset: i64) -> (String, Resume) {
        let text = format!(
            r#"{{"name": "ada", "title": "A", "short_description": "a", "instructions": "", "model": {{"key": "m"}},
                "schedule": {{"run_every_n_ticks": {period}, "phase_offset": {offset}}}}}"#
        );
        let resume = Resume::parse(text.as_bytes(), &AgentName::new("ada").expect("name")).expect("resume");
        (text, resume)
    }

    proptest! {
        #[test]
        fn the_next_ticks_here_do_what_the_next_ones_there_would_have_done(
            period in 1_u64..20, offset in -50_i64..50, tick in 0_u64..200, negate: bool,
        ) {
            let (text, before) = resume(period, offset);
            let options = Options { name: String::new(), negate_offsets: negate };
            let (text, _) = resume_here(text, &before, None, &options, tick).expect("an edit");
            let after = Resume::parse(text.as_bytes(), &before.name).expect("a resume");
            for step in 1..=30_i64 {
                let there = i64::try_from(tick).expect("small") + step;
                // The original's code, or its rule.
                let signed = if negate { there - offset } else { there + offset };
                let fires = signed.rem_euclid(i64::try_from(period).expect("small")) == 0;
                prop_assert_eq!(after.schedule.fires_at(Clock(step)), fires, "tick {}", there);
            }
        }
    }
}
