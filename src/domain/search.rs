//! Search in short texts: BM25 over words, cosine over vectors, and the fusion of both.
//!
//! Exact and deterministic: sums run in the order of the texts, and equal ranks keep it. The floats
//! here order texts; nothing else is made of them.
//!
//! Source of the formula: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and
//! Beyond" (2009), with the `idf` that is never negative.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value;
use unicode_segmentation::UnicodeSegmentation as _;

/// How soon more of the same word says no more.
const K1: f64 = 1.2;

/// How much a long text is held to say less by each word.
const B: f64 = 0.75;

/// What is added to a rank before rankings are fused. Source: Cormack, Clarke and Buettcher,
/// "Reciprocal Rank Fusion" (SIGIR 2009).
const RRF_K: f64 = 60.0;

/// The longest word that counts, in bytes: longer ones are data, not words.
const MAX_WORD_BYTES: usize = 64;

/// The words of a text, in lower case; parts of names such as `unit_price` are words too.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    let of_name = text.unicode_words().flat_map(|word| word.split('_'));
    of_name.filter(|word| (1..=MAX_WORD_BYTES).contains(&word.len())).map(str::to_lowercase).collect()
}

/// What a person looks for in a text: all of its words, each as a word or as the beginning of one; of a text without
/// words, such as an arrow, its characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    words: Vec<String>,
    literal: String,
}

impl Wanted {
    /// What these words ask for.
    #[must_use]
    pub fn new(query: &str) -> Self {
        let mut words = words(query);
        words.sort_unstable();
        words.dedup();
        Self { words, literal: query.trim().to_owned() }
    }

    /// Says whether all of it is in a text.
    #[must_use]
    pub fn is_in(&self, text: &str) -> bool {
        if self.words.is_empty() {
            return text.contains(&self.literal);
        }
        let there = words(text);
        self.words.iter().all(|wanted| there.iter().any(|word| word.starts_with(wanted.as_str())))
    }

    /// The words of a text that are asked for, by their bytes, in their order.
    #[must_use]
    pub fn marks(&self, text: &str) -> Vec<Range<usize>> {
        if self.words.is_empty() {
            let found = text.match_indices(&self.literal).filter(|(_, found)| !found.is_empty());
            return found.map(|(at, found)| at..at + found.len()).collect();
        }
        let mut marks = Vec::new();
        for (begin, name) in text.unicode_word_indices() {
            let mut at = begin;
            for word in name.split('_') {
                let lower = word.to_lowercase();
                if self.words.iter().any(|wanted| lower.starts_with(wanted.as_str())) {
                    marks.push(at..at + word.len());
                }
                at += word.len() + 1;
            }
        }
        marks
    }
}

/// What there is to find in a value: its texts, numbers and the names of its fields.
#[must_use]
pub fn text_of(value: &Value) -> String {
    fn add(value: &Value, text: &mut String) {
        let mut push = |word: &str| {
            text.push_str(word);
            text.push(' ');
        };
        match value {
            Value::Null => {}
            Value::String(string) => push(string),
            Value::Bool(_) | Value::Number(_) => push(&value.to_string()),
            Value::Array(items) => items.iter().for_each(|item| add(item, text)),
            Value::Object(fields) => {
                for (name, field) in fields {
                    text.push_str(name);
                    text.push(' ');
                    add(field, text);
                }
            }
        }
    }
    let mut text = String::new();
    add(value, &mut text);
    text.truncate(text.trim_end().len());
    text
}

/// Texts that can be searched by their words.
#[derive(Debug, Clone, Default)]
pub struct Index {
    /// How often each word stands in each text that has it.
    postings: BTreeMap<String, BTreeMap<usize, u32>>,
    lengths: Vec<usize>,
}

impl Index {
    /// An index of texts, which are known by their order.
    #[must_use]
    pub fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut index = Self::default();
        for (at, text) in texts.into_iter().enumerate() {
            let words = words(text);
            index.lengths.push(words.len());
            for word in words {
                *index.postings.entry(word).or_default().entry(at).or_default() += 1;
            }
        }
        index
    }

    /// The texts that have a word of the query, best first, equals in their order.
    #[must_use]
    pub fn search(&self, query: &str) -> Vec<usize> {
        let mut asked = words(query);
        asked.sort_unstable();
        asked.dedup();
        let count = float(self.lengths.len());
        let average = (float(self.lengths.iter().sum()) / count.max(1.0)).max(1.0);
        let mut scores: BTreeMap<usize, f64> = BTreeMap::new();
        for found in asked.iter().filter_map(|word| self.postings.get(word)) {
            let having = float(found.len());
            let idf = ((count - having + 0.5) / (having + 0.5)).ln_1p();
            for (at, times) in found {
                let times = f64::from(*times);
                let length = self.lengths.get(*at).copied().map_or(0.0, float);
                let score = idf * times * (K1 + 1.0) / (times + K1 * (1.0 - B + B * length / average));
                *scores.entry(*at).or_default() += score;
            }
        }
        ranked(scores)
    }
}

