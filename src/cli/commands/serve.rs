//! `lemming serve`

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use serde_json::json;
use tokio::net::TcpListener;

use crate::api::chores::Chores;
use crate::api::cors::Origin;
use crate::api::place::{self, Wakers};
use crate::api::wake::{self, Bell, Elsewhere, Waker};
use crate::api::{Access, ApiState, Settings, server};
use crate::chronicle;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::runner::compose::Org;
use crate::runner::local::until_signalled;
use crate::runner::places::Places;
use crate::store::Key;
use crate::validate::nearest;

/// Serves the dashboard and the API: an organisation seen live, and steered.
///
/// The store is one organisation, or a place above several: then all of them are served. Whoever gets mail is woken at once.
/// On this machine alone it needs no keys while there are none (`lemming keys add`). It runs no ticks but for what it
/// takes in, and those that it is asked for: `lemming run` or a scheduler does. The first Ctrl-C (or SIGTERM) answers what was asked and hands over a tick that
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
    /// At a place above several organisations, the folder of the one that answers where none is named [default: the only one]
    #[arg(long, value_name = "FOLDER")]
    default_org: Option<String>,
    /// Lets pages of this origin ask from a browser, `https://desk.example` say; may be given again [default: only its own pages]
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<Origin>,
    /// Takes messages and wakes nobody: whoever runs ticks elsewhere delivers them, and this needs no model's key
    #[arg(long)]
    no_wake: bool,
}

/// What is served.
enum Place {
    One(Org),
    Each { above: Org, default: Option<String> },
}

impl Place {
    async fn of(session: &Session, default: Option<String>) -> Result<Self, CliError> {
        let place = session.place()?;
        if place.store.get(&Key::Org).await?.is_some() {
            return match default {
                None => Ok(Self::One(place)),
                Some(_) => Err(CliError::new(Exit::Usage, "--default-org is for a place above several organisations")
                    .hint("this is one: it answers without a name")),
            };
        }
        let below = Places::below(place.clone()).look().await?;
        let folders: Vec<&str> = below.iter().filter_map(|(folder, _)| folder.as_deref()).collect();
        if folders.is_empty() {
            return Err(CliError::no_org(&place.place));
        }
        let default = match default {
            Some(named) if !folders.contains(&named.as_str()) => {
                let error = CliError::new(Exit::NotFound, format!("there is no organisation in a folder {named:?}"));
                return Err(error.hint(match nearest(&named, folders.iter().copied()) {
                    Some(near) => format!("did you mean {near}?"),
                    None => "`lemming orgs` lists them".to_owned(),
                }));
            }
            None if folders.len() == 1 => folders.first().map(|only| (*only).to_owned()),
            default => default,
        };
        Ok(Self::Each { above: place, default })
    }

    /// Says whether anybody has a key: where several are served, one for all of them.
    async fn has_keys(&self) -> Result<bool, CliError> {
        let (Self::One(org) | Self::Each { above: org, .. }) = self;
        Ok(!super::keys::read(org).await?.keys.is_empty())
    }
}

/// What wakes an organisation that this server has open.
fn waker(org: &Org, chores: &Chores, wakes: bool) -> Arc<dyn Waker> {
    if !wakes {
        return Arc::new(Elsewhere);
    }
    let bell = Bell::default();
    let (heard, org) = (bell.clone(), org.clone());
    chores.add(async move |stop| wake::answer(&heard, &org, &stop).await);
    Arc::new(bell)
}

fn host(text: &str) -> Result<IpAddr, String> {
    match text {
        "localhost" => Ok(Ipv4Addr::LOCALHOST.into()),
        text => text.parse().map_err(|_| "it must be an IP address of this machine, or localhost".to_owned()),
    }
}

pub(super) async fn run(args: ServeArgs, session: &mut Session) -> Result<Exit, CliError> {
    let place = Place::of(session, args.default_org.clone()).await?;
    let access = match (args.host.is_loopback(), args.without_keys) {
        (true, _) => Access::Local,
        (false, true) => Access::Open,
        (false, false) if !place.has_keys().await? => {
            let message = format!("{} can be reached from elsewhere, and there are no keys", args.host);
            return Err(CliError::new(Exit::Usage, message).hint(
                "`lemming keys add NAME --role admin` makes one; --without-keys lets everybody in who reaches it",
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
    if let Place::One(org) = &place
        && let Err(error) = chronicle::settings(&org.store).await
    {
        out.note(format!("warning: {error}; messages are taken, and wait until it is mended: `lemming validate`"));
    }
    tracing::info!(event = "serving", address = %address, "the API is served");
    let wakes = !args.no_wake;
    let settings = Settings { origins: args.allow_origin.iter().cloned().collect(), ..Settings::new(access) };
    let done = until_signalled(
        || tracing::info!(event = "stopping", "the API answers what was asked, and ends"),
        async |stop| {
            let (chores, crew) = Chores::new(&stop);
            let api = match &place {
                Place::One(org) => {
                    let waker = waker(org, &chores, wakes);
                    place::alone(ApiState::new(org.clone(), settings.clone(), waker).with_chores(chores))
                }
                Place::Each { above, default } => {
                    let state =
                        ApiState::new(above.clone(), settings.clone(), Arc::new(Elsewhere)).with_chores(chores.clone());
                    let wakers: Wakers = Arc::new(move |org| waker(org, &chores, wakes));
                    place::each(state.above(), default.clone(), wakers)
                }
            };
            tokio::join!(server::serve(listener, api, &stop), crew.work(&stop))
        },
    );
    Ok(if done.await.is_some() { Exit::Ok } else { Exit::Interrupted })
}
