//! The templates that come with the program.
//!
//! `agents/` of this repository is the example, and the default; the others are in `src/template/catalogue/`.

use bytes::Bytes;

use super::Template;
use super::source::{Found, assemble};

/// Files by their paths in a template.
type Files = &'static [(&'static str, &'static str)];

macro_rules! embed {
    ($root:literal: $($path:literal),* $(,)?) => { &[$(($path, include_str!(concat!($root, $path)))),*] };
}

const BRIEF_DESK: Files = embed!["../../agents/":
    "template.json",
    "README.md",
    "org.json",
    "models.json",
    "script.json",
    "archivist/resume.json",
    "critic/resume.json",
    "editor/resume.json",
    "researcher/resume.json",
    "writer/resume.json",
];

const CODE_REVIEW: Files = embed!["catalogue/code_review/":
    "template.json",
    "README.md",
    "org.json",
    "config/models.json",
    "config/review.json",
    "agents/correctness/resume.json",
    "agents/lead/resume.json",
    "agents/security/resume.json",
];

const FOLDER_WATCH: Files = embed!["catalogue/folder_watch/":
    "template.json",
    "README.md",
    "org.json",
    "config/models.json",
    "config/tools.json",
    "config/watch.json",
    "agents/watcher/resume.json",
];

const SUPPORT_DESK: Files = embed!["catalogue/support_desk/":
    "template.json",
    "README.md",
    "org.json",
    "config/models.json",
    "config/support.json",
    "agents/billing/resume.json",
    "agents/reviewer/resume.json",
    "agents/technical/resume.json",
    "agents/triage/resume.json",
    "shared/handbook.md",
];

/// All of them, the default first.
///
/// # Panics
/// Never: a test reads each.
#[must_use]
pub fn all() -> Vec<Template> {
    [BRIEF_DESK, CODE_REVIEW, FOLDER_WATCH, SUPPORT_DESK].map(read).into()
}

/// The one of that name.
#[must_use]
pub fn named(name: &str) -> Option<Template> {
    all().into_iter().find(|template| template.about.name.as_str() == name)
}

/// The example.
///
/// # Panics
/// Never: a test reads it.
#[must_use]
pub fn default() -> Template {
    read(BRIEF_DESK)
}

fn read(files: Files) -> Template {
    let found = files.iter().map(|(path, text)| Found::new(*path, Bytes::from_static(text.as_bytes()))).collect();
    assemble(found).unwrap_or_else(|error| unreachable!("a template of the program: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Key;
    use crate::template::DEFAULT;

    #[test]
    fn each_is_whole_and_says_what_it_needs() {
        let all = all();
        assert_eq!(all.len(), 4);
        assert_eq!(all[0].about.name.as_str(), DEFAULT);
        for template in &all {
            let name = &template.about.name;
            assert!(template.left_out.is_empty(), "{name}: {:?}", template.left_out);
            assert!(template.readme.is_some() && template.about.version.is_some() && !template.about.tags.is_empty());
            assert!(template.files.contains_key(&Key::Org), "{name}");
            assert_eq!(template.about.requires, super::super::requires(&template.agents), "{name}");
            let models = template.models().models;
            assert!(template.requires().models.iter().all(|key| models.contains_key(key)), "{name}");
            let demo = template.about.demo.as_ref().expect("each can be seen at work");
            assert!(template.agents.contains_key(&demo.to) && demo.message_after < demo.ticks, "{name}");
        }
        // Two of them can become parts of one organisation.
        for (i, one) in all.iter().enumerate() {
            for other in &all[i + 1..] {
                let ours = |key: &&Key| matches!(key, Key::Config(_) | Key::Resume(_) | Key::Shared(_));
                let both = one.files.keys().filter(ours).find(|key| other.files.contains_key(*key));
                assert_eq!(both, None, "{} and {}", one.about.name, other.about.name);
            }
        }
    }
}
