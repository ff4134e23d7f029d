//! A small server that speaks as S3 does, on loopback, for tests of the real program on a bucket.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

type Objects = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

/// Objects by key, of one bucket. It ends with the process that the test runs in.
pub struct Bucket {
    address: SocketAddr,
    objects: Objects,
}

impl Bucket {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let objects = Objects::default();
        let shared = Arc::clone(&objects);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let objects = Arc::clone(&shared);
                std::thread::spawn(move || serve(&stream, &objects));
            }
        });
        Self { address, objects }
    }

    /// The name of a place in it.
    pub fn url(&self, prefix: &str) -> String {
        format!(
            "s3://bucket/{prefix}?endpoint=http://{}&allow_http=true&region=us-east-1&access_key_id=id&secret_access_key=secret",
            self.address
        )
    }

    /// The objects below a prefix, by what follows it.
    pub fn below(&self, prefix: &str) -> BTreeMap<String, Vec<u8>> {
        let objects = self.objects.lock().unwrap();
        let found =
            objects.iter().filter_map(|(key, bytes)| Some((key.strip_prefix(prefix)?.to_owned(), bytes.clone())));
        found.collect()
    }

    pub fn text(&self, key: &str) -> Option<String> {
        self.objects.lock().unwrap().get(key).map(|bytes| String::from_utf8(bytes.clone()).unwrap())
    }
}

fn serve(stream: &TcpStream, objects: &Objects) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    loop {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if line.trim().is_empty() {
                break;
            }
            head.push(line.trim().to_owned());
        }
        let header = |name: &str| {
            let found = head
                .iter()
                .filter_map(|line| line.split_once(": "))
                .find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.to_owned())
        };
        let mut body = vec![0; header("content-length").map_or(0, |length| length.parse().unwrap())];
        reader.read_exact(&mut body).unwrap();
        let mut words = head[0].split(' ');
        let (method, target) = (words.next().unwrap(), words.next().unwrap());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let key = decoded(path.trim_start_matches("/bucket").trim_start_matches('/'));
        let mut stored = objects.lock().unwrap();
        let (status, answer) = match method {
            "PUT" if header("if-none-match").is_some() && stored.contains_key(&key) => {
                ("412 Precondition Failed", None)
            }
            "PUT" => {
                stored.insert(key, body);
                ("200 OK", None)
            }
            "POST" => {
                let asked = String::from_utf8(body).unwrap();
                let mut deleted = String::new();
                for key in asked.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next()) {
                    stored.remove(&key.replace("&amp;", "&"));
                    let _ = write!(deleted, "<Deleted><Key>{key}</Key></Deleted>");
                }
                ("200 OK", Some(format!("<DeleteResult>{deleted}</DeleteResult>").into_bytes()))
            }
            "DELETE" => {
                stored.remove(&key);
                ("204 No Content", None)
            }
            _ if key.is_empty() => ("200 OK", Some(listing(&stored, query).into_bytes())),
            _ => match stored.get(&key) {
                Some(bytes) => ("200 OK", Some(bytes.clone())),
                None => ("404 Not Found", None),
            },
        };
        drop(stored);
        let answer = answer.unwrap_or_default();
        let mut response = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nETag: \"0\"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n",
            answer.len()
        )
        .into_bytes();
        if method != "HEAD" {
            response.extend(answer);
        }
        if writer.write_all(&response).is_err() {
            return;
        }
    }
}

fn listing(stored: &BTreeMap<String, Vec<u8>>, query: &str) -> String {
    let option = |name: &str| {
        let found = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(known, _)| *known == name);
        found.map(|(_, value)| decoded(value)).unwrap_or_default()
    };
    let (prefix, delimiter, after) = (option("prefix"), option("delimiter"), option("start-after"));
    let (mut contents, mut folders) = (String::new(), Vec::new());
    for (key, bytes) in stored.iter().filter(|(key, _)| key.starts_with(&prefix) && **key > after) {
        let rest = &key[prefix.len()..];
        match rest.split_once('/').filter(|_| !delimiter.is_empty()) {
            Some((folder, _)) => folders.push(format!("{prefix}{folder}/")),
            None => {
                let key = key.replace('&', "&amp;");
                let _ = write!(
                    contents,
                    "<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>0</ETag><Size>{}</Size></Contents>",
                    bytes.len()
                );
            }
        }
    }
    folders.dedup();
    for folder in folders {
        let _ = write!(contents, "<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>");
    }
    format!("<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>")
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next().unwrap(), rest.next().unwrap()];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}
