//! Going on with each tick that closes, until Ctrl-C.

use std::time::Duration;

use crate::chronicle::moment::Moment;
use crate::cli::error::{CliError, Exit};
use crate::domain::time::Tick;
use crate::runner::compose::Org;
use crate::runner::local::until_signalled;
use crate::store::Key;

/// How often it is looked for a new tick.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Calls `each` for every tick from `tick` on, as soon as it is closed, until a person says stop. While nothing closes,
/// a look is one request.
pub(super) async fn follow(
    org: &Org,
    mut tick: Tick,
    mut each: impl AsyncFnMut(&Moment) -> Result<(), CliError>,
) -> Result<Exit, CliError> {
    let followed = until_signalled(
        || {},
        async |stop| {
            loop {
                while org.store.get(&Key::Closed(tick)).await?.is_some() {
                    each(&Moment::of(&org.store, Some(tick)).await?).await?;
                    tick = tick.next();
                }
                tokio::select! {
                    biased;
                    () = stop.requested() => return Ok::<(), CliError>(()),
                    () = org.clock().sleep(LOOK_EVERY) => {}
                }
            }
        },
    );
    followed.await.unwrap_or(Ok(()))?;
    Ok(Exit::Ok)
}
