//! One function for the bytes of every record: sorted keys, two spaces, no surprises.
//!
//! Written here, and not by serde_json's own writer, so that no feature of a dependency
//! (`preserve_order`) can change the bytes that hashes are made of. A list of plain values stands on
//! one line, everything else on lines of its own.
//!
//! One pass, without a tree: what a value looks like depends on nothing that stands before it, so
//! fields that come in another order are put in order after they are written. `Writer` lays out,
//! `serializer` walks the value.

mod serializer;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::ops::Range;

use serde::Serialize;

/// The canonical bytes of a value, with a line feed at the end.
///
/// A value that JSON cannot hold (a map with keys that are no text) becomes `null`; no record of
/// ours has one.
#[must_use]
pub fn to_bytes<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    with_bytes(value, <[u8]>::to_vec)
}

/// Does something with the [canonical bytes](to_bytes) of a value, for which nobody needs a copy of them.
pub fn with_bytes<T: Serialize + ?Sized, R>(value: &T, work: impl FnOnce(&[u8]) -> R) -> R {
    thread_local! {
        /// Kept between records: growing one anew takes longer than writing into it.
        static WRITER: Cell<Writer> = Cell::default();
    }
    let mut writer = WRITER.take();
    if value.serialize(&mut writer).is_err() {
        writer.out.clear();
        writer.out.extend_from_slice(b"null");
    }
    writer.out.push(b'\n');
    let done = work(&writer.out);
    if writer.out.len() <= KEPT_BYTES {
        writer.clear();
        WRITER.set(writer);
    }
    done
}

/// A record that is longer than this leaves no room behind.
const KEPT_BYTES: usize = 1 << 20;

/// The bytes that a text cannot hold as they are.
const ESCAPED: [bool; 256] = {
    let mut escaped = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        escaped[byte] = true;
        byte += 1;
    }
    escaped[0x22] = true;
    escaped[0x5c] = true;
    escaped[0x7f] = true;
    escaped
};

/// What is written so far.
#[derive(Debug, Default)]
struct Writer {
    out: Vec<u8>,
    /// How many objects and lists are open.
    depth: usize,
    /// Where the fields and items of the open ones stand; each knows where its own begin.
    parts: Vec<Part>,
    /// Room for putting parts in order, kept between uses.
    spare: Vec<u8>,
}

/// A field of an object, or an item of a list.
#[derive(Debug, Clone)]
struct Part {
    /// The key of a field, without its quotes and with its escapes.
    key: Range<usize>,
    /// All of it, up to the comma.
    whole: Range<usize>,
}

/// An object or a list that is being written.
#[derive(Debug, Clone, Copy)]
struct Open {
    /// Where its bytes begin, after the bracket.
    base: usize,
    /// Where its parts begin.
    parts: usize,
    /// Of a list: whether everything in it is plain so far.
    plain: bool,
}

impl Writer {
    /// As new, but for the room.
    fn clear(&mut self) {
        self.out.clear();
        self.parts.clear();
        self.depth = 0;
    }

    fn open(&mut self, bracket: u8) -> Open {
        self.out.push(bracket);
        self.depth += 1;
        Open { base: self.out.len(), parts: self.parts.len(), plain: true }
    }

    /// Begins a line of an object or a list, after a comma if it is not the first.
    fn line(&mut self, first: bool) {
        if !first {
            self.out.push(b',');
        }
        self.out.push(b'\n');
        self.out.resize(self.out.len() + 2 * self.depth, b' ');
    }

    /// Begins a field; returns where it begins.
    fn begin_field(&mut self, open: Open) -> usize {
        let first = self.out.len() == open.base;
        self.line(first);
        self.out.len() - (2 * self.depth + 1)
    }

    /// Notes a field that is written whole.
    fn end_field(&mut self, begin: usize, key: Range<usize>) {
        self.parts.push(Part { key, whole: begin..self.out.len() });
    }

    fn end_object(&mut self, open: Open) {
        let out = &self.out;
        let key = |field: &Part| Key(out.get(field.key.clone()).unwrap_or_default());
        let fields = self.parts.get(open.parts..).unwrap_or_default();
        if fields.is_sorted_by(|a, b| key(a).is_before(key(b))) {
            self.parts.truncate(open.parts);
        } else {
            let fields = self.parts.split_off(open.parts);
            self.sort(open, fields);
        }
        self.close(open, b'}');
    }

    /// Puts written fields in the order of their keys; of equal keys the last counts.
    fn sort(&mut self, open: Open, mut fields: Vec<Part>) {
        let out = &self.out;
        let text = |field: &Part| Key(out.get(field.key.clone()).unwrap_or_default()).text();
        fields.reverse();
        if fields.iter().any(|field| out[field.key.clone()].contains(&b'\\')) {
            fields.sort_by_cached_key(text);
            fields.dedup_by_key(|field| text(field));
        } else {
            fields.sort_by(|a, b| out[a.key.clone()].cmp(&out[b.key.clone()]));
            fields.dedup_by(|later, kept| out[later.key.clone()] == out[kept.key.clone()]);
        }
        self.spare.clear();
        for (i, field) in fields.into_iter().enumerate() {
            if i > 0 {
                self.spare.push(b',');
            }
            self.spare.extend_from_slice(&self.out[field.whole]);
        }
        self.out.truncate(open.base);
        self.out.extend_from_slice(&self.spare);
    }

