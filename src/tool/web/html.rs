//! HTML to Markdown, for pages that may be hostile.
//!
//! A converter builds a tree, and for some pages the tree is the square of the page: unclosed formatting is opened again in
//! every paragraph, and what nests deeply exhausts the stack of whoever walks it. So a page is written anew first, token by
//! token: the elements that Markdown knows, each closed in order, at most [`MAX_MARKUP_DEPTH`] deep, without scripts.

use html5gum::emitters::default::DefaultEmitter;
use html5gum::{StartTag, Token, Tokenizer};
use url::Url;

use crate::tool::limits::{MAX_MARKUP_DEPTH, MAX_MARKUP_INDENTS, MAX_WEB_BYTES};

/// The most of what a page becomes on the way, links made absolute.
const MAX_REWRITTEN_BYTES: usize = 2 * MAX_WEB_BYTES;

/// A page as Markdown.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Markdown {
    pub(in super::super) title: String,
    pub(in super::super) text: String,
}

/// Turns a page into Markdown.
pub(in super::super) fn markdown(page: &str, base: &Url) -> Result<Markdown, String> {
    let rewritten = Rewriter::new(Some(base)).run(page);
    let text = htmd::convert(&rewritten.html).map_err(|error| error.to_string())?;
    Ok(Markdown { title: rewritten.title.split_whitespace().collect::<Vec<_>>().join(" "), text })
}

/// The text of a snippet of HTML.
pub(in super::super) fn plain(snippet: &str) -> String {
    let mut text = String::new();
    for token in Tokenizer::new(snippet) {
        if let Ok(Token::String(string)) = token {
            text.push_str(&String::from_utf8_lossy(&string));
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Elements whose contents nobody reads.
const DROPPED: [&str; 14] = [
    "script", "style", "noscript", "template", "svg", "math", "iframe", "object", "canvas", "audio", "video", "select",
    "textarea", "button",
];

/// Elements that end a paragraph.
const BLOCKS: [&str; 13] = ["p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "pre", "blockquote", "div"];

/// What an element is in the rewritten page.
fn kept(name: &str) -> Option<&'static str> {
    const SAME: [&str; 20] = [
        "p",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "ul",
        "ol",
        "li",
        "dl",
        "dt",
        "dd",
        "pre",
        "code",
        "blockquote",
        "a",
        "br",
        "hr",
        "img",
    ];
    match name {
        "b" | "strong" => Some("strong"),
        "i" | "em" | "cite" => Some("em"),
        "kbd" | "samp" | "tt" => Some("code"),
        "div" | "section" | "article" | "header" | "footer" | "main" | "nav" | "aside" | "figure" | "figcaption"
        | "form" | "address" | "details" | "summary" | "caption" | "table" => Some("div"),
        name => SAME.into_iter().find(|same| *same == name),
    }
}

/// The elements that a start tag ends, as far up as one of the others.
fn ends(name: &str) -> (&'static [&'static str], &'static [&'static str]) {
    match name {
        "li" => (&["li"], &["ul", "ol"]),
        "dt" | "dd" => (&["dt", "dd"], &["dl"]),
        "a" => (&["a"], &[]),
        _ => (&[], &[]),
    }
}

#[derive(Debug, Default)]
struct Rewritten {
    html: String,
    title: String,
}

#[derive(Debug)]
struct Rewriter<'a> {
    base: Option<&'a Url>,
    out: Rewritten,
    open: Vec<&'static str>,
    /// The element whose contents are dropped, and how many of its name are open.
    dropped: Option<(String, usize)>,
    in_title: bool,
}

impl<'a> Rewriter<'a> {
    fn new(base: Option<&'a Url>) -> Self {
        Self { base, out: Rewritten::default(), open: Vec::new(), dropped: None, in_title: false }
    }

    fn run(mut self, page: &str) -> Rewritten {
        let mut emitter = DefaultEmitter::default();
        emitter.naively_switch_states(true);
        for token in Tokenizer::new_with_emitter(page, emitter) {
            let Ok(token) = token;
            match token {
                Token::StartTag(tag) => self.start(&tag),
                Token::EndTag(tag) => self.end(&String::from_utf8_lossy(&tag.name)),
                Token::String(text) => self.text(&String::from_utf8_lossy(&text)),
                Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
            }
            if self.out.html.len() > MAX_REWRITTEN_BYTES {
                break;
            }
        }
        self.close_to(0);
        self.out
    }

