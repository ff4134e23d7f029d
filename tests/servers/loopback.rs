//! A small server on loopback, one thread for each connection.

use std::io::{self, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::runtime::Runtime;

use crate::http::{Client, Message};

/// What becomes of a request.
#[derive(Debug)]
pub enum Outcome {
    Answer(Message),
    /// The connection ends with half of the answer.
    Half(Message),
    /// The connection ends without an answer.
    Close,
    /// The connection is reset.
    Reset,
}

/// Answers requests until it is dropped.
#[derive(Debug)]
pub struct Loopback {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
}

impl Loopback {
    /// `answer` is given each request, and a client of the server behind this one.
    pub fn start(
        server: SocketAddr,
        answer: impl Fn(Message, &mut Client) -> io::Result<Outcome> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let ended = Arc::new(AtomicBool::new(false));
        let (answer, stop) = (Arc::new(answer), Arc::clone(&ended));
        // Only tokio sets what makes the end of a connection a reset.
        let runtime = Arc::new(tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime"));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let (Ok(stream), answer, runtime) = (stream, Arc::clone(&answer), Arc::clone(&runtime)) else {
                    continue;
                };
                // A peer that leaves, or was killed, ends its connection and nothing else.
                std::thread::spawn(move || serve(stream, server, &*answer, &runtime).ok());
            }
        });
        Self { address, ended }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(
    stream: TcpStream,
    server: SocketAddr,
    answer: &(impl Fn(Message, &mut Client) -> io::Result<Outcome> + Send + Sync + 'static),
    runtime: &Runtime,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    let mut client = Client::new(server);
    while let Some(request) = Message::read_request(&mut reader)? {
        match answer(request, &mut client).unwrap_or(Outcome::Close) {
            Outcome::Answer(answer) => {
                reader.get_mut().write_all(&answer.bytes())?;
                if answer.closes() {
                    return Ok(());
                }
            }
            Outcome::Half(answer) => {
                let bytes = answer.bytes();
                return reader.get_mut().write_all(&bytes[..bytes.len() / 2]);
            }
            Outcome::Close => return Ok(()),
            Outcome::Reset => {
                let stream = reader.into_inner();
                stream.set_nonblocking(true)?;
                let _entered = runtime.enter();
                return tokio::net::TcpStream::from_std(stream)?.set_zero_linger();
            }
        }
    }
    Ok(())
}
