//! An error and what led to it, as texts.

use std::error::Error;

/// The error's own message, then its causes, outermost first.
///
/// A cause that the message before it already says is left out: `object_store` repeats its
/// sources in its own messages.
#[must_use]
pub fn causes(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if !texts.last().is_some_and(|last| last.contains(&text)) {
            texts.push(text);
        }
        next = error.source();
    }
    texts
}

/// The first cause of this type, or of this type in a box, the error itself included.
#[must_use]
pub fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref().or_else(|| error.downcast_ref::<Box<T>>().map(|found| &**found)) {
            return Some(found);
        }
        next = error.source();
    }
    None
}
