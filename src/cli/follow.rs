//! Going on with each tick that closes, until a person says stop.

use std::time::Duration;

use crate::chronicle::moment::Moment;
use crate::cli::error::CliError;
use crate::domain::time::Tick;
use crate::engine::Stop;
use crate::runner::compose::Org;
use crate::store::Key;

/// How often it is looked for a new tick.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The next tick, once it is closed; nothing once a person says stop. While nothing closes, a look is one request.
pub(super) async fn closed(org: &Org, tick: Tick, stop: &Stop) -> Result<Option<Moment>, CliError> {
    loop {
        if org.store.get(&Key::Closed(tick)).await?.is_some() {
            return Ok(Some(Moment::of(&org.store, Some(tick)).await?));
        }
        tokio::select! {
            biased;
            () = stop.requested() => return Ok(None),
            () = org.clock().sleep(LOOK_EVERY) => {}
        }
    }
}
