//! A bucket whose credentials may only read: an S3 server on loopback over a folder, which refuses every write with 403.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

/// Serves a folder as the bucket `bucket`, until the process ends.
pub struct ReadOnlyBucket {
    port: u16,
    refused: Arc<Mutex<Vec<String>>>,
}

impl ReadOnlyBucket {
    pub fn of(folder: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let refused: Arc<Mutex<Vec<String>>> = Arc::default();
        let (log, root) = (Arc::clone(&refused), folder.to_owned());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (log, root) = (Arc::clone(&log), root.clone());
                // Whoever hangs up in the middle has what they wanted.
                thread::spawn(move || drop(answer(stream, &root, &log)));
            }
        });
        Self { port, refused }
    }

    pub fn url(&self) -> String {
        format!(
            "s3://bucket?endpoint=http://127.0.0.1:{}&allow_http=true&access_key_id=id&secret_access_key=key",
            self.port
        )
    }

    /// The writes that were tried and refused.
    pub fn refused(&self) -> Vec<String> {
        self.refused.lock().expect("a log").clone()
    }
}

fn answer(stream: TcpStream, root: &Path, log: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let mut words = line.split_whitespace();
        let (method, target) = (words.next().unwrap_or("").to_owned(), words.next().unwrap_or("").to_owned());
        let (mut length, mut range) = (0, None);
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let header = header.trim().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            if let Some(value) = header.strip_prefix("range: bytes=") {
                let (from, to) = value.split_once('-').unwrap_or((value, ""));
                range = Some((from.parse::<usize>().unwrap_or(0), to.parse::<usize>().ok()));
            }
        }
        std::io::copy(&mut (&mut reader).take(length), &mut std::io::sink())?;
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let key = decoded(path.trim_start_matches("/bucket").trim_start_matches('/'));
        let (status, body) = match method.as_str() {
            "GET" | "HEAD" if key.is_empty() => ("200 OK", list(root, query).into_bytes()),
            "GET" | "HEAD" => match (fs::read(root.join(&key)), range) {
                (Ok(body), Some((from, to))) => {
                    let end = to.map_or(body.len(), |to| (to + 1).min(body.len()));
                    ("206 Partial Content", body[from.min(end)..end].to_vec())
                }
                (Ok(body), None) => ("200 OK", body),
                (Err(_), _) => ("404 Not Found", b"<Error><Code>NoSuchKey</Code></Error>".to_vec()),
            },
            _ => {
                log.lock().expect("a log").push(format!("{method} {key}"));
                ("403 Forbidden", b"<Error><Code>AccessDenied</Code><Message>read only</Message></Error>".to_vec())
            }
        };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nETag: \"{:x}\"\r\nLast-Modified: Tue, 24 Nov 2026 10:00:00 GMT\r\n\r\n",
            body.len(),
            body.len(),
        );
        let mut stream = &stream;
        stream.write_all(head.as_bytes())?;
        if method != "HEAD" {
            stream.write_all(&body)?;
        }
    }
}

fn decoded(text: &str) -> String {
    url::form_urlencoded::parse(format!("k={}", text.replace('+', "%2B")).as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// A page of `ListObjectsV2`: all there is, sorted, folders as common prefixes where a delimiter is named.
fn list(root: &Path, query: &str) -> String {
    let option = |name: &str| {
        url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    let (prefix, after) = (option("prefix").unwrap_or_default(), option("start-after").unwrap_or_default());
    let delimiter = option("delimiter");
    let (mut contents, mut folders) = (String::new(), BTreeSet::new());
    for (path, bytes) in tree(root) {
        let Some(rest) = path.strip_prefix(&prefix).filter(|_| path > after) else { continue };
        if let Some((folder, _)) = rest.split_once('/').filter(|_| delimiter.is_some()) {
            folders.insert(format!("{prefix}{folder}/"));
            continue;
        }
        contents.push_str(&format!(
            "<Contents><Key>{path}</Key><LastModified>2026-11-24T10:00:00.000Z</LastModified><ETag>\"x\"</ETag><Size>{}</Size></Contents>",
            bytes.len()
        ));
    }
    let folders: String =
        folders.iter().map(|at| format!("<CommonPrefixes><Prefix>{at}</Prefix></CommonPrefixes>")).collect();
    format!(
        "<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>false</IsTruncated>{contents}{folders}</ListBucketResult>"
    )
}

/// Every file of a folder by its path, sorted, with its bytes.
pub fn tree(root: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    walk(root, &mut |path| {
        let name = path.strip_prefix(root).expect("below").to_str().expect("text").to_owned();
        found.push((name, fs::read(path).expect("a file")));
    });
    found.sort();
    found
}

/// Calls `each` with every file below a folder.
pub fn walk(folder: &Path, each: &mut dyn FnMut(&PathBuf)) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { walk(&path, each) } else { each(&path) }
    }
}
