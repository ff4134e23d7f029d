//! `lemming serve`

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use serde_json::json;
use tokio::net::TcpListener;

use crate::api::wake::{self, Bell, Elsewhere, Waker};
use crate::api::{Access, ApiState, Settings, router, server};
use crate::chronicle;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::runner::local::until_signalled;

/// Serves the API: messages come in over HTTP, and whoever they are for is woken at once.
///
/// On this machine alone it needs no keys while there are none (`lemming keys add`). It runs no ticks but for mail that it
/// takes: `lemming run` or a scheduler does. The first Ctrl-C (or SIGTERM) answers what was asked and hands over a tick that
/// runs; the second ends at once.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ServeArgs {
    /// The address to listen on: 0.0.0.0 for all of this machine's
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1", value_parser = host)]
    host: IpAddr,
    /// The port; 0 takes a free one and says which
    #[arg(long, value_name = "NUMBER", default_value_t = 8080)]
    port: u16,
    /// Lets everybody in who reaches the address, while there are no keys: for networks where that is meant
    #[arg(long)]
    without_keys: bool,
    /// Takes messages and wakes nobody: whoever runs ticks elsewhere delivers them, and this needs no model's key
    #[arg(long)]
    no_wake: bool,
}

fn host(text: &str) -> Result<IpAddr, String> {
    match text {
        "localhost" => Ok(Ipv4Addr::LOCALHOST.into()),
        text => text.parse().map_err(|_| "it must be an IP address of this machine, or localhost".to_owned()),
    }
}

pub(super) async fn run(args: ServeArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let access = match (args.host.is_loopback(), args.without_keys) {
        (true, _) => Access::Local,
        (false, true) => Access::Open,
        (false, false) if super::keys::read(&org).await?.keys.is_empty() => {
            let message = format!("{} can be reached from elsewhere, and there are no keys", args.host);
            return Err(CliError::new(Exit::Usage, message).hint(
                "`lemming keys add NAME --scope send` makes one; --without-keys lets everybody in who reaches it",
            ));
        }
        (false, false) => Access::Keys,
    };
    let address = SocketAddr::new(args.host, args.port);
    let cannot = |error: std::io::Error| {
        CliError::new(Exit::Failed, format!("cannot listen on {address}: {error}")).hint("--port 0 takes a free port")
    };
    let listener = TcpListener::bind(address).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    let out = &mut session.out;
    if out.json() {
        out.json_line(&json!({ "listening": format!("http://{address}") }))?;
    } else {
        out.line(format!("listening on http://{address}"))?;
        out.flush()?;
    }
    // Mail is taken all the same: it is worse to lose it than to let it wait.
    if let Err(error) = chronicle::settings(&org.store).await {
        out.note(format!("warning: {error}; messages are taken, and wait until it is mended: `lemming validate`"));
    }
    tracing::info!(event = "serving", address = %address, "the API is served");
    let bell = Bell::default();
    let waker: Arc<dyn Waker> = if args.no_wake { Arc::new(Elsewhere) } else { Arc::new(bell.clone()) };
    let api = router(ApiState::new(org.clone(), Settings::new(access), waker));
    let done = until_signalled(
        || tracing::info!(event = "stopping", "the API answers what was asked, and ends"),
        async |stop| tokio::join!(server::serve(listener, api, &stop), wake::answer(&bell, &org, &stop)),
    );
    Ok(if done.await.is_some() { Exit::Ok } else { Exit::Interrupted })
}
