//! What the credentials may do with each kind of key, and what that is enough for.

use futures::future::join_all;

use super::probe::Probe;
use super::report::{Finding, May, Part, Permission, Report};
use crate::store::{Area, Key, Store, StoreError};

/// What a runner of ticks writes.
const OF_A_RUNNER: [Area; 9] = [
    Area::Probe,
    Area::Ticks,
    Area::Inputs,
    Area::Blobs,
    Area::Checkpoints,
    Area::Calls,
    Area::Deliveries,
    Area::Agents,
    Area::Shared,
];

/// What a runner of ticks deletes.
const DELETED_BY_A_RUNNER: [Area; 5] = [Area::Probe, Area::Agents, Area::Shared, Area::Mail, Area::Control];

/// Tries each kind of key. A prefix gets an object of ours; the two objects of which there is one each are created *again*,
/// with the bytes that are there: whoever may not write is refused before the store finds out that they exist. Where a
/// create again would write, they are left alone: somebody may be editing them.
pub(super) async fn all(store: &Store, probe: &Probe<'_>) -> Vec<Permission> {
    let mut all = join_all(Area::ALL.map(|area| async move { of_area(probe, area).await })).await;
    if refuses_a_second(probe).await {
        let singles = join_all([Key::Head, Key::Org].map(|key| async move { of_object(store, &key).await })).await;
        all.extend(singles.into_iter().flatten());
    }
    all
}

/// Says whether a create of what is there is refused; also where nothing may be created at all.
async fn refuses_a_second(probe: &Probe<'_>) -> bool {
    let key = probe.key(Area::Probe, "second");
    if let Err(error) = probe.create(&key, &probe.body("first")).await
        && !error.is_taken()
    {
        return error.is_denied();
    }
    let second = probe.create(&key, &probe.body("second")).await;
    let _ = probe.delete(&key).await;
    second.is_err_and(|error| error.is_taken())
}

async fn of_area(probe: &Probe<'_>, area: Area) -> Permission {
    let key = probe.key(area, "may");
    let write = match probe.create(&key, &probe.body("may")).await {
        // Nobody else has this name: an object that is there is ours.
        Ok(_) => May::Yes,
        Err(error) if error.is_taken() => May::Yes,
        Err(error) => refused(&error),
    };
    let delete = match write {
        May::Yes => probe.delete(&key).await.map_or_else(|error| refused(&error), |()| May::Yes),
        _ => May::Untried,
    };
    Permission { keys: format!("{}/", area.path()), area: Some(area), write, delete }
}

async fn of_object(store: &Store, key: &Key) -> Option<Permission> {
    let there = store.get(key).await.ok()??;
    let write = match store.create_once(key, there).await {
        Ok(_) => May::Yes,
        Err(error) if error.is_taken() => May::Yes,
        Err(error) => refused(&error),
    };
    Some(Permission { keys: key.path(), area: None, write, delete: May::Untried })
}

fn refused(error: &StoreError) -> May {
    if error.is_denied() { May::No } else { May::Failed(error.brief()) }
}

/// Says what the permissions are enough for, and where the promises can be tried.
pub(super) fn judge(permissions: &[Permission], may_read: bool, report: &mut Report) -> Option<Area> {
    const CHECK: &str = "permissions";
    let may = |area: Area| permissions.iter().find(|permission| permission.area == Some(area));
    let writes = |area: Area| may(area).is_some_and(|permission| permission.write == May::Yes);
    let deletes = |area: Area| may(area).is_some_and(|permission| permission.delete == May::Yes);
    for permission in permissions {
        if let May::Failed(error) = &permission.write {
            let check = format!("write {}", permission.keys);
            report.add(Finding::wrong(Part::Store, check, error, "check that the store is up, and try again"));
        }
    }
    let head = permissions.iter().find(|permission| permission.keys == Key::Head.path());
    if !Area::ALL.into_iter().any(writes) {
        if may_read && permissions.iter().all(|permission| matches!(permission.write, May::No)) {
            let found = "these credentials may read and not write: enough to look (status, logs, inbox, validate), not to run ticks";
            report.add(Finding::note(Part::Store, CHECK, found));
        } else if !may_read {
            let found = "these credentials may neither read nor write";
            let mend = "check the credentials, and who may read and write there";
            report.add(Finding::wrong(Part::Store, CHECK, found, mend));
        }
        return None;
    }
    if writes(Area::Ticks) {
        let mut lacking: Vec<String> =
            OF_A_RUNNER.into_iter().filter(|area| !writes(*area)).map(|area| format!("{}/", area.path())).collect();
        lacking.extend(head.filter(|head| head.write == May::No).map(|head| head.keys.clone()));
        let kept: Vec<String> = DELETED_BY_A_RUNNER
            .into_iter()
            .filter(|area| writes(*area) && !deletes(*area))
            .map(|area| format!("{}/", area.path()))
            .collect();
        if !lacking.is_empty() {
            let found = format!(
                "these credentials may write ticks/, and not all else that a runner writes: {}",
                lacking.join(", ")
            );
            report.add(Finding::wrong(Part::Store, CHECK, found, "let the runner write there as well"));
        } else if !may_read {
            report.add(Finding::wrong(
                Part::Store,
                CHECK,
                "these credentials may write and not read",
                "a runner must read all that it writes",
            ));
        } else if !kept.is_empty() {
            let found = format!("these credentials may run ticks, and may not delete in {}", kept.join(", "));
            let mend = "let the runner delete there: mail that was read and memories that were deleted stay";
            report.add(Finding::warning(Part::Store, CHECK, found, mend));
        } else {
            report.add(Finding::good(Part::Store, CHECK, "these credentials may do all that running ticks takes"));
        }
    } else {
        let may: Vec<&str> = [
            (Area::Mail, "send mail"),
            (Area::Control, "give commands (top-ups, pauses)"),
            (Area::Agents, "edit resumes and memories"),
            (Area::Config, "edit settings"),
            (Area::Shared, "edit shared files"),
        ]
        .into_iter()
        .filter(|(area, _)| writes(*area))
        .map(|(_, what)| what)
        .collect();
        let found = match may[..] {
            [] => "these credentials may not run ticks".to_owned(),
            _ => format!("these credentials may {}, and not run ticks", may.join(", ")),
        };
        report.add(Finding::note(Part::Store, CHECK, found));
    }
    // Where what was written can be deleted, or nowhere better.
    Area::ALL.into_iter().find(|area| deletes(*area)).or_else(|| Area::ALL.into_iter().find(|area| writes(*area)))
}
