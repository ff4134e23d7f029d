//! Any text as a path in an organisation: what is a key has this path and no other, and its path is one
//! that a store can have.

#![no_main]

use lemming::domain::path::RelativePath;
use lemming::store::Key;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(path) = RelativePath::new(text) {
        let shared = Key::Shared(path);
        assert_eq!(Key::parse(&shared.path()), Some(shared.clone()), "a path makes a key, and the key the path");
    }
    let Some(key) = Key::parse(text) else { return };
    assert_eq!(key.path(), text, "one key, one path");
    assert_eq!(Key::parse(&key.path()), Some(key));
    for segment in text.split('/') {
        assert!(!["", ".", ".."].contains(&segment), "{text:?} leads elsewhere");
        assert!(segment.len() <= 255, "{text:?} has a name that no disk can hold");
    }
    assert!(!text.contains(['\\', '\0', '\n']), "{text:?} holds what no path of ours may");
});
