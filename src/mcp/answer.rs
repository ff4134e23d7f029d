//! How large an answer may be, and what of one that is larger is left out and named.
//!
//! An assistant reads all of an answer, and pays for it. Whatever agents wrote, an answer stays within
//! [`MAX_ANSWER_BYTES`]: long texts, lists and objects are cut, and `left_out` says which, and of how much.

use serde_json::{Map, Value, json};

use crate::clean::{escape, one_line};

/// The most bytes of one answer's document.
pub const MAX_ANSWER_BYTES: usize = 96 * 1024;

/// The most cuts that are named.
const MAX_NAMED: usize = 20;

/// The most bytes that the name of one takes.
const NAMED_BYTES: usize = 800;

/// Deeper values are left out.
const MAX_DEPTH: usize = 24;

/// How much of a text (in characters) and of a list (in items) stays: the first that is enough.
const MEASURES: [Measure; 4] = [
    Measure { characters: 16_000, items: 200 },
    Measure { characters: 4_000, items: 100 },
    Measure { characters: 1_000, items: 40 },
    Measure { characters: 200, items: 10 },
];

#[derive(Clone, Copy)]
struct Measure {
    characters: usize,
    items: usize,
}

/// The document of an answer as text that may be shown: hostile characters stand as escapes of JSON.
pub(super) fn text(document: &Value) -> String {
    escape(&document.to_string()).into_owned()
}

/// How many bytes a document has.
pub(super) fn size(document: &Value) -> usize {
    document.to_string().len()
}

/// The document within bounds, its own fields kept.
pub(super) fn fit(document: Map<String, Value>) -> Map<String, Value> {
    for measure in MEASURES {
        let mut cut = Cut { measure, left_out: Vec::new(), more: 0 };
        let fitted = cut.fields(document.clone());
        if size(&Value::Object(fitted.clone())) + MAX_NAMED * NAMED_BYTES <= MAX_ANSWER_BYTES {
            return cut.named(fitted);
        }
    }
    // Many small things, or deep ones: what is left says how much there was.
    let mut cut = Cut { measure: MEASURES[3], left_out: Vec::new(), more: 0 };
    let emptied = document.into_iter().map(|(name, value)| {
        let value = match value {
            Value::Array(items) => {
                cut.say(&format!("/{name}"), 0, items.len(), "items");
                json!([])
            }
            Value::Object(fields) => {
                cut.say(&format!("/{name}"), 0, fields.len(), "fields");
                json!({})
            }
            value => cut.value(value, &format!("/{name}"), 1),
        };
        (name, value)
    });
    let emptied = emptied.collect();
    cut.named(emptied)
}

struct Cut {
    measure: Measure,
    left_out: Vec<Value>,
    more: usize,
}

impl Cut {
    fn fields(&mut self, fields: Map<String, Value>) -> Map<String, Value> {
        fields.into_iter().map(|(name, value)| (name.clone(), self.value(value, &format!("/{name}"), 1))).collect()
    }

    fn value(&mut self, value: Value, pointer: &str, depth: usize) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text, pointer)),
            Value::Array(items) if depth < MAX_DEPTH => {
                let (all, kept) = (items.len(), self.measure.items);
                if all > kept {
                    self.say(pointer, kept, all, "items");
                }
                let kept = items.into_iter().take(kept).enumerate();
                kept.map(|(index, item)| self.value(item, &format!("{pointer}/{index}"), depth + 1)).collect()
            }
            Value::Object(fields) if depth < MAX_DEPTH => {
                // Our own objects have fewer.
                let (all, kept) = (fields.len(), self.measure.items.max(40));
                if all > kept {
                    self.say(pointer, kept, all, "fields");
                }
                let kept = fields.into_iter().take(kept);
                let kept = kept.map(|(name, value)| {
                    let name = if name.len() > self.measure.characters { one_line(&name, 100) } else { name };
                    let value = self.value(value, &format!("{pointer}/{}", one_line(&name, 60)), depth + 1);
                    (name, value)
                });
                Value::Object(kept.collect())
            }
            Value::Array(_) | Value::Object(_) => {
                self.say(pointer, 0, 1, "values");
                Value::Null
            }
            value => value,
        }
    }

    fn text(&mut self, text: String, pointer: &str) -> String {
        let kept = self.measure.characters;
        // Bytes are never fewer than characters.
        if text.len() <= kept {
            return text;
        }
        let all = text.chars().count();
        if all <= kept {
            return text;
        }
        self.say(pointer, kept, all, "characters");
        text.chars().take(kept).chain(['…']).collect()
    }

    fn say(&mut self, pointer: &str, kept: usize, of: usize, unit: &str) {
        if self.left_out.len() >= MAX_NAMED {
            self.more += 1;
            return;
        }
        self.left_out.push(json!({ "pointer": one_line(pointer, 160), "kept": kept, "of": of, "unit": unit }));
    }

    fn named(self, mut document: Map<String, Value>) -> Map<String, Value> {
        if !self.left_out.is_empty() {
            document.insert("left_out".to_owned(), Value::Array(self.left_out));
        }
        if self.more > 0 {
            document.insert("left_out_elsewhere".to_owned(), json!(self.more));
        }
        document
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(document: Value) -> Value {
        let Value::Object(fields) = document else { panic!("an object") };
        Value::Object(fit(fields))
    }

    #[test]
    fn what_fits_stays_as_it_is() {
        let document = json!({"a": [1, "x", {"b": null}], "text": "ä".repeat(16_000)});
        assert_eq!(fitted(document.clone()), document);
    }

    #[test]
    fn what_is_cut_is_named_with_how_much_there_was() {
        let document = fitted(json!({"texts": ["x".repeat(200_000)], "many": vec![0; 500]}));
        let cuts = document["left_out"].as_array().expect("cuts");
        assert_eq!(cuts.len(), 2);
        assert!(cuts.contains(&json!({"pointer": "/many", "kept": 200, "of": 500, "unit": "items"})));
        let text = json!({"pointer": "/texts/0", "kept": 16_000, "of": 200_000, "unit": "characters"});
        assert!(cuts.contains(&text));
    }

    #[test]
    fn no_document_is_larger_than_the_bound() {
        let mut deep = json!("x");
        for _ in 0..100 {
            deep = json!([deep, deep.clone().as_str()]);
        }
        let wide: Map<String, Value> = (0..500).map(|n| (format!("{n}{}", "k".repeat(300)), json!(n))).collect();
        let long = vec!["\u{202e}\"".repeat(20_000); 30];
        for hostile in [deep, json!(wide), json!(vec![wide.clone(); 50]), json!(long), json!(vec![long.clone(); 5])] {
            let document = fitted(json!({"agent": "ada", "hostile": hostile}));
            assert!(size(&document) <= MAX_ANSWER_BYTES, "{}", size(&document));
            assert_eq!(document["agent"], "ada");
            assert!(document.get("left_out").is_some());
        }
    }
}
