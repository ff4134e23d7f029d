//! Options that every command has, and what they lead to.

use std::time::Duration;

use crate::chronicle::{self, moment::Moment};
use crate::cli::error::{CliError, Exit};
use crate::cli::output::Output;
use crate::cli::progress_bar::Bar;
use crate::cli::times::Times;
use crate::config::Environment;

use crate::domain::name::AgentName;
use crate::domain::time::Tick;
use crate::engine::load;
use crate::runner::compose::{self, Org};
use crate::store::Key;
use crate::telemetry::LogFormat;
use crate::validate::who_instead;

/// Options that every command has.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Options of every command")]
pub struct GlobalArgs {
    /// Where the organisation is: a folder, or a bucket such as s3://bucket/prefix
    ///
    /// [default: the environment variable LEMMING_STORE, or else the current folder]
    #[arg(long, global = true, value_name = "URL")]
    pub store: Option<String>,
    /// Prints one JSON document on standard output, and errors as one on standard error
    #[arg(long, global = true)]
    pub json: bool,
    /// Shows times in UTC [default: in the zone of this machine; JSON has UTC always]
    #[arg(long, global = true)]
    pub utc: bool,
    /// Logs more, to standard error; twice: much more
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// How log lines look [default: text on a terminal, else JSON]
    #[arg(long, global = true, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
}

/// The moment that a reading command looks at.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct AtArgs {
    /// As it was after this tick [default: now]
    #[arg(long, value_name = "TICK")]
    at: Option<u64>,
}

impl AtArgs {
    /// Says whether a tick is named.
    pub(super) fn is_past(self) -> bool {
        self.at.is_some()
    }

    /// The organisation at that moment.
    ///
    /// # Errors
    /// The tick is not closed; or the store failed.
    pub(super) async fn moment(self, org: &Org) -> Result<Moment, CliError> {
        Ok(Moment::of(&org.store, self.at.map(Tick)).await?)
    }
}

/// What a command works with.
#[derive(Debug)]
pub struct Session {
    /// The options that every command has.
    pub globals: GlobalArgs,
    /// The process's environment.
    pub environment: Environment,
    /// Standard output and standard error.
    pub out: Output,
}

impl Session {
    /// How times are shown to people.
    #[must_use]
    pub fn times(&self) -> Times {
        if self.globals.utc { Times::utc() } else { Times::local(&self.environment) }
    }

    /// A bar of so many steps, `None` where nobody knows how many: drawn on a terminal's standard error alone, once it
    /// took a second, and never with --json. Whoever writes lines while it stands asks [`Output::is_on_terminal`] first.
    #[must_use]
    pub fn progress(&self, total: impl Into<Option<u64>>, what: &str) -> Bar {
        Bar::new(total.into(), what, self.out.is_watched() && !self.out.json())
    }

    /// Does what reads or writes for long, while a person who waits sees how many objects it has come to.
    pub(super) async fn reading<T>(&self, org: &Org, what: &str, work: impl Future<Output = T>) -> T {
        const LOOK_EVERY: Duration = Duration::from_millis(125);
        let bar = self.progress(None, what);
        let before = org.requests();
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = org.clock().sleep(LOOK_EVERY) => {
                    let made = org.requests() - before;
                    bar.set(made.get + made.put);
                },
            }
        }
    }

    /// The place that the person names, whether or not an organisation is there.
    ///
    /// # Errors
    /// The name is wrong.
    pub fn place(&self) -> Result<Org, CliError> {
        let name = self.globals.store.as_deref().or_else(|| self.environment.var("LEMMING_STORE")).unwrap_or(".");
        Ok(compose::open(name, &self.environment)?)
    }

    /// The organisation that the person names.
    ///
    /// # Errors
    /// The name is wrong, the store failed, or there is no organisation.
    pub async fn org(&self) -> Result<Org, CliError> {
        let org = self.place()?;
        match org.store.get(&Key::Org).await? {
            Some(_) => Ok(org),
            None => Err(CliError::no_org(&org.place)),
        }
    }
}

/// The agent that a person names.
///
/// # Errors
/// There is none of that name; the hint names the nearest.
pub(super) async fn known_agent(org: &Org, name: &str) -> Result<AgentName, CliError> {
    among(chronicle::agents(&org.store).await?, &format!("at {}", org.place), name)
}

/// The agent that a person names, of those that there were at a moment.
///
/// # Errors
/// As [`known_agent`].
pub(super) async fn known_agent_at(org: &Org, moment: &Moment, name: &str) -> Result<AgentName, CliError> {
    among(moment.agents().await?, &format!("at {}", org.place), name)
}

/// The agent that a person names, of those that there are and of those that the records know of, gone ones too.
///
/// # Errors
/// As [`known_agent`].
pub(super) async fn agent_of_any_time(org: &Org, moment: &Moment, name: &str) -> Result<AgentName, CliError> {
    agent_of_moments(&[moment], &format!("at {}", org.place), name).await
}

/// As [`agent_of_any_time`], of several moments; `place`: where there is none, in words.
///
/// # Errors
/// As [`known_agent`].
pub(super) async fn agent_of_moments(moments: &[&Moment], place: &str, name: &str) -> Result<AgentName, CliError> {
    let mut agents = Vec::new();
    for moment in moments {
        agents.extend(moment.agents().await?);
        agents.extend(moment.state.agents.keys().cloned());
    }
    agents.sort_unstable();
    agents.dedup();
    among(agents, place, name)
}

/// There is no tick of that number, or none at all.
///
/// # Errors
/// The store failed.
pub(super) async fn no_tick(org: &Org, tick: Option<Tick>) -> Result<CliError, CliError> {
    let last = load(&org.store).await?.state.tick;
    let message = tick.map_or_else(|| "no tick has run yet".to_owned(), |tick| format!("tick {tick} was not planned"));
    Ok(CliError::new(Exit::NotFound, message).hint(match last {
        Tick(0) => "`lemming tick` runs the first".to_owned(),
        last => format!("the last closed tick is {last}; `lemming ticks list` shows them"),
    }))
}

fn among(agents: Vec<AgentName>, place: &str, name: &str) -> Result<AgentName, CliError> {
    if let Some(agent) = agents.iter().find(|agent| agent.as_str() == name) {
        return Ok(agent.clone());
    }
    let error = CliError::new(Exit::NotFound, format!("there is no agent {name:?} {place}"));
    Err(error.hint(who_instead(name, &agents)))
}
