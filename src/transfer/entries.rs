//! The files in an archive: what whoever made it may have meant badly is refused here.
//!
//! Entries are read raw, so that no extension is interpreted that we do not know, and none is held in memory that is larger
//! than what it extends.

use std::io::{self, BufReader, Read};

use bytes::Bytes;
use flate2::read::GzDecoder;
use tar::EntryType;

use super::{FORMAT, MANIFEST, Manifest, travels};
use crate::store::Key;

/// The most bytes of a long name, or of what else an entry is extended by.
const MAX_EXTENSION_BYTES: u64 = 64 * 1024;

/// How large an archive may be, unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Files.
    pub files: u64,
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Bytes of all.
    pub bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { files: 10_000_000, file_bytes: 256 * 1024 * 1024, bytes: 16 * 1024 * 1024 * 1024 }
    }
}

/// Why an archive is refused.
#[derive(Debug, thiserror::Error)]
pub enum Hostile {
    /// It does not begin as one.
    #[error("it is no export of an organisation: {MANIFEST} must come first")]
    NoExport,
    /// It is of a newer version.
    #[error("its format {0} is newer than {FORMAT}, which this version knows")]
    Newer(u32),
    /// It has something that may not be in one.
    #[error("{path} {why}")]
    Entry {
        /// Its path, as far as it can be shown.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// It is larger than it may be.
    #[error("it has more than {0} unpacked")]
    TooLarge(String),
    /// It ends too early.
    #[error("it is cut off: org.json, which comes last, is missing")]
    CutOff,
    /// It cannot be unpacked.
    #[error("it cannot be unpacked: {0}")]
    Broken(#[from] io::Error),
}

/// Reads an archive and hands over its files, until `take` wants no more.
///
/// # Errors
/// It is refused; what was handed over before that counts for nothing.
pub(super) fn read(
    from: impl Read,
    limits: Limits,
    mut take: impl FnMut((Key, Bytes)) -> bool,
) -> Result<Manifest, Hostile> {
    let mut archive = tar::Archive::new(GzDecoder::new(BufReader::new(from)));
    let (mut files, mut bytes, mut long_name) = (0_u64, 0_u64, None);
    let mut manifest: Option<Manifest> = None;
    for entry in archive.entries()?.raw(true) {
        let mut entry = entry?;
        let size = entry.header().entry_size()?;
        bytes = bytes.saturating_add(size);
        files += 1;
        if bytes > limits.bytes {
            return Err(Hostile::TooLarge(format!("{} bytes", limits.bytes)));
        }
        if files > limits.files {
            return Err(Hostile::TooLarge(format!("{} files", limits.files)));
        }
        let kind = entry.header().entry_type();
        let name = long_name.take().unwrap_or_else(|| entry.path_bytes().into_owned());
        let path = String::from_utf8_lossy(&name).into_owned();
        let refuse = |why| Hostile::Entry { path: path.chars().take(200).collect(), why };
        match kind {
            EntryType::GNULongName | EntryType::XHeader | EntryType::XGlobalHeader => {
                if size > MAX_EXTENSION_BYTES {
                    return Err(refuse("has a name that is longer than any"));
                }
                let mut extension = Vec::new();
                entry.read_to_end(&mut extension)?;
                long_name = match kind {
                    EntryType::GNULongName => {
                        Some(extension.split(|byte| *byte == 0).next().unwrap_or_default().to_vec())
                    }
                    EntryType::XHeader => path_of(&extension),
                    _ => None,
                };
                continue;
            }
            EntryType::Directory => continue,
            EntryType::Regular | EntryType::Continuous => {}
            EntryType::Symlink | EntryType::Link => return Err(refuse("is a link")),
            _ => return Err(refuse("is neither a file nor a folder")),
        }
        let plain = path.strip_prefix("./").unwrap_or(&path);
        if size > limits.file_bytes {
            return Err(refuse("is larger than any file of an organisation"));
        }
        let mut content = Vec::with_capacity(usize::try_from(size.min(1024 * 1024)).unwrap_or(0));
        entry.read_to_end(&mut content)?;
        if content.len() as u64 != size {
            return Err(Hostile::CutOff);
        }
        if manifest.is_none() {
            if plain != MANIFEST {
                return Err(Hostile::NoExport);
            }
            let read: Manifest = serde_json::from_slice(&content).map_err(|_| Hostile::NoExport)?;
            if read.format > FORMAT {
                return Err(Hostile::Newer(read.format));
            }
            manifest = Some(read);
            continue;
        }
        let key = Key::parse(plain).ok_or_else(|| refuse("is no path that an organisation has"))?;
        if travels(&key) && !take((key, Bytes::from(content))) {
            break;
        }
    }
    manifest.ok_or(Hostile::NoExport)
}

/// The path in a pax header, where it has one. Source: POSIX.1-2017, pax, "pax Extended Header".
fn path_of(extension: &[u8]) -> Option<Vec<u8>> {
    let extensions = tar::PaxExtensions::new(extension);
    let found = extensions.filter_map(Result::ok).find(|extension| extension.key_bytes() == b"path");
    found.map(|extension| extension.value_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write as _;

    fn packed(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
        let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (path, kind, bytes) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(*kind);
            header.set_size(bytes.len() as u64);
            // As no honest program would write it.
            let name = &mut header.as_old_mut().name;
            name[..path.len().min(100)].copy_from_slice(&path.as_bytes()[..path.len().min(100)]);
            header.set_cksum();
            archive.append(&header, *bytes).expect("append");
        }
        archive.into_inner().expect("tar").finish().expect("gzip")
    }

    const SAID: &[u8] = br#"{"format": 1, "tick": 0, "closed": null}"#;

    fn read_all(bytes: &[u8], limits: Limits) -> Result<Vec<String>, String> {
        let mut found = Vec::new();
        let read = read(bytes, limits, |(key, _)| {
            found.push(key.path());
            true
        });
        read.map(|_| found).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_no_plain_file_at_a_path_of_an_organisation_is_refused() {
        let file = EntryType::Regular;
        let first = (MANIFEST, file, SAID);
        for (entry, why) in [
            (("../up.json", file, &b"x"[..]), "no path"),
            (("/etc/passwd", file, b"x"), "no path"),
            (("shared/../../up", file, b"x"), "no path"),
            (("notes.txt", file, b"x"), "no path"),
            (("shared/a", EntryType::Symlink, b""), "is a link"),
            (("shared/a", EntryType::Link, b""), "is a link"),
            (("shared/a", EntryType::Char, b""), "neither"),
            (("shared/a", EntryType::Fifo, b""), "neither"),
            (("shared/a", EntryType::GNUSparse, b""), "neither"),
        ] {
            let said = read_all(&packed(&[first, entry]), Limits::default()).expect_err(entry.0);
            assert!(said.contains(why), "{}: {said}", entry.0);
        }
        let ours = packed(&[
            first,
            ("./shared/", EntryType::Directory, b""),
            ("./shared/a.md", file, b"x"),
            ("head.json", file, b"x"),
        ]);
        assert_eq!(read_all(&ours, Limits::default()), Ok(vec!["shared/a.md".to_owned()]));
    }

    #[test]
    fn bombs_and_what_is_no_export_are_refused() {
        let file = EntryType::Regular;
        let first = (MANIFEST, file, SAID);
        let big = vec![0; 200_000];
        let limits = Limits { files: 3, file_bytes: 100_000, bytes: 150_000 };
        for (entries, why) in [
            (vec![first, ("shared/a", file, &big[..100_001])], "larger than any file"),
            (vec![first, ("shared/a", file, &big[..90_000]), ("shared/b", file, &big[..90_000])], "150000 bytes"),
            (vec![first, ("shared/a", EntryType::Directory, &big[..])], "150000 bytes"),
            (vec![first, ("a", EntryType::GNULongName, &big[..70_000])], "longer than any"),
            (vec![first, ("shared/a", file, b""), ("shared/b", file, b""), ("shared/c", file, b"")], "3 files"),
            (vec![("org.json", file, b"{}")], "no export"),
            (vec![(MANIFEST, file, br#"{"format": 2, "tick": 0, "closed": null}"#)], "newer"),
            (vec![], "no export"),
        ] {
            let said = read_all(&packed(&entries), limits).expect_err(why);
            assert!(said.contains(why), "{said} instead of {why}");
        }
        assert!(read_all(b"no gzip at all", limits).is_err());
        let whole = packed(&[first, ("shared/a.md", file, &big[..50_000])]);
        assert!(read_all(&whole[..whole.len() - 20], limits).is_err(), "cut off");
    }

    #[test]
    fn long_names_of_either_kind_are_read() {
        let long = format!("shared/{}/{}.md", "a".repeat(90), "b".repeat(90));
        let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        let mut append = |path: &str, bytes: &[u8]| {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            archive.append_data(&mut header, path, bytes).expect("append");
        };
        append(MANIFEST, SAID);
        append(&long, b"x");
        let mut gzip = archive.into_inner().expect("tar");
        gzip.flush().expect("flush");
        assert_eq!(read_all(&gzip.finish().expect("gzip"), Limits::default()), Ok(vec![long.clone()]));
        let record = |text: String| {
            let length = text.len() + 5;
            format!("{length} {text}\n")
        };
        let pax = record(format!("path={long}"));
        let file = EntryType::Regular;
        let bytes =
            packed(&[(MANIFEST, file, SAID), ("x", EntryType::XHeader, pax.as_bytes()), ("shared/short", file, b"x")]);
        assert_eq!(read_all(&bytes, Limits::default()), Ok(vec![long]));
    }
}
