//! A server as a child process that ends with the test, however that ends.

use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// Starts its arguments, and ends what it started as soon as its input ends: that is when whoever started it is
/// gone, SIGKILL included.
const LEASH: &str = r#"
"$@" </dev/null &
server=$!
cat
# Some have children of their own, which they end when they are asked to.
kill $server 2>/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10; do
  kill -0 $server 2>/dev/null || exit 0
  sleep 0.1
done
kill -9 $server 2>/dev/null
"#;

/// A server that runs.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    folder: TempDir,
    pub address: SocketAddr,
}

impl ServerProcess {
    /// Starts a program with these arguments, in which `{PORT}` and `{OTHER}` become free ports and `{DIR}` an empty folder.
    /// The braces are in no path that chance makes up.
    pub fn start(program: &Path, arguments: &[&str], env: &[(&str, &str)]) -> io::Result<Self> {
        let folder = folder()?;
        std::fs::create_dir(folder.path().join("data"))?;
        let (port, other) = free_ports()?;
        let fill = |text: &str| {
            let text = text.replace("{PORT}", &port.to_string()).replace("{OTHER}", &other.to_string());
            text.replace("{DIR}", &folder.path().join("data").to_string_lossy())
        };
        let log = File::create(folder.path().join("log"))?;
        let child = Command::new("/bin/sh")
            .args(["-c", LEASH, "leash"])
            .arg(program)
            .args(arguments.iter().map(|argument| fill(argument)))
            .envs(env.iter().map(|(name, value)| (name, fill(value))))
            // What it leaves lying goes with the test.
            .env("HOME", folder.path())
            .env("TMPDIR", folder.path())
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        Ok(Self { child, folder, address: SocketAddr::from(([127, 0, 0, 1], port)) })
    }

    /// The end of what it said.
    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.folder.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(4000)..]).into_owned()
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// A folder in memory where there is one that keeps what servers write beside a file's bytes: tens of thousands of
/// small files are written and deleted.
fn folder() -> io::Result<TempDir> {
    let in_memory = tempfile::tempdir_in("/dev/shm").ok().filter(|folder| {
        let flags = rustix::fs::XattrFlags::empty();
        rustix::fs::setxattr(folder.path(), "user.lemming", b"x", flags).is_ok()
    });
    in_memory.map_or_else(tempfile::tempdir, Ok)
}

fn free_ports() -> io::Result<(u16, u16)> {
    // Both are taken at the same time, so that they are two.
    let (one, other) = (TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?);
    Ok((one.local_addr()?.port(), other.local_addr()?.port()))
}
