//! `lemming memory search`

use crate::chronicle::memory::{Hit, search};
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{AtArgs, Session, agent_of_any_time};
use crate::cli::output::{Cell, DIM, NAME, counted};

/// Finds what agents keep by its words, the best first; of lists, item by item.
///
/// Reads only. The archive is searched too, the newest 256 files of each agent: on a bucket each is a request.
#[derive(Debug, clap::Args)]
pub(super) struct SearchArgs {
    /// The agent's name, and then the words; with --all only the words
    #[arg(required = true, value_name = "AGENT|WORDS")]
    words: Vec<String>,
    /// In the memories of all agents
    #[arg(long)]
    all: bool,
    /// Leaves the archive out
    #[arg(long)]
    no_archive: bool,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    #[command(flatten)]
    at: AtArgs,
}

pub(super) async fn run(args: SearchArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let moment = args.at.moment(&org).await?;
    let (agents, words) = match (args.all, args.words.split_first()) {
        (false, Some((name, words))) => (vec![agent_of_any_time(&org, &moment, name).await?], words),
        _ => (moment.agents().await?, &args.words[..]),
    };
    if words.is_empty() {
        let error = CliError::new(Exit::Usage, "there are no words to look for");
        return Err(error.hint("`lemming memory search AGENT WORDS`, or `lemming memory search --all WORDS`"));
    }
    let words = words.join(" ");
    let searching = search(&moment, &agents, &words, !args.no_archive, args.limit);
    let hits = session.reading(&org, "reading memories", searching).await?;
    let out = &mut session.out;
    if out.json() {
        out.document(&hits)?;
        return Ok(Exit::Ok);
    }
    if hits.found.is_empty() {
        out.line("nothing was found")?;
    }
    out.table(&hits.found.iter().map(row).collect::<Vec<_>>())?;
    if hits.not_searched > 0 {
        out.line(format!("{} of archives were too old to be searched", counted(hits.not_searched, "file")))?;
    }
    Ok(Exit::Ok)
}

fn row(hit: &Hit) -> Vec<Cell> {
    let item = hit.item.map(|item| format!("[{item}]")).unwrap_or_default();
    vec![
        Cell::new(hit.agent.as_str()).style(NAME),
        Cell::new(format!("{}{item}", hit.key)),
        Cell::new(super::list::brief(&hit.value)),
        Cell::new(hit.archived.clone().map(|path| crate::cli::output::one_line(&path, 200)).unwrap_or_default())
            .style(DIM),
    ]
}
