//! `lemming chat`

mod input;
mod slash;
mod wait;

use std::collections::BTreeMap;
use std::io::IsTerminal as _;

use self::input::{Input, Typed};
use self::slash::Next;
use self::wait::Waited;
use crate::chronicle;
use crate::chronicle::message::Message;
use crate::chronicle::moment::Moment;
use crate::chronicle::search::{Filter, Ticks, To, search};
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{Session, known_agent};
use crate::cli::markdown;
use crate::cli::output::{BAD, DIM, GOOD, NAME, Output, clean, styled};
use crate::domain::name::AgentName;
use crate::domain::outbox::{Importance, Kind};
use crate::domain::time::Tick;
use crate::ingress::Letter;
use crate::runner::compose::Org;

/// Talks with an agent, or with all: sends what you type, lets ticks run until an answer comes, and shows it.
///
/// Each message answers the last one of that agent in this conversation; /new begins another. Ctrl-C while it waits leaves
/// the waiting (a tick that is open is left for the next runner), twice the program; Ctrl-D ends. A line that ends
/// with a backslash goes on. /help lists the commands, and every command of the program may be typed with a slash.
///
/// From a pipe each line is one message, and answers are printed plainly; with --json each is one JSON object a line.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ChatArgs {
    /// The agent's name, or `all` [default: the only agent that there is]
    agent: Option<String>,
    /// Runs no ticks, but waits for those of other runners
    #[arg(long)]
    watch: bool,
    /// Runs at most so many ticks for one answer
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    ticks: u64,
}

/// To whom one talks.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Peer {
    /// Nobody was named yet.
    Nobody,
    /// Everyone who may read it.
    All,
    /// One agent.
    Agent(AgentName),
}

/// A conversation at the terminal.
struct Chat {
    org: Org,
    peer: Peer,
    watch: bool,
    ticks: u64,
    /// The last message of each agent in this conversation.
    last: BTreeMap<AgentName, Message>,
    /// Up to which tick messages were shown.
    shown: Tick,
    is_terminal: bool,
}

pub(super) async fn run(args: ChatArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let agents = chronicle::agents(&org.store).await?;
    let peer = match args.agent.as_deref() {
        Some("all") => Peer::All,
        Some(name) => Peer::Agent(known_agent(&org, name).await?),
        None => match agents.as_slice() {
            [only] => Peer::Agent(only.clone()),
            _ => Peer::Nobody,
        },
    };
    let is_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal() && !session.out.json();
    let mut input = match is_terminal {
        true => {
            let names = agents.iter().map(ToString::to_string).collect();
            Input::terminal(&session.environment, slash::names(), names)
                .map_err(|error| CliError::new(Exit::Failed, format!("the terminal cannot be used: {error}")))?
        }
        false => Input::Pipe,
    };
    let shown = Moment::now(&org.store).await?.state.tick;
    let mut chat = Chat { org, peer, watch: args.watch, ticks: args.ticks, last: BTreeMap::new(), shown, is_terminal };
    if is_terminal {
        chat.greet(session)?;
    }
    chat.talk(&mut input, session).await
}

impl Chat {
    fn greet(&self, session: &mut Session) -> Result<(), CliError> {
        let peer = match &self.peer {
            Peer::Nobody => "To whom? /to NAME, or /to all; /agents lists them.".to_owned(),
            _ => "/help lists the commands, Ctrl-D ends.".to_owned(),
        };
        session.out.line(styled(DIM, peer))?;
        Ok(session.out.flush()?)
    }

    fn prompt(&self) -> String {
        match &self.peer {
            Peer::Nobody => "> ".to_owned(),
            Peer::All => "all> ".to_owned(),
            Peer::Agent(name) => format!("{name}> "),
        }
    }

