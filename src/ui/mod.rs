//! The dashboard: a page of plain modules, styles and images, which this program carries and serves.
//!
//! Its sources are beside this file, and are what browsers get: nothing builds them. `README.md` there says how they are laid
//! out, and `vendor/` holds what others wrote, with licences and checksums.

use std::borrow::Cow;

use rust_embed::RustEmbed;

/// What browsers get, and nothing else that lies in the folder.
#[derive(RustEmbed)]
#[folder = "src/ui/"]
#[include = "*.html"]
#[include = "*.js"]
#[include = "*.css"]
#[include = "*.svg"]
#[include = "*.webmanifest"]
#[include = "vendor/LICENSES"]
struct Files;

/// A file of the page.
#[derive(Debug)]
pub struct File {
    /// What it is.
    pub content_type: &'static str,
    /// Its contents.
    pub bytes: Cow<'static, [u8]>,
    /// The tag of this version of it, in quotes.
    pub etag: String,
}

/// The file at a path, such as `lib/api.js`, if it is one of the page's.
#[must_use]
pub fn file(path: &str) -> Option<File> {
    let found = Files::get(path)?;
    let content_type = match path.rsplit_once('.').map(|(_, kind)| kind) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("webmanifest") => "application/manifest+json",
        _ => "text/plain; charset=utf-8",
    };
    let hash: String = found.metadata.sha256_hash().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    Some(File { content_type, bytes: found.data, etag: format!("\"{hash}\"") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_there_and_nothing_beside_it_is() {
        let page = file("index.html").expect("the page");
        assert!(page.content_type.starts_with("text/html") && page.etag.len() == 34, "{page:?}");
        for path in ["", "mod.rs", "README.md", "../lib.rs", "/index.html", "./index.html"] {
            assert!(file(path).is_none(), "{path}");
        }
    }

    #[test]
    fn no_script_and_no_style_stands_in_a_page() {
        for path in Files::iter().filter(|path| path.ends_with(".html")) {
            let text = String::from_utf8(file(&path).expect("a file").bytes.into_owned()).expect("text");
            assert!(!text.contains("<style") && !text.contains(" style=") && !text.contains(" onclick="), "{path}");
            for script in text.split("<script").skip(1) {
                let (tag, rest) = script.split_once('>').expect("a tag");
                assert!(tag.contains(" src=") && rest.starts_with("</script>"), "{path}: {tag}");
            }
        }
    }
}
