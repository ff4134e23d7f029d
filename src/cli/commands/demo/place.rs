//! Where a demo is played, and how people are told of it.

use std::path::Path;

use super::DemoArgs;
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::runner::compose::{self, Org};
use crate::store::Prefix;

/// Where a demo is played.
pub(super) struct Place {
    /// How the program is told of it.
    pub(super) name: String,
    /// How people are told of it.
    pub(super) shown: String,
    pub(super) org: Org,
}

impl Place {
    /// The place that the person names, or the folder `usual`. `LEMMING_STORE` has no say: an organisation
    /// in earnest is no place for this.
    pub(super) fn of(args: &DemoArgs, usual: &str, session: &Session) -> Result<Self, CliError> {
        if let Some(store) = &session.globals.store {
            if args.dir.is_some() {
                return Err(CliError::new(Exit::Usage, "--dir and --store name two places")
                    .hint("--dir is for a folder, --store for any place"));
            }
            let org = compose::open(store, &session.environment)?;
            return Ok(Self { name: store.clone(), shown: org.place.clone(), org });
        }
        let dir = args.dir.as_deref().unwrap_or(Path::new(usual));
        let shown = dir.display().to_string();
        // A plain path, whatever it looks like: never a bucket.
        let name = if dir.is_absolute() { shown.clone() } else { format!("./{shown}") };
        let org = compose::open(&name, &session.environment)?;
        Ok(Self { name, shown, org })
    }

    /// Says whether nothing is there, so that nothing can be spoilt.
    pub(super) async fn is_empty(&self) -> Result<bool, CliError> {
        if let Some(root) = &self.org.local_root {
            return Ok(std::fs::read_dir(root).map_or(true, |mut entries| entries.next().is_none()));
        }
        let (found, _) = self.org.store.list_some(&Prefix::Everything, 1).await?;
        Ok(found.is_empty())
    }

    pub(super) fn refused(&self, what: &str) -> CliError {
        CliError::new(Exit::Failed, format!("{} exists and {what}: it was left alone", self.shown))
            .hint("--dir names another folder, --store another place")
    }

    /// Commands that a person may type, each after `lemming` and the place. The options of a URL, among which may
    /// be a secret, are not repeated.
    pub(super) fn commands(&self, commands: &[&str]) -> Vec<String> {
        let folder = self.org.local_root.is_some();
        if !folder && self.name.contains('?') {
            let url = quoted(&format!("{}?…", self.shown));
            let export = format!("  export LEMMING_STORE={url}   # as you gave it, with its options");
            return [export].into_iter().chain(commands.iter().map(|command| format!("  lemming {command}"))).collect();
        }
        let store = self.as_argument();
        commands.iter().map(|command| format!("  lemming --store {store} {command}")).collect()
    }

    /// How to be rid of it.
    pub(super) fn removal(&self) -> String {
        match self.org.local_root {
            Some(_) => format!("remove it: rm -r {}", self.as_argument()),
            None => format!("remove it: delete all objects below {}", self.shown),
        }
    }

    /// A path or URL without options, for a shell.
    fn as_argument(&self) -> String {
        let is_path_by_its_look = !self.shown.contains(':') && !self.shown.starts_with('-');
        if self.org.local_root.is_none() || is_path_by_its_look || Path::new(&self.shown).is_absolute() {
            quoted(&self.shown)
        } else {
            quoted(&self.name)
        }
    }
}

/// A word of a shell's command line.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._/:@%+,=".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;

    fn place(name: &str, shown: Option<&str>) -> Place {
        let org = compose::open(name, &Environment::new(["lemming"], [])).expect("a place");
        Place { name: name.to_owned(), shown: shown.map_or_else(|| org.place.clone(), str::to_owned), org }
    }

    #[test]
    fn what_is_to_be_typed_can_be_typed() {
        let url = "s3://bucket/org?endpoint=http://127.0.0.1:1&allow_http=true&region=x";
        for (place, lines) in [
            (place("./demo-org", Some("demo-org")), &["  lemming --store demo-org tick"][..]),
            (place("./my demo's", Some("my demo's")), &[r"  lemming --store 'my demo'\''s' tick"]),
            (place("./s3:mine", Some("s3:mine")), &["  lemming --store ./s3:mine tick"]),
            (
                place("s3://bucket/org?region=x", None),
                &["  export LEMMING_STORE='s3://bucket/org?…'   # as you gave it, with its options", "  lemming tick"],
            ),
            (
                place(url, None),
                &["  export LEMMING_STORE='s3://bucket/org?…'   # as you gave it, with its options", "  lemming tick"],
            ),
            (place("s3://bucket/org", None), &["  lemming --store s3://bucket/org tick"]),
            (place("file:///tmp/an%20org?fsync=off", None), &["  lemming --store '/tmp/an org' tick"]),
        ] {
            assert_eq!(place.commands(&["tick"]), lines, "{}", place.name);
        }
    }

    #[test]
    fn a_folder_is_removed_by_a_command_and_a_bucket_by_its_prefix() {
        assert_eq!(place("./a b", Some("a b")).removal(), "remove it: rm -r 'a b'");
        let bucket = place("s3://bucket/org?region=x", None).removal();
        assert_eq!(bucket, "remove it: delete all objects below s3://bucket/org");
    }
}