    /// Begins an item of a list; returns where it begins.
    fn begin_item(&mut self, open: Open) -> usize {
        let first = self.out.len() == open.base;
        if open.plain && !first {
            self.out.extend_from_slice(b", ");
        } else if !open.plain {
            self.line(first);
        }
        self.out.len()
    }

    /// Notes an item that is written whole. The first that is not plain puts all on lines of their own.
    fn end_item(&mut self, open: &mut Open, begin: usize) {
        if !open.plain {
            return;
        }
        self.parts.push(Part { key: 0..0, whole: begin..self.out.len() });
        if matches!(self.out.get(begin), Some(b'{' | b'[')) {
            open.plain = false;
            self.spare.clear();
            self.spare.extend_from_slice(&self.out[open.base..]);
            self.out.truncate(open.base);
            for (i, item) in self.parts.split_off(open.parts).into_iter().enumerate() {
                self.line(i == 0);
                self.out.extend_from_slice(&self.spare[item.whole.start - open.base..item.whole.end - open.base]);
            }
        }
    }

    fn end_list(&mut self, mut open: Open) {
        self.parts.truncate(open.parts);
        if open.plain {
            // Plain items stand on the line of their brackets.
            open.base = self.out.len();
        }
        self.close(open, b']');
    }

    fn close(&mut self, open: Open, bracket: u8) {
        self.depth -= 1;
        if self.out.len() > open.base {
            self.out.push(b'\n');
            self.out.resize(self.out.len() + 2 * self.depth, b' ');
        }
        self.out.push(bracket);
    }

    /// Writes a text in quotes, with our own escapes.
    fn text(&mut self, text: &str) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        self.out.reserve(text.len() + 2);
        self.out.push(b'"');
        let mut rest = text.as_bytes();
        while let Some(next) = first_escaped(rest) {
            self.out.extend_from_slice(&rest[..next]);
            match rest[next] {
                b'"' => self.out.extend_from_slice(b"\\\""),
                b'\\' => self.out.extend_from_slice(b"\\\\"),
                b'\n' => self.out.extend_from_slice(b"\\n"),
                b'\r' => self.out.extend_from_slice(b"\\r"),
                b'\t' => self.out.extend_from_slice(b"\\t"),
                byte => {
                    let (high, low) = (DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]);
                    self.out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
                }
            }
            rest = &rest[next + 1..];
        }
        self.out.extend_from_slice(rest);
        self.out.push(b'"');
    }
}

/// Where the first byte is that a text cannot hold as it is. Eight are looked at together: a prompt has quotes and
/// line ends so often that no longer block is free of them.
fn first_escaped(text: &[u8]) -> Option<usize> {
    const WORD: usize = size_of::<u64>();
    let (words, rest) = text.as_chunks::<WORD>();
    for (i, word) in words.iter().enumerate() {
        let found = escaped_in(u64::from_le_bytes(*word));
        if found != 0 {
            return Some(i * WORD + found.trailing_zeros() as usize / 8);
        }
    }
    Some(words.len() * WORD + rest.iter().position(|byte| ESCAPED[usize::from(*byte)])?)
}

/// Has the highest bit of the first byte set that must be escaped, and none below it; zero: there is none.
///
/// A subtraction borrows from the next byte only where it has found one, so that those above the first may be wrong.
/// Source: S. E. Anderson, "Bit Twiddling Hacks", "Determine if a word has a byte less than n".
const fn escaped_in(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGHEST: u64 = ONES << 7;
    const fn is_below(word: u64, limit: u64) -> u64 {
        word.wrapping_sub(ONES * limit) & !word
    }
    let control = is_below(word, 0x20);
    let quote = is_below(word ^ (ONES * 0x22), 1);
    let backslash = is_below(word ^ (ONES * 0x5c), 1);
    let delete = is_below(word ^ (ONES * 0x7f), 1);
    (control | quote | backslash | delete) & HIGHEST
}

/// A key as it was written.
#[derive(Clone, Copy)]
struct Key<'a>(&'a [u8]);

impl Key<'_> {
    /// What it says: escapes would sort elsewhere than what they stand for.
    fn text(self) -> Vec<u8> {
        if !self.0.contains(&b'\\') {
            return self.0.to_vec();
        }
        let quoted = [b"\"", self.0, b"\""].concat();
        serde_json::from_slice::<String>(&quoted).unwrap_or_default().into_bytes()
    }

    fn is_before(self, other: Self) -> bool {
        if self.0.contains(&b'\\') || other.0.contains(&b'\\') {
            return self.text() < other.text();
        }
        self.0 < other.0
    }
}
