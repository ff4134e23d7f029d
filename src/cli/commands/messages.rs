//! `lemming messages`

use crate::chronicle::message::Message;
use crate::chronicle::moment::Moment;
use crate::chronicle::search::{Filter, Hits, Ticks, To, search};
use crate::cli::error::{CliError, Exit};
use crate::cli::follow;
use crate::cli::globals::{AtArgs, Session, agent_of_any_time};
use crate::cli::letter::{self, Look};
use crate::cli::output::Output;
use crate::cli::ticks::TickRange;
use crate::domain::name::{AgentName, HUMAN};
use crate::domain::outbox::Kind;
use crate::domain::search::Wanted;
use crate::runner::compose::Org;
use crate::runner::local::until_signalled;

/// Finds messages by their words, and by who said what to whom.
///
/// Reads only: nothing is thereby read by anybody. The newest come last. All words must be in a message, or in its tags;
/// the beginning of a word is enough, in capitals or not. With --json one document; with --jsonl, or --json
/// and --follow, one JSON object a line.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct MessagesArgs {
    /// The words [default: every message]
    text: Vec<String>,
    /// Said by this agent, or for it to read
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// Only what that agent has not read yet
    #[arg(long, requires = "agent")]
    unread: bool,
    /// Said by this agent, by `human`, or by a sender outside
    #[arg(long, value_name = "NAME")]
    from: Option<AgentName>,
    /// Addressed to this agent or to `human` by name; `all`: to everyone
    #[arg(long, value_name = "NAME")]
    to: Option<String>,
    /// message, report, request, response or status
    #[arg(long, value_parser = kind)]
    kind: Option<Kind>,
    /// With this tag
    #[arg(long)]
    tag: Option<String>,
    /// Looks at the last N ticks, or from one tick to another: N, A..B, A.. or ..B
    #[arg(long, value_name = "TICKS", default_value = "1000")]
    ticks: TickRange,
    /// At most so many messages, the newest
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// Shows long texts whole
    #[arg(long)]
    full: bool,
    /// Goes on with each tick that closes, until Ctrl-C
    #[arg(long, short, conflicts_with = "at")]
    follow: bool,
    /// One JSON object a line
    #[arg(long)]
    jsonl: bool,
    #[command(flatten)]
    at: AtArgs,
}

fn kind(text: &str) -> Result<Kind, String> {
    let all = || Kind::ALL.map(Kind::as_str).join(", ");
    Kind::parse(text).ok_or_else(|| format!("it must be one of {}", all()))
}

pub(super) async fn run(args: MessagesArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let moment = args.at.moment(&org).await?;
    let filter = args.filter(&org, &moment).await?;
    let last = moment.state.tick;
    let searching = search(&moment, &filter, args.ticks.up_to(last), args.limit);
    let hits = session.reading(&org, "reading ticks", searching).await?;
    let times = session.times();
    let lines = args.jsonl || (args.follow && session.out.json());
    let show = |messages: &[Message], out: &mut Output| -> Result<(), CliError> {
        for message in messages {
            match lines {
                true => out.json_line(message)?,
                false => {
                    let wanted = filter.text.as_ref();
                    letter::show(message, &times, Look { is_short: !args.full, wanted, ..Look::default() }, out)?;
                }
            }
        }
        Ok(())
    };
    let out = &mut session.out;
    if !lines && out.json() {
        out.document(&hits)?;
        return Ok(Exit::Ok);
    }
    show(&hits.messages, out)?;
    if !args.follow {
        if !lines {
            say_what_is_left(&hits, out)?;
        }
        return Ok(Exit::Ok);
    }
    out.flush()?;
    let followed = until_signalled(
        || {},
        async |stop| {
            let mut next = last.next();
            while let Some(moment) = follow::closed(&org, next, &stop).await? {
                let found = search(&moment, &filter, Ticks { first: next, last: next }, usize::MAX).await?;
                show(&found.messages, out)?;
                out.flush()?;
                next = next.next();
            }
            Ok::<(), CliError>(())
        },
    );
    followed.await.unwrap_or(Ok(()))?;
    Ok(Exit::Ok)
}

/// Says that nothing was found, or that there may be more.
fn say_what_is_left(hits: &Hits, out: &mut Output) -> Result<(), CliError> {
    if hits.messages.is_empty() {
        let older = if hits.more { format!(" back to tick {}", hits.back_to) } else { String::new() };
        out.line(format!("no messages{older}"))?;
    }
    if hits.more && out.is_watched() {
        out.note("there may be older ones: --limit and --ticks look further");
    }
    Ok(())
}

impl MessagesArgs {
    async fn filter(&self, org: &Org, moment: &Moment) -> Result<Filter, CliError> {
        let words = self.text.join(" ");
        let agent = match &self.agent {
            Some(name) => Some(anybody(org, moment, name).await?),
            None => None,
        };
        if self.unread && agent.as_ref().is_some_and(AgentName::is_human) {
            let message = "what you have read is not kept: --unread is for agents";
            return Err(CliError::new(Exit::Usage, message).hint("`lemming inbox` shows what was said to you"));
        }
        let to = match self.to.as_deref() {
            None => None,
            Some("all") => Some(To::Everyone),
            Some(name) => Some(To::Named(anybody(org, moment, name).await?)),
        };
        Ok(Filter {
            text: (!words.trim().is_empty()).then(|| Wanted::new(&words)),
            agent,
            heard: false,
            unread: self.unread,
            from: self.from.clone(),
            to,
            kind: self.kind,
            tag: self.tag.clone(),
        })
    }
}

/// `human`, an agent of now, or one that there once was.
async fn anybody(org: &Org, moment: &Moment, name: &str) -> Result<AgentName, CliError> {
    match name {
        HUMAN => Ok(AgentName::human()),
        name => agent_of_any_time(org, moment, name).await,
    }
}
