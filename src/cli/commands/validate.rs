//! `lemming validate`

use crate::chronicle;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::cli::output::{BAD, GOOD, WARN, clean, counted, styled};
use crate::runner::compose::Org;
use crate::validate::{Findings, Severity, ValidateError, check, check_environment};

/// Lists everything that is wrong with the files that people write.
///
/// Each problem comes with its file, the JSON pointer into it, what is wrong, and what would be
/// right. Reads only. Ends with 3 if there are errors; warnings alone end with 0.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ValidateArgs {}

pub(super) async fn run(_: ValidateArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.place()?;
    let providers = org.providers();
    let tools = org.tools();
    let checking = async {
        let (providers, root) = (providers.as_ref(), org.local_root.as_deref());
        let mut found = check(&org.store, providers, &tools, org.environment(), root).await?;
        found.check_servers(&org.store, org.environment()).await?;
        Ok(found)
    };
    let found = match session.reading(&org, "reading files", checking).await {
        Err(ValidateError::NoOrg) => return Err(CliError::no_org(&org.place)),
        found => found?,
    };
    let found = with_environment(&org, found).await;
    let exit = if found.errors() > 0 { Exit::Invalid } else { Exit::Ok };
    let out = &mut session.out;
    if out.json() {
        let document = serde_json::json!({
            "valid": found.errors() == 0,
            "errors": found.errors(),
            "warnings": found.warnings(),
            "agents": found.agents,
            "models": found.models,
            "findings": found.findings,
        });
        out.document(&document)?;
        return Ok(exit);
    }
    for finding in &found.findings {
        let label = match finding.severity {
            Severity::Error => styled(BAD, "error:"),
            Severity::Warning => styled(WARN, "warning:"),
        };
        let pointer = if finding.pointer.is_empty() { String::new() } else { format!(" at {}", finding.pointer) };
        out.line(format!("{label} {}", clean(&format!("{}{pointer}", finding.path)).replace('\n', " ")))?;
        out.line(format!("  {}", clean(&finding.message)))?;
        out.line(format!("  {}", clean(&finding.expected)))?;
    }
    let summary = format!(
        "{}, {}: {}, {}",
        counted(found.agents, "agent"),
        counted(found.models, "model"),
        counted(found.errors(), "error"),
        counted(found.warnings(), "warning")
    );
    out.line(if exit == Exit::Ok { styled(GOOD, summary) } else { summary })?;
    Ok(exit)
}

/// Adds what is not set in this environment. Settings that cannot be read have been reported.
async fn with_environment(org: &Org, mut found: Findings) -> Findings {
    if let Ok(settings) = chronicle::settings(&org.store).await {
        check_environment(&settings, org.environment(), &mut found);
    }
    found
}
