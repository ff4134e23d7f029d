//! Any text as a model's reply: no panic, and what must hold of every reply holds.

#![no_main]

use lemming::domain::contract::{
    Addresses, MAX_ENTRIES, MAX_MEMORY_UPDATES, MAX_TAGS, MAX_TOOL_CALLS, MAX_VIOLATIONS, Reply, parse,
};
use lemming::domain::name::AgentName;
use libfuzzer_sys::fuzz_target;

/// Knows ada, bob and eve; eve may not be addressed.
struct Org;

impl Addresses for Org {
    fn knows(&self, name: &AgentName) -> bool {
        ["ada", "bob", "eve"].contains(&name.as_str())
    }
    fn may_address(&self, name: &AgentName) -> bool {
        name.as_str() != "eve"
    }
}

fuzz_target!(|text: &str| {
    let reply = parse(text, &Org);
    assert_eq!(parse(text, &Org), reply, "one text, one reply");
    limits_hold(&reply);
    let stored = serde_json::to_string(&reply).expect("a reply is JSON");
    serde_json::from_str::<Reply>(&stored).expect("a stored reply can be read");
    if !reply.is_contract {
        assert!(
            !reply.violations.is_empty() && reply == Reply { violations: reply.violations.clone(), ..Reply::default() }
        );
        return;
    }

    let contract = reply.to_contract().to_string();
    let again = parse(&contract, &Org);
    assert_eq!(again.to_contract(), reply.to_contract(), "what was repaired needs no repair");
    assert!(again.violations.iter().all(|v| v.pointer.ends_with("/arguments")), "{:?}", again.violations);

    // Cut where the text says, so that the fuzzer chooses the place.
    let place = text.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
    let cut = parse(&contract[..contract.floor_char_boundary(place % contract.len())], &Org);
    limits_hold(&cut);
    assert!(!cut.violations.is_empty(), "a cut is never silent");
    assert!(again.entries.starts_with(&cut.entries), "a cut invents no entry and changes no address");
    assert!(again.tool_calls.starts_with(&cut.tool_calls));
    assert!(again.memory_updates.starts_with(&cut.memory_updates));
});

fn limits_hold(reply: &Reply) {
    assert!(reply.entries.len() <= MAX_ENTRIES);
    assert!(reply.tool_calls.len() <= MAX_TOOL_CALLS);
    assert!(reply.memory_updates.len() <= MAX_MEMORY_UPDATES);
    assert!(reply.violations.len() <= MAX_VIOLATIONS + 1);
    for entry in &reply.entries {
        assert!(entry.tags.len() <= MAX_TAGS);
        assert!(!entry.meta.contains_key("hops"));
        let Some(recipients) = &entry.recipients else { continue };
        assert!(!recipients.is_empty());
        assert!(recipients.iter().all(|name| ["ada", "bob", "human"].contains(&name.as_str())));
    }
}