    fn start(&mut self, tag: &StartTag<()>) {
        let name = String::from_utf8_lossy(&tag.name);
        if let Some((dropped, open)) = &mut self.dropped {
            *open += usize::from(*dropped == name && !tag.self_closing);
            return;
        }
        if DROPPED.contains(&name.as_ref()) {
            self.dropped = (!tag.self_closing).then(|| (name.into_owned(), 1));
            return;
        }
        self.in_title = name == "title";
        // A line a row: the converter would pad every cell to the widest of its column.
        match name.as_ref() {
            "tr" => self.out.html.push_str("<br>| "),
            "td" | "th" if !self.out.html.ends_with("| ") => self.out.html.push_str(" | "),
            _ => {}
        }
        let Some(kept) = kept(&name) else { return };
        if BLOCKS.contains(&kept) && self.open.last() == Some(&"p") {
            self.close_to(self.open.len() - 1);
        }
        let (ended, barriers) = ends(kept);
        let within = self.open.iter().rposition(|open| barriers.contains(open)).map_or(0, |barrier| barrier + 1);
        if let Some(place) = self.open[within..].iter().position(|open| ended.contains(open)) {
            self.close_to(within + place);
        }
        let is_void = matches!(kept, "br" | "hr" | "img");
        let indents = |name: &&str| matches!(*name, "ul" | "ol" | "dl" | "blockquote");
        // What is indented is longer with each level.
        let too_far = indents(&kept) && self.open.iter().filter(|open| indents(open)).count() >= MAX_MARKUP_INDENTS;
        if !is_void && (too_far || self.open.len() >= MAX_MARKUP_DEPTH) {
            return;
        }
        self.out.html.push('<');
        self.out.html.push_str(kept);
        let attributes: &[(&str, bool)] = match kept {
            "a" => &[("href", true)],
            "img" => &[("src", true), ("alt", false)],
            _ => &[],
        };
        for (attribute, is_link) in attributes {
            let Some(value) = tag.attributes.get(attribute.as_bytes()) else { continue };
            let value = String::from_utf8_lossy(value);
            let value = if *is_link { self.link(&value) } else { Some(value.into_owned()) };
            if let Some(value) = value {
                self.out.html.push_str(&format!(" {attribute}=\""));
                escape(&value, &mut self.out.html);
                self.out.html.push('"');
            }
        }
        self.out.html.push('>');
        if !is_void {
            self.open.push(kept);
        }
    }

    fn end(&mut self, name: &str) {
        if let Some((dropped, open)) = &mut self.dropped {
            *open -= usize::from(dropped == name);
            if *open == 0 {
                self.dropped = None;
            }
            return;
        }
        self.in_title &= name != "title";
        let Some(kept) = kept(name) else { return };
        if let Some(place) = self.open.iter().rposition(|open| *open == kept) {
            self.close_to(place);
        }
    }

    fn text(&mut self, text: &str) {
        if self.dropped.is_some() {
            return;
        }
        if self.in_title {
            self.out.title.push_str(crate::tool::limits::start_of(text, 300));
            self.in_title = false;
        } else {
            escape(text, &mut self.out.html);
        }
    }

    /// An absolute link to the web, if it is one.
    fn link(&self, link: &str) -> Option<String> {
        let link = link.trim();
        if link.len() > 2048 || link.starts_with('#') {
            return None;
        }
        let absolute = match self.base {
            Some(base) => base.join(link).ok()?,
            None => Url::parse(link).ok()?,
        };
        matches!(absolute.scheme(), "http" | "https" | "mailto").then(|| absolute.to_string())
    }

    fn close_to(&mut self, depth: usize) {
        while self.open.len() > depth {
            if let Some(name) = self.open.pop() {
                self.out.html.push_str(&format!("</{name}>"));
            }
        }
    }
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(page: &str) -> Markdown {
        markdown(page, &Url::parse("https://example.org/a/b").expect("url")).expect("markdown")
    }

    #[test]
    fn a_page_becomes_markdown() {
        let page = "<!doctype html><html><head><title>A\n page</title><style>p{}</style><script>if (a<b) {}</script></head><body>
            <h1>Head</h1><p>One <b>bold</b> <a href='../c?d=1#e'>link</a> &amp; &lt;tag&gt;<p>Two<ul><li>x<li>y</ul>
            <a href='javascript:alert(1)'>no</a><table><tr><th>k<th>v<tr><td>1<td>2</table><pre><code>a  b</code></pre></body>";
        let page = of(page);
        assert_eq!(page.title, "A page");
        for part in [
            "# Head",
            "**bold**",
            "[link](https://example.org/c?d=1#e)",
            "Two",
            "*   x\n*   y",
            "| k | v",
            "| 1 | 2",
            "```\na  b\n```",
        ] {
            assert!(page.text.contains(part), "{part:?} in {:?}", page.text);
        }
        assert!(
            !page.text.contains("alert") && !page.text.contains("p{}") && !page.text.contains("a<b"),
            "{}",
            page.text
        );
    }

    #[test]
    fn hostile_pages_take_no_more_than_their_size() {
        // An eighth of what may come: whatever grows with the square would still take minutes and gigabytes.
        const BYTES: usize = MAX_WEB_BYTES / 8;
        let many = |part: &str| part.repeat(BYTES / part.len());
        let numbered = |each: fn(usize) -> String| (0..8_000).map(each).collect::<String>();
        for page in [
            many("<div>"),
            many("<b>"),
            many("<p><font size=1>x"),
            many("<table><tr><td>"),
            format!("<table><tr><td>{}{}", many("x"), many("<tr><td>x")),
            format!("<table><tr>{}{}", many("<td>x"), many("<tr><td>x")),
            many("<ul><li>"),
            many("</p>"),
            many("<a href=x>"),
            many("<svg>"),
            many("<"),
            many("&amp"),
            many("\0"),
            many("[]("),
            numbered(|n| format!("<p><b id={n}></p>")),
            format!("<a {}>", numbered(|n| format!("a{n}=1 "))),
            format!("<title>{}", many("x")),
            format!("<p>{}", many("<!--")),
            many("<blockquote>x"),
            many("<pre><code>"),
            many("<dl><dt><dd>"),
            many("<h1><p><i>"),
        ] {
            let start = page[..30].to_owned();
            let page = of(&page);
            assert!(page.text.len() <= 16 * BYTES && page.title.len() <= 300, "{start}: {}", page.text.len());
        }
    }

    #[test]
    fn the_text_of_a_snippet_has_no_markup() {
        assert_eq!(plain("a <strong>b</strong>\n &amp; c"), "a b & c");
    }
}
