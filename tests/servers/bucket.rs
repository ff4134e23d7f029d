//! An organisation in a bucket of a server, for the campaign of kills.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};

use crate::block_on;
use crate::campaign::Network;
use crate::campaign::place::Place;
use crate::campaign::random::Random;
use crate::proxy::{Proxy, Weather};
use crate::server::Server;

/// Requests of a fast server that are worth having under way at a time.
const PARALLEL: usize = 16;

/// A prefix of a server's bucket.
#[derive(Debug)]
pub struct Bucket {
    url: String,
    runners_url: String,
    env: Vec<(String, String)>,
    store: Arc<dyn ObjectStore>,
    prefix: Path,
}

impl Bucket {
    /// Runners speak to `runners`, with these options of the client, everybody else to the server itself.
    pub fn new(server: &Server, runners: SocketAddr, options: &str, prefix: &str) -> Self {
        let runners_url = format!("{}{options}", server.url(runners, prefix));
        Self {
            url: server.url(server.address(), prefix),
            runners_url,
            env: server.env(),
            store: server.open(server.address()),
            prefix: Path::from(prefix),
        }
    }
}

impl Place for Bucket {
    fn url(&self) -> String {
        self.url.clone()
    }

    fn runners_url(&self) -> String {
        self.runners_url.clone()
    }

    fn env(&self) -> Vec<(String, String)> {
        self.env.clone()
    }

    fn write(&self, path: &str, body: String) {
        let key = Path::parse(format!("{}/{path}", self.prefix)).expect("a key");
        block_on(self.store.put(&key, body.into())).expect("a file");
    }

    fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        let read = self.store.list(Some(&self.prefix)).map_ok(async |meta| {
            let body = self.store.get(&meta.location).await?.bytes().await?;
            let path = meta.location.as_ref()[self.prefix.as_ref().len() + 1..].to_owned();
            Ok((path, body.to_vec()))
        });
        block_on(read.try_buffer_unordered(PARALLEL).try_collect()).expect("all objects")
    }
}

impl Network for Proxy {
    fn begin(&self, random: &mut Random) -> bool {
        let after = random.between(0, 400);
        let weather = match random.between(0, 9) {
            0..3 => Weather::Fair,
            3..7 => Weather::Storm(random.between(1, 8)),
            7..9 => Weather::Cut { after, for_ms: random.between(200, 4_000) },
            _ => Weather::Silence { after, for_ms: random.between(200, 4_000) },
        };
        self.set(weather);
        weather != Weather::Fair
    }

    fn end(&self) {
        self.set(Weather::Fair);
        self.settle();
    }

    fn arrived_late(&self) -> u64 {
        self.late_arrivals()
    }
}
