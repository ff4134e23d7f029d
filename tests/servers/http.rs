//! As much of HTTP/1.1 as a proxy on loopback needs: whole messages, read and written.

use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// A request or a response with its whole body.
#[derive(Debug, Clone)]
pub struct Message {
    /// The first line, without its end.
    pub start: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Message {
    pub fn new(start: impl Into<String>) -> Self {
        Self { start: start.into(), headers: Vec::new(), body: Vec::new() }
    }

    /// A response of this proxy's own.
    pub fn answer(status: &str, body: &str) -> Self {
        let mut answer = Self::new(format!("HTTP/1.1 {status}"));
        answer.set("Content-Type", "application/xml");
        answer.body = body.as_bytes().to_vec();
        answer.set("Content-Length", &body.len().to_string());
        answer
    }

    pub fn method(&self) -> &str {
        self.start.split(' ').next().unwrap_or_default()
    }

    /// Path and query.
    pub fn target(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or_default()
    }

    pub fn status(&self) -> u16 {
        self.start.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_default()
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn remove(&mut self, name: &str) {
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
    }

    pub fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    /// The next request; nothing if the peer has left.
    pub fn read_request(from: &mut impl BufRead) -> io::Result<Option<Self>> {
        let Some(mut request) = Self::read_head(from)? else { return Ok(None) };
        request.read_body(from, false)?;
        Ok(Some(request))
    }

    /// The response to a request of this method.
    pub fn read_response(from: &mut impl BufRead, method: &str) -> io::Result<Self> {
        let closed = || io::Error::new(io::ErrorKind::UnexpectedEof, "no response");
        let mut response = Self::read_head(from)?.ok_or_else(closed)?;
        if method != "HEAD" && !matches!(response.status(), 100..200 | 204 | 304) {
            response.read_body(from, true)?;
        }
        Ok(response)
    }

    fn read_head(from: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut line = String::new();
        if from.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let mut message = Self::new(line.trim_end());
        loop {
            line.clear();
            if from.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match line.trim_end().split_once(':') {
                Some((name, value)) => message.headers.push((name.to_owned(), value.trim().to_owned())),
                None => return Ok(Some(message)),
            }
        }
    }

    fn read_body(&mut self, from: &mut impl BufRead, to_the_end: bool) -> io::Result<()> {
        let invalid = || io::Error::from(io::ErrorKind::InvalidData);
        if self.get("Transfer-Encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            let mut line = String::new();
            loop {
                line.clear();
                from.read_line(&mut line)?;
                let size = line.trim_end().split(';').next().unwrap_or_default();
                let size = u64::from_str_radix(size, 16).map_err(|_| invalid())?;
                from.take(size).read_to_end(&mut self.body)?;
                from.read_line(&mut line)?;
                if size == 0 {
                    break;
                }
            }
            self.remove("Transfer-Encoding");
        } else if let Some(length) = self.get("Content-Length") {
            let length: u64 = length.parse().map_err(|_| invalid())?;
            from.take(length).read_to_end(&mut self.body)?;
            if self.body.len() as u64 != length {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            return Ok(());
        } else if to_the_end {
            from.read_to_end(&mut self.body)?;
            self.set("Connection", "close");
        } else {
            return Ok(());
        }
        self.set("Content-Length", &self.body.len().to_string());
        Ok(())
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{}\r\n", self.start).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }

    pub fn closes(&self) -> bool {
        self.get("Connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// How long a kept connection is trusted: servers close idle ones after a few seconds.
const FRESH: Duration = Duration::from_millis(500);

/// A client of one server.
#[derive(Debug)]
pub struct Client {
    server: SocketAddr,
    kept: Option<(BufReader<TcpStream>, Instant)>,
}

impl Client {
    pub fn new(server: SocketAddr) -> Self {
        Self { server, kept: None }
    }

    pub fn send(&mut self, request: &Message) -> io::Result<Message> {
        let mut stream = match self.kept.take().filter(|(_, used)| used.elapsed() < FRESH) {
            Some((stream, _)) => stream,
            None => {
                let stream = TcpStream::connect(self.server)?;
                stream.set_nodelay(true)?;
                BufReader::new(stream)
            }
        };
        stream.get_mut().write_all(&request.bytes())?;
        let response = Message::read_response(&mut stream, request.method())?;
        if !response.closes() {
            self.kept = Some((stream, Instant::now()));
        }
        Ok(response)
    }
}
