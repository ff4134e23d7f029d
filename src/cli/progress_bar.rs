//! How far along a command is that takes over a second: a bar on the terminal's standard error, and nowhere else.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// What is over sooner needs no bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often it is drawn in a second, at most.
const DRAWS_PER_SECOND: u8 = 8;

/// A bar. It is taken back when it is dropped.
#[derive(Debug)]
pub struct Bar {
    /// None where nobody would see it.
    shown: Option<ProgressBar>,
    total: Option<u64>,
}

impl Bar {
    /// A bar of so many steps (`None`: nobody knows how many), which is drawn only if `visible`.
    pub(super) fn new(total: Option<u64>, what: &str, visible: bool) -> Self {
        let shown = visible.then(|| {
            let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden());
            let template = match total {
                Some(_) => "{msg} {wide_bar} {human_pos}/{human_len}, {eta} left",
                None => "{msg} {spinner} {human_pos}",
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.with_message(what.to_owned())
        });
        Self { shown, total }
    }

    /// So many steps more are done.
    pub fn inc(&self, steps: u64) {
        self.move_by(|bar| bar.inc(steps));
    }

    /// So many steps are done in all.
    pub fn set(&self, steps: u64) {
        self.move_by(|bar| bar.set_position(steps));
    }

    fn move_by(&self, step: impl FnOnce(&ProgressBar)) {
        let Some(bar) = &self.shown else { return };
        step(bar);
        if bar.is_hidden() && is_worth_it(bar.elapsed(), bar.position(), self.total) {
            bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND));
        }
    }
}

/// Says whether a bar is drawn by now: whoever has waited for long, and has more to wait for, wants to know.
fn is_worth_it(elapsed: Duration, done: u64, total: Option<u64>) -> bool {
    elapsed >= PATIENCE && total.is_none_or(|total| done < total)
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_drawn_only_for_those_who_watch_and_wait_for_more() {
        let second = Duration::from_secs(1);
        for (elapsed, done, total, drawn) in [
            (Duration::from_millis(999), 1, Some(9), false),
            (second, 1, Some(9), true),
            (second, 9, Some(9), false),
            (second, 9, None, true),
        ] {
            assert_eq!(is_worth_it(elapsed, done, total), drawn, "{elapsed:?} {done} {total:?}");
        }
        let unseen = Bar::new(Some(2), "reading", false);
        unseen.inc(1);
        assert!(unseen.shown.is_none());
        let young = Bar::new(Some(2), "reading", true);
        young.inc(1);
        assert!(young.shown.as_ref().is_some_and(|bar| bar.is_hidden() && bar.position() == 1));
    }
}
