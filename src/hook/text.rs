//! The text of a hook's message: a small template over what came in, within a bound on time and size.

use minijinja::value::{Serde, Value as Scope};
use minijinja::{Environment, UndefinedBehavior, context};

use super::post::Post;
use crate::domain::name::MemoryKey;

/// The fuel of a template: a bound on its time, and on its memory.
const FUEL: u64 = 50_000;

/// The most characters of a text.
const MAX_CHARS: usize = 16_000;

/// Checks that a text is a template.
///
/// # Errors
/// It is none; why not.
pub fn check(template: &str) -> Result<(), String> {
    Environment::new().template_from_str(template).map(drop).map_err(|error| error.to_string())
}

/// Fills a template. A field that the body does not have is empty.
///
/// # Errors
/// It is no template, or it takes too long.
pub fn fill(template: &str, hook: &MemoryKey, post: &Post) -> Result<String, String> {
    let mut environment = Environment::new();
    environment.set_fuel(Some(FUEL));
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    let scope = context! {
        hook => hook.as_str(),
        event => post.event.as_deref(),
        body => Scope::from(Serde(&post.body)),
    };
    let filled = environment.render_str(template, scope).map_err(|error| error.to_string())?;
    let mut shown: String = filled.chars().take(MAX_CHARS).collect();
    if shown.len() < filled.len() {
        shown.push('…');
    }
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filled(template: &str) -> Result<String, String> {
        let body = json!({"action": "opened", "issue": {"title": "<It> {{ breaks }}", "n": 7}});
        let post = Post { event: Some("issues".to_owned()), delivery: None, body, bytes: 0 };
        fill(template, &MemoryKey::new("github").expect("key"), &post)
    }

    #[test]
    fn a_template_sees_hook_event_and_body_and_what_is_missing_is_empty() {
        for (template, wanted) in [
            ("{{ hook }} {{ event }}: {{ body.issue.title }}", "github issues: <It> {{ breaks }}"),
            ("#{{ body.issue.n }} {{ body.action }}", "#7 opened"),
            ("{{ body.no.such.field }}!", "!"),
            ("{% if body.pull_request %}pr{% else %}issue{% endif %}", "issue"),
        ] {
            assert_eq!(filled(template).as_deref(), Ok(wanted), "{template}");
        }
    }

    #[test]
    fn what_is_broken_or_endless_is_an_error_and_what_is_long_is_cut() {
        for broken in ["{{ oops", "{% if %}", "{{ body | nope }}"] {
            assert!(filled(broken).is_err(), "{broken}");
        }
        assert!(check("{{ oops").is_err() && check("{{ body.x }}").is_ok());
        assert!(filled("{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}").is_err());
        let long = filled("{% for a in range(2000) %}0123456789{% endfor %}").expect("filled");
        assert_eq!(long.chars().count(), MAX_CHARS + 1);
    }
}
