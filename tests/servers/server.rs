//! The servers: how each is started, and how it is named and known as a store.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lemming::store::open::open;
use object_store::ObjectStore;
use object_store::aws::{AwsAuthorizer, AwsCredential};
use object_store::azure::{AzureAccessKey, AzureAuthorizer, AzureCredential};
use object_store::client::{HttpRequest, HttpRequestBody};

use crate::gcs;
use crate::http::{Client, Message};
use crate::loopback::Loopback;
use crate::process::ServerProcess;

/// Names of servers, parted by spaces, or `all`. Without it nothing is started.
const VARIABLE: &str = "LEMMING_TEST_SERVERS";

const BUCKET: &str = "lemming";
const KEY: &str = "testtest";
/// `testtest`, as Azure writes keys.
const AZURE_KEY: &str = "dGVzdHRlc3Q=";

/// How long a server may take until it answers: some are large, and the machine may be small.
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Versitygw,
    Minio,
    Localstack,
    Azurite,
    FakeGcs,
    /// On demand only, not part of `all`.
    Ceph,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Versitygw => "versitygw",
            Self::Minio => "minio",
            Self::Localstack => "localstack",
            Self::Azurite => "azurite",
            Self::FakeGcs => "fake-gcs-server",
            Self::Ceph => "ceph",
        }
    }

    /// The program below the repository, its arguments, and its environment.
    fn program(self) -> (&'static str, &'static [&'static str], &'static [(&'static str, &'static str)]) {
        match self {
            Self::Versitygw => (
                ".cache/bin/versitygw",
                &["--quiet", "--port", "127.0.0.1:{PORT}", "posix", "{DIR}"],
                &[("ROOT_ACCESS_KEY", "test"), ("ROOT_SECRET_KEY", KEY)],
            ),
            Self::Minio => (
                ".cache/bin/minio",
                &[
                    "server",
                    "{DIR}",
                    "--quiet",
                    "--address",
                    "127.0.0.1:{PORT}",
                    "--console-address",
                    "127.0.0.1:{OTHER}",
                ],
                // Its update check would ask the network.
                &[("MINIO_ROOT_USER", "test"), ("MINIO_ROOT_PASSWORD", KEY), ("MINIO_UPDATE", "off")],
            ),
            Self::Localstack => (
                ".cache/localstack-server/bin/python",
                &["-m", "localstack.runtime.main"],
                &[
                    ("SERVICES", "s3"),
                    ("GATEWAY_LISTEN", "127.0.0.1:{PORT}"),
                    ("DISABLE_EVENTS", "1"),
                    ("DNS_ADDRESS", "0"),
                    ("SKIP_SSL_CERT_DOWNLOAD", "1"),
                    ("LS_LOG", "error"),
                ],
            ),
            Self::Azurite => (
                ".cache/azurite/node_modules/.bin/azurite-blob",
                &[
                    "--silent",
                    "--inMemoryPersistence",
                    "--skipApiVersionCheck",
                    "--disableTelemetry",
                    "--blobHost",
                    "127.0.0.1",
                    "--blobPort",
                    "{PORT}",
                ],
                &[("AZURITE_ACCOUNTS", "test:dGVzdHRlc3Q=")],
            ),
            Self::Ceph => ("localstack/ceph.sh", &["run", "{DIR}", "{PORT}", "{OTHER}"], &[]),
            Self::FakeGcs => (
                ".cache/bin/fake-gcs-server",
                &[
                    "-scheme",
                    "http",
                    "-host",
                    "127.0.0.1",
                    "-port",
                    "{PORT}",
                    "-backend",
                    "memory",
                    "-public-host",
                    "127.0.0.1:{PORT}",
                    "-external-url",
                    "http://127.0.0.1:{PORT}",
                    "-log-level",
                    "error",
                ],
                &[],
            ),
        }
    }
}

/// A server that answers and has an empty bucket.
#[derive(Debug)]
pub struct Server {
    pub kind: Kind,
    process: ServerProcess,
    front: Option<Loopback>,
}

impl Server {
    /// Starts a server; nothing if it is not asked for.
    pub fn start(kind: Kind) -> Option<Self> {
        let asked = std::env::var(VARIABLE).unwrap_or_default();
        if !asked.split_whitespace().any(|name| name == kind.name() || (name == "all" && kind != Kind::Ceph)) {
            println!("skipped: {VARIABLE} does not name {} (`make test-servers` does)", kind.name());
            return None;
        }
        Some(Self::run(kind))
    }

