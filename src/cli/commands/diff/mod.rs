//! `lemming diff`

mod range;
mod tell;

use serde_json::{Value, json};

use self::range::Range;
use crate::chronicle::compare::{Wanted, compare};
use crate::chronicle::moment::Moment;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{Session, agent_of_moments};
use crate::domain::name::AgentName;
use crate::domain::time::Tick;
use crate::runner::compose::{self, Org};
use crate::store::Key;

/// Shows what changed between two ticks, or what differs between two organisations.
///
/// `diff 5..8` shows what ticks 6 to 8 changed, `diff 8` what tick 8 changed, `diff 5..` what changed since tick 5, and
/// `diff ..8` what did from the beginning. `diff ORG ORG` compares two organisations, such as a fork and its origin: it says
/// up to which tick their records are the same, and what differs now; with --at, what differed then.
///
/// Messages, memory (value by value, with JSON pointers), files (line by line), resumes and settings (field by field),
/// accounts, and agents that came or went. Memory and files are compared as the records have them: a person's edit counts
/// once an agent has read it. Reads only.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct DiffArgs {
    /// Ticks as A..B, A.., ..B or B; or where the first organisation is
    #[arg(value_name = "A..B|ORG")]
    first: String,
    /// Where the second organisation is
    #[arg(value_name = "ORG")]
    second: Option<String>,
    /// Only what is of this agent
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// At most so many messages of each side
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
    /// Compares the two organisations as they were after this tick [default: now]
    #[arg(long, value_name = "TICK", requires = "second")]
    at: Option<u64>,
}

pub(super) async fn run(args: DiffArgs, session: &mut Session) -> Result<Exit, CliError> {
    let (looked_at, places, before, after) = match &args.second {
        Some(second) => {
            let (one, other) = (org(&args.first, session).await?, org(second, session).await?);
            let at = args.at.map(Tick);
            let moments = futures::try_join!(moment(&one, at), moment(&other, at))?;
            let places = [one.place.clone(), other.place];
            (one, Some(places), moments.0, moments.1)
        }
        None => {
            let org = session.org().await?;
            let range: Range = args.first.parse().map_err(|error: String| {
                CliError::new(Exit::Usage, error)
                    .hint("two organisations are compared by naming both: lemming diff ORG ORG")
            })?;
            let last = match range.to {
                Some(to) => to,
                None => crate::engine::load(&org.store).await?.state.tick,
            };
            if range.from > last {
                let message = format!("{}..{last} goes backwards: the earlier tick comes first", range.from);
                return Err(CliError::new(Exit::Usage, message));
            }
            // The later one first: that it is not closed says more.
            let after = moment(&org, Some(last)).await?;
            let before = moment(&org, Some(range.from)).await?;
            (org, None, before, after)
        }
    };
    let agent = match &args.agent {
        Some(name) => Some(agent(name, &before, &after).await?),
        None => None,
    };
    let wanted = Wanted { agent, messages: args.limit };
    let found = session.reading(&looked_at, "comparing", compare(&before, &after, &wanted)).await?;
    if session.out.json() {
        let mut document = json!(found);
        if let Some(places) = &places {
            for (side, place) in ["before", "after"].into_iter().zip(places) {
                document[side]["store"] = Value::from(place.as_str());
            }
        }
        session.out.document(&document)?;
    } else {
        tell::tell(&found, places.as_ref(), &session.times(), &mut session.out)?;
    }
    Ok(Exit::Ok)
}

/// The organisation at a place.
async fn org(name: &str, session: &Session) -> Result<Org, CliError> {
    let org = compose::open(name, &session.environment)?;
    match org.store.get(&Key::Org).await? {
        Some(_) => Ok(org),
        None => Err(CliError::no_org(&org.place)),
    }
}

async fn moment(org: &Org, at: Option<Tick>) -> Result<Moment, CliError> {
    Moment::of(&org.store, at).await.map_err(|error| {
        let error = CliError::from(error);
        error.hint(format!("`lemming --store {} ticks list` shows its ticks", org.place))
    })
}

/// The agent that a person names, of those that either side knows.
async fn agent(name: &str, before: &Moment, after: &Moment) -> Result<AgentName, CliError> {
    agent_of_moments(&[before, after], "on either side", name).await
}