/// The vectors by their nearness to one, nearest first, equals in their order. Those of another
/// length or without a direction are left out.
#[must_use]
pub fn nearest(vectors: &[(usize, &[f32])], to: &[f32]) -> Vec<usize> {
    let norm = |vector: &[f32]| dot(vector, vector).sqrt();
    let own = norm(to);
    let near = vectors.iter().filter(|(_, vector)| vector.len() == to.len()).filter_map(|(at, vector)| {
        let cosine = dot(vector, to) / (norm(vector) * own);
        cosine.is_finite().then_some((*at, cosine))
    });
    ranked(near.collect())
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// One ranking of several, by reciprocal rank fusion.
#[must_use]
pub fn fuse(rankings: &[Vec<usize>]) -> Vec<usize> {
    let mut scores: BTreeMap<usize, f64> = BTreeMap::new();
    for ranking in rankings {
        for (rank, at) in (1..).zip(ranking) {
            *scores.entry(*at).or_default() += 1.0 / (RRF_K + f64::from(rank));
        }
    }
    ranked(scores)
}

fn ranked(scores: BTreeMap<usize, f64>) -> Vec<usize> {
    let mut scores: Vec<(usize, f64)> = scores.into_iter().collect();
    // Stable: equal scores keep the order of the texts.
    scores.sort_by(|a, b| b.1.total_cmp(&a.1));
    scores.into_iter().map(|(at, _)| at).collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts of texts and words are far below 2^52")]
fn float(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXTS: [&str; 5] = [
        "invoices: the invoice of Acme is paid",
        "meeting on Monday with Acme about the harbour",
        "Übergabe der Schlüssel am Hafen",
        "the the the the the the the the the the",
        "unit_price 東京 は 晴れ",
    ];

    #[test]
    fn the_rare_word_counts_for_more_than_the_frequent_one() {
        let index = Index::of(TEXTS);
        assert_eq!(index.search("the invoice"), [0, 3, 1]);
        assert_eq!(index.search("MONDAY, acme!"), [1, 0]);
        assert_eq!(index.search("schlüssel"), [2], "case is no matter of ASCII");
        assert_eq!(index.search("price"), [4], "a part of a name is a word");
        assert_eq!(index.search("東京"), [4]);
        assert_eq!(index.search("nowhere"), [0; 0]);
        assert_eq!(index.search(""), [0; 0]);
        assert_eq!(Index::default().search("x"), [0; 0]);
    }

    #[test]
    fn equals_keep_their_order() {
        assert_eq!(Index::of(["a b", "b a", "c", "a b"]).search("a"), [0, 1, 3]);
    }

    #[test]
    fn the_nearest_vector_comes_first_and_what_has_no_direction_not_at_all() {
        let vectors: [(usize, &[f32]); 5] =
            [(0, &[1.0, 0.0]), (1, &[0.6, 0.8]), (2, &[0.0, 0.0]), (3, &[f32::NAN, 1.0]), (4, &[1.0])];
        assert_eq!(nearest(&vectors, &[0.0, 2.0]), [1, 0]);
        assert_eq!(nearest(&vectors, &[0.0, 0.0]), [0; 0]);
    }

    #[test]
    fn what_two_rankings_agree_on_comes_first() {
        assert_eq!(fuse(&[vec![0, 1, 2], vec![1, 3]]), [1, 0, 3, 2]);
        assert_eq!(fuse(&[]), [0; 0]);
    }

    proptest! {
        #[test]
        fn a_search_finds_each_text_once_and_only_those_with_a_word(
            texts in prop::collection::vec("[a-d ]{0,12}", 0..8), query in "[a-e ]{0,6}",
        ) {
            let mut found = Index::of(texts.iter().map(String::as_str)).search(&query);
            found.sort_unstable();
            let asked = words(&query);
            let has = |text: &String| words(text).iter().any(|word| asked.contains(word));
            let expected: Vec<usize> = (0..texts.len()).filter(|at| has(&texts[*at])).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
