//! The commands of a chat: its own, and with a slash every other of the program.

use std::future::Future;
use std::pin::Pin;

use super::{Chat, Peer};
use crate::chronicle::moment::Moment;
use crate::cli::commands::Command;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{Session, known_agent};
use crate::cli::output::{Cell, DIM, NAME, one_line, styled};

/// What follows a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// The next line.
    GoOn,
    /// The end.
    End(Exit),
}

/// The chat's own commands, and what they do.
const OWN: [(&str, &str); 6] = [
    ("/help", "this list"),
    ("/to NAME", "talks with another agent, or with `all`"),
    ("/agents", "the agents, and what they are"),
    ("/new", "begins a new conversation"),
    ("/why NAME", "why an agent did or did not run: `ticks why`"),
    ("/quit", "ends, as Ctrl-D does"),
];

/// What stands behind a slash: for completion.
pub(super) fn names() -> Vec<String> {
    let own = OWN.iter().filter_map(|(name, _)| name.split(' ').next()).map(str::to_owned);
    let program = crate::cli::command();
    let others = program.get_subcommands().map(|command| format!("/{}", command.get_name()));
    let mut names: Vec<String> = own.chain(others).filter(|name| name != "/chat").collect();
    names.sort_unstable();
    names.dedup();
    names
}

impl Chat {
    pub(super) async fn command(&mut self, line: &str, session: &mut Session) -> Result<Next, CliError> {
        let words = shlex::split(line)
            .ok_or_else(|| CliError::new(Exit::Usage, "a quotation mark has no other to go with it"))?;
        let word = |at: usize| words.get(at).map(String::as_str);
        match (word(0), word(1)) {
            (None | Some("help"), _) => self.help(session)?,
            (Some("quit" | "exit"), _) => return Ok(Next::End(Exit::Ok)),
            (Some("to"), Some("all")) => self.peer = Peer::All,
            (Some("to"), Some(name)) => self.peer = Peer::Agent(known_agent(&self.org, name).await?),
            (Some("to"), None) => return Err(CliError::new(Exit::Usage, "to whom? /to NAME, or /to all")),
            (Some("new"), _) => self.last.clear(),
            (Some("agents"), None) => self.agents(session).await?,
            (Some("why"), Some(_)) => {
                let words = ["ticks", "why"].into_iter().chain(words.iter().skip(1).map(String::as_str));
                return self.other(words.map(str::to_owned).collect(), session).await;
            }
            (Some("why"), None) => return Err(CliError::new(Exit::Usage, "why who? /why NAME")),
            _ => return self.other(words, session).await,
        }
        Ok(Next::GoOn)
    }

    fn help(&self, session: &mut Session) -> Result<(), CliError> {
        let row = |(name, does): &(&str, &str)| vec![Cell::new(*name).style(NAME), Cell::new(*does)];
        session.out.table(&OWN.iter().map(row).collect::<Vec<_>>())?;
        let others = "every command of the program too, such as /status, /inbox, /thread ID, /tick, /memory list NAME";
        session.out.wrapped(styled(DIM, others))?;
        Ok(())
    }

    async fn agents(&self, session: &mut Session) -> Result<(), CliError> {
        let moment = Moment::now(&self.org.store).await?;
        let mut rows = Vec::new();
        for agent in moment.agents().await? {
            let (title, does) = match moment.resume(&agent).await? {
                Ok(resume) => (one_line(&resume.title, 40), one_line(&resume.short_description, 80)),
                Err(_) => ("?".to_owned(), "its resume cannot be read".to_owned()),
            };
            rows.push(vec![Cell::new(agent.as_str()).style(NAME), Cell::new(title), Cell::new(does).style(DIM)]);
        }
        session.out.table(&rows)?;
        Ok(())
    }

    /// Another command of the program, in the same organisation.
    async fn other(&mut self, words: Vec<String>, session: &mut Session) -> Result<Next, CliError> {
        let command = match crate::cli::parse_words(words) {
            Ok(Command::Chat(_)) => return Err(CliError::new(Exit::Usage, "this is a chat already; /to NAME")),
            Ok(command) => command,
            Err(error) => {
                let _ = error.print();
                return Ok(Next::GoOn);
            }
        };
        let ended = boxed(command, session).await?;
        session.out.flush()?;
        self.news(None, &mut session.out).await?;
        Ok(if ended == Exit::Interrupted && !self.is_terminal { Next::End(ended) } else { Next::GoOn })
    }
}

/// A command in a box: a chat is a command too, and would be as large as itself.
fn boxed<'a>(
    command: Command,
    session: &'a mut Session,
) -> Pin<Box<dyn Future<Output = Result<Exit, CliError>> + Send + 'a>> {
    Box::pin(command.run(session))
}