    /// Starts a server, asked for or not.
    pub fn run(kind: Kind) -> Self {
        let (program, arguments, env) = kind.program();
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(program);
        assert!(path.exists(), "{} is not there: localstack/install.sh {}", path.display(), kind.name());
        let process = ServerProcess::start(&path, arguments, env).expect("a server");
        let front = (kind == Kind::FakeGcs).then(|| gcs::front(process.address));
        let server = Self { kind, process, front };
        let began = Instant::now();
        while let Err(why) = server.make_bucket() {
            let log = || server.process.log();
            assert!(began.elapsed() < PATIENCE, "{} does not start: {why}\n{}", kind.name(), log());
            std::thread::sleep(Duration::from_millis(50));
        }
        println!("{} is up after {:.1} s", kind.name(), began.elapsed().as_secs_f64());
        server
    }

    /// Where the store is spoken to.
    pub fn address(&self) -> SocketAddr {
        self.front.as_ref().map_or(self.process.address, Loopback::address)
    }

    /// The name of a store at a prefix of the bucket, spoken to at an address, which may be that of a proxy.
    pub fn url(&self, at: SocketAddr, prefix: &str) -> String {
        match self.kind {
            Kind::Versitygw | Kind::Minio | Kind::Localstack | Kind::Ceph => {
                format!("s3://{BUCKET}/{prefix}?endpoint=http://{at}&region=us-east-1&allow_http=true")
            }
            Kind::Azurite => format!("az://{BUCKET}/{prefix}?endpoint=http://{at}/test&allow_http=true"),
            Kind::FakeGcs => format!("gs://{BUCKET}/{prefix}?base_url=http://{at}&allow_http=true"),
        }
    }

    /// The credentials, as the program finds them in its environment.
    pub fn env(&self) -> Vec<(String, String)> {
        let pairs: &[(&str, &str)] = match self.kind {
            Kind::Versitygw | Kind::Minio | Kind::Localstack | Kind::Ceph => {
                &[("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", KEY)]
            }
            Kind::Azurite => &[("AZURE_STORAGE_ACCOUNT_NAME", "test"), ("AZURE_STORAGE_ACCOUNT_KEY", AZURE_KEY)],
            Kind::FakeGcs => &[("GOOGLE_BEARER_TOKEN", "test")],
        };
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// The bucket, spoken to at an address.
    pub fn open(&self, at: SocketAddr) -> Arc<dyn ObjectStore> {
        open(&self.url(at, ""), self.env()).expect("a store").store
    }

    /// The name of the server.
    pub fn name(&self) -> &'static str {
        self.kind.name()
    }

    fn make_bucket(&self) -> Result<(), String> {
        let at = self.process.address;
        let (method, target, body) = match self.kind {
            Kind::Versitygw | Kind::Minio | Kind::Localstack | Kind::Ceph => {
                ("PUT", format!("/{BUCKET}"), String::new())
            }
            Kind::Azurite => ("PUT", format!("/test/{BUCKET}?restype=container"), String::new()),
            Kind::FakeGcs => ("POST", "/storage/v1/b?project=test".to_owned(), format!(r#"{{"name":"{BUCKET}"}}"#)),
        };
        let mut signed: HttpRequest = HttpRequest::new(HttpRequestBody::from(body.clone()));
        *signed.method_mut() = method.parse().expect("a method");
        *signed.uri_mut() = format!("http://{at}{target}").parse().expect("an address");
        signed.headers_mut().insert("content-length", body.len().to_string().parse().expect("a number"));
        match self.kind {
            Kind::Azurite => {
                let key = AzureCredential::AccessKey(AzureAccessKey::try_new(AZURE_KEY).expect("a key"));
                AzureAuthorizer::new(&key, "test").try_authorize(&mut signed).expect("a signature");
            }
            Kind::FakeGcs => {}
            _ => {
                let key = AwsCredential { key_id: "test".to_owned(), secret_key: KEY.to_owned(), token: None };
                let authorizer = AwsAuthorizer::new(&key, "s3", "us-east-1");
                authorizer.try_authorize(&mut signed, None).expect("a signature");
            }
        }
        let mut request = Message::new(format!("{method} {target} HTTP/1.1"));
        for (name, value) in signed.headers() {
            request.set(name.as_str(), value.to_str().expect("text"));
        }
        request.set("Host", &at.to_string());
        request.body = body.into_bytes();
        let answer = Client::new(at).send(&request).map_err(|error| error.to_string())?;
        match answer.status() {
            200 | 201 => Ok(()),
            // It was applied, and the answer was lost.
            409 => Ok(()),
            _ => Err(format!("{} {}", answer.start, String::from_utf8_lossy(&answer.body))),
        }
    }
}