    async fn talk(&mut self, input: &mut Input, session: &mut Session) -> Result<Exit, CliError> {
        let mut interrupted = false;
        loop {
            let typed = input.next(&self.prompt()).await;
            let again = std::mem::replace(&mut interrupted, typed == Typed::Interrupted);
            let line = match typed {
                Typed::End => return Ok(Exit::Ok),
                Typed::Interrupted if again => return Ok(Exit::Interrupted),
                Typed::Interrupted => {
                    session.out.line(styled(DIM, "Ctrl-D ends; Ctrl-C again leaves"))?;
                    session.out.flush()?;
                    continue;
                }
                Typed::Line(line) => line,
            };
            let done = self.take(line.trim(), session).await;
            session.out.flush()?;
            match done {
                Ok(Next::GoOn) => {}
                Ok(Next::End(exit)) => return Ok(exit),
                // At a terminal the person decides; a script stops at what goes wrong.
                Err(error) if self.is_terminal && error.exit() != Exit::Ok => {
                    session.out.note(error.text(&styled(BAD, "error:"), &styled(GOOD, "hint:")).trim_end());
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn take(&mut self, line: &str, session: &mut Session) -> Result<Next, CliError> {
        match line.strip_prefix('/') {
            None if line.is_empty() => Ok(Next::GoOn),
            // Two slashes are one that is said.
            Some(said) if said.starts_with('/') => self.say(said, session).await,
            Some(command) => self.command(command, session).await,
            None => self.say(line, session).await,
        }
    }

    /// Sends a message, and waits for what comes back.
    async fn say(&mut self, text: &str, session: &mut Session) -> Result<Next, CliError> {
        let (recipients, last) = match &self.peer {
            Peer::Nobody => {
                let error = CliError::new(Exit::Usage, "to whom? There is more than one agent");
                return Err(error.hint("`lemming chat AGENT`, or /to AGENT; /agents lists them"));
            }
            Peer::All => (None, None),
            Peer::Agent(name) => (Some(vec![name.clone()]), self.last.get(name)),
        };
        let letter = Letter {
            recipients,
            kind: Kind::Message,
            importance: Importance::Normal,
            text: text.to_owned(),
            reply_to: last.map(|last| last.id),
            thread_id: last.map(|last| last.thread_id.unwrap_or(last.id)),
        };
        let sent = self.org.postbox().send(letter).await?;
        let waited = match self.watch {
            true => self.await_runners(sent.id, session).await?,
            false => self.run_ticks(sent.id, session).await?,
        };
        let told = match waited {
            Waited::Answered => return Ok(Next::GoOn),
            Waited::Left => return Ok(Next::End(Exit::Interrupted)),
            Waited::Stopped if !self.is_terminal => return Ok(Next::End(Exit::Interrupted)),
            Waited::Stopped => "no longer waiting; /inbox shows what comes later".to_owned(),
            Waited::Nothing => "no answer, and nothing is left to do; /inbox shows what comes later".to_owned(),
            Waited::TooLong => format!("no answer in {} ticks; /tick runs another", self.ticks),
            Waited::NotClosed => "the tick is not closed: other runners are at work on it".to_owned(),
        };
        match session.out.json() {
            true => {}
            false if self.is_terminal => session.out.line(styled(DIM, told))?,
            false => session.out.note(told),
        }
        Ok(Next::GoOn)
    }

    /// Shows what was said to people since the last look, and says whether it answers the message that was sent.
    async fn news(&mut self, sent: Option<uuid::Uuid>, out: &mut Output) -> Result<bool, CliError> {
        let moment = Moment::now(&self.org.store).await?;
        let last = moment.state.tick;
        if last <= self.shown {
            return Ok(false);
        }
        let filter = Filter { to: Some(To::Named(AgentName::human())), ..Filter::default() };
        let ticks = Ticks { first: self.shown.next(), last };
        let found = search(&moment, &filter, ticks, usize::MAX).await?;
        self.shown = last;
        let mut is_answered = false;
        for message in found.messages {
            self.show(&message, out)?;
            is_answered |= match &self.peer {
                Peer::Agent(name) => message.from == *name || (sent.is_some() && message.reply_to == sent),
                Peer::All | Peer::Nobody => true,
            };
            self.last.insert(message.from.clone(), message);
        }
        out.flush()?;
        Ok(is_answered)
    }

    fn show(&self, message: &Message, out: &mut Output) -> Result<(), CliError> {
        if out.json() {
            return Ok(out.json_line(message)?);
        }
        if !self.is_terminal {
            return Ok(out.line(format!("{}: {}", message.from, clean(&message.text)))?);
        }
        let kind = if message.kind == Kind::Message { String::new() } else { format!(", {}", message.kind.as_str()) };
        out.line(format!("{} {}", styled(NAME, &message.from), styled(DIM, format!("tick {}{kind}", message.tick))))?;
        let width = out.columns().unwrap_or(80).saturating_sub(2).min(100);
        markdown::lines(&message.text, width).iter().try_for_each(|line| out.line(format!("  {line}")))?;
        Ok(())
    }
}
