//! Opens the store that a person names: a folder, memory, or a bucket with its options.
//!
//! No environment is read here and nothing is sent: the caller passes the variables, and a wrong credential shows at the
//! first request. What a URL says wins over the environment. Neither credentials nor the query of a URL are ever printed.

mod bucket;
mod options;
mod s3;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreScheme};
use url::Url;

/// What a name of a store led to.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The store: the whole bucket, or the folder.
    pub store: Arc<dyn ObjectStore>,
    /// Where in it the organisation is; empty for a folder.
    pub prefix: Path,
    /// The folder, if it is one.
    pub local_root: Option<PathBuf>,
    /// Whether listing costs nothing, as on a disk and in memory.
    pub lists_freely: bool,
    /// Where the bucket is asked for, which tells it from others of its name; none of a folder or of memory.
    pub host: Option<String>,
    /// The name without credentials and query, to be shown.
    pub display: String,
}

impl Opened {
    /// What tells this bucket and prefix from any other, at whatever endpoint; none of a folder or of memory.
    #[must_use]
    pub fn identity(&self) -> Option<String> {
        self.host.as_ref().map(|host| format!("{} at {host}", self.display.trim_end_matches('/')))
    }

    /// The folder of that name directly below.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        Self {
            prefix: self.prefix.clone().join(name),
            local_root: self.local_root.as_ref().map(|root| root.join(name)),
            display: format!("{}/{name}", self.display.trim_end_matches('/')),
            ..self.clone()
        }
    }
}

/// A name that no store can be opened for. Each says what is wrong and what would be right.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Nothing was named.
    #[error("no store was named: give a folder such as ./org, or a bucket such as s3://bucket/prefix")]
    Empty,
    /// It looks like a URL and is none.
    #[error("{url} is not a URL: {why} (a folder of this name is ./{url})")]
    NotAUrl {
        /// What was named.
        url: String,
        /// What the parser says.
        why: String,
    },
    /// Its scheme or host belongs to no store that is known.
    #[error(
        "{url} names no store: use a folder, file:///folder, memory://, s3://bucket/prefix, gs://bucket/prefix, \
         az://container/prefix, or the https:// address of an S3, R2 or Azure bucket"
    )]
    UnknownScheme {
        /// What was named.
        url: String,
    },
    /// A web server.
    #[error(
        "{url} is a web server, which has no create that fails if the object exists: for an S3-compatible store use \
         s3://bucket/prefix?endpoint=http://host:port&allow_http=true"
    )]
    WebServer {
        /// What was named.
        url: String,
    },
    /// It has a user name or password.
    #[error("{url} has credentials before its @: give them as environment variables, where no log shows them")]
    Credentials {
        /// What was named, without them.
        url: String,
    },
    /// It has a fragment, which would silently be dropped.
    #[error("{url} is followed by a #, which a name of a store may not have: write it as %23")]
    Fragment {
        /// What was named, up to there.
        url: String,
    },
    /// A folder on another machine.
    #[error("{url} names the machine {host:?}: a file URL has three slashes, as in file:///home/me/org")]
    FileHost {
        /// What was named.
        url: String,
        /// The machine.
        host: String,
    },
    /// A path that can not be one of an object.
    #[error("the path of {url} cannot be used: {why}")]
    BadPath {
        /// What was named.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// There is something else where the folder should be.
    #[error("{path} is a file: an organisation is a folder")]
    NotAFolder {
        /// The path.
        path: String,
    },
    /// Folders can not be used on this system.
    #[error("{path}: this system cannot keep an organisation in a folder safely; use a bucket")]
    NoFolders {
        /// The path.
        path: String,
    },
    /// A URL without a bucket.
    #[error("{url} names no bucket")]
    NoBucket {
        /// What was named.
        url: String,
    },
    /// An option that this store does not have.
    #[error("{store} has no option {option:?}; it has {known}")]
    UnknownOption {
        /// The kind of store.
        store: &'static str,
        /// The option.
        option: String,
        /// The options it has.
        known: String,
    },
    /// An option with a value it can not have. The value is not shown.
    #[error("the option {option} has a wrong value: it must be {right}")]
    BadOption {
        /// The option.
        option: &'static str,
        /// What it can be.
        right: &'static str,
    },
    /// An endpoint without encryption that was not asked for.
    #[error("the endpoint of {url} is plain http: add allow_http=true ({variable}=true) if that is meant")]
    PlainEndpoint {
        /// What was named.
        url: String,
        /// The environment variable that allows it.
        variable: &'static str,
    },
    /// An endpoint that is no address. It is not shown: it may have a password.
    #[error(
        "the {option} of {url} must begin with http:// or https:// and name nobody, as in {option}=https://host:port"
    )]
    BadEndpoint {
        /// What was named.
        url: String,
        /// What the option is called.
        option: &'static str,
    },
    /// An Azure container of nobody's.
    #[error("{url} is of no account: set AZURE_STORAGE_ACCOUNT_NAME, or add account_name= to the URL")]
    NoAccount {
        /// What was named.
        url: String,
    },
    /// Options behind a path, where they would be a part of the folder's name.
    #[error(
        "{path} is a path, and options need a URL: file://{absolute}?... (a folder whose name has a ? in it must be there \
         already)"
    )]
    OptionsOfAPath {
        /// The path, without what follows it.
        path: String,
        /// The same from the root on.
        absolute: String,
    },
    /// The client refused its configuration.
    #[error("cannot open {url}: {why}")]
    Refused {
        /// What was named.
        url: String,
        /// What the client says, without credentials.
        why: String,
    },
}

/// Opens a store by its name.
///
/// A plain path and `file://` are a folder, whose puts wait for the disk unless the URL says `?fsync=off`; `memory://`
/// is a new store each time. For buckets the query of the URL holds the client's options, and `env` the variables of
/// which those beginning with `AWS_`, `GOOGLE_` and `AZURE_` are used. Retries end well within a lease of 30 s.
///
/// # Errors
/// The name is wrong in a way that only a person can correct; nothing was created or sent.
pub fn open(url: &str, env: impl IntoIterator<Item = (String, String)>) -> Result<Opened, OpenError> {
    if url.trim().is_empty() {
        return Err(OpenError::Empty);
    }
    if !looks_like_url(url) {
        if let Some(path) = before_options(url).filter(|_| !std::path::Path::new(url).exists()) {
            let absolute = std::path::absolute(path).unwrap_or_else(|_| PathBuf::from(path)).display().to_string();
            return Err(OpenError::OptionsOfAPath { path: path.to_owned(), absolute });
        }
        return folder(PathBuf::from(url), true);
    }
    let shown = shown(url);
    let parsed = Url::parse(url).map_err(|error| OpenError::NotAUrl { url: shown.clone(), why: error.to_string() })?;
    if parsed.fragment().is_some() {
        return Err(OpenError::Fragment { url: shown });
    }
    if parsed.password().is_some() || !(parsed.username().is_empty() || is_users_container(parsed.scheme())) {
        return Err(OpenError::Credentials { url: shown });
    }
    match parsed.scheme() {
        "file" => return file_url(&parsed, shown),
        "memory" => return memory(&parsed, shown),
        _ => {}
    }
    if parsed.host_str().is_none_or(str::is_empty) {
        // Slashes too few or too many: what looks like a path may hold a password, which no message may repeat.
        return Err(OpenError::UnknownScheme { url: shown });
    }
    Path::from_url_path(parsed.path())
        .map_err(|error| OpenError::BadPath { url: shown.clone(), why: error.to_string() })?;
    let (scheme, prefix) =
        ObjectStoreScheme::parse(&parsed).map_err(|_| OpenError::UnknownScheme { url: shown.clone() })?;
    let env: Vec<_> = env.into_iter().collect();
    let (store, endpoint) = match scheme {
        ObjectStoreScheme::AmazonS3 => s3::s3(&parsed, &shown, &env)?,
        ObjectStoreScheme::GoogleCloudStorage => bucket::google(&parsed, &shown, &env)?,
        ObjectStoreScheme::MicrosoftAzure => bucket::azure(&parsed, &shown, &env)?,
        ObjectStoreScheme::Http => return Err(OpenError::WebServer { url: shown }),
        _ => return Err(OpenError::UnknownScheme { url: shown }),
    };
    let host = Some(endpoint.unwrap_or_else(|| "its own host".to_owned()));
    Ok(Opened { store, prefix, local_root: None, lists_freely: false, host, display: shown })
}

/// A scheme of two letters or more and a colon; `C:` is a drive.
fn looks_like_url(name: &str) -> bool {
    name.split_once(':').is_some_and(|(scheme, _)| {
        scheme.len() > 1
            && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}

/// What is before `?option=value`, if a name ends like that.
fn before_options(name: &str) -> Option<&str> {
    let (path, query) = name.split_once('?')?;
    let (option, _) = query.split_once('=')?;
    let is_option = !option.is_empty() && option.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (is_option && !path.is_empty()).then_some(path)
}

/// A URL as it may be shown: without its query, and without a user and password. Those are where a person meant
/// them to be, however many slashes were forgotten.
fn shown(url: &str) -> String {
    let url = &url[..url.find(['?', '#']).unwrap_or(url.len())];
    let Some((scheme, rest)) = url.split_once(':') else { return url.to_owned() };
    let (slashes, rest) = rest.split_at(rest.len() - rest.trim_start_matches(['/', '\\']).len());
    let authority = &rest[..rest.find(['/', '\\']).unwrap_or(rest.len())];
    match authority.rsplit_once('@') {
        Some((user, _)) if user.contains(':') || !is_users_container(scheme) => {
            format!("{scheme}:{slashes}{}", &rest[user.len() + 1..])
        }
        _ => url.to_owned(),
    }
}

/// In abfs://container@account the user is the container.
fn is_users_container(scheme: &str) -> bool {
    ["az", "abfs", "abfss"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
}

fn file_url(url: &Url, shown: String) -> Result<Opened, OpenError> {
    if let Some(host) = url.host_str().filter(|host| !host.is_empty()) {
        return Err(OpenError::FileHost { url: shown, host: host.to_owned() });
    }
    let mut fsync = true;
    for (option, value) in url.query_pairs() {
        if option != "fsync" {
            let known = "fsync".to_owned();
            return Err(OpenError::UnknownOption { store: "a folder", option: option.into_owned(), known });
        }
        fsync = match &*value {
            "on" => true,
            "off" => false,
            _ => return Err(OpenError::BadOption { option: "fsync", right: "on or off" }),
        };
    }
    let path =
        url.to_file_path().map_err(|()| OpenError::BadPath { url: shown, why: "it is no path here".to_owned() })?;
    folder(path, fsync)
}

fn memory(url: &Url, shown: String) -> Result<Opened, OpenError> {
    if url.host_str().is_some_and(|host| !host.is_empty()) {
        let why = "a store in memory has no name; a prefix follows three slashes, as in memory:///prefix";
        return Err(OpenError::BadPath { url: shown, why: why.to_owned() });
    }
    if let Some((option, _)) = url.query_pairs().next() {
        let option = option.into_owned();
        return Err(OpenError::UnknownOption { store: "memory", option, known: "none".to_owned() });
    }
    let prefix = Path::from_url_path(url.path()).map_err(|_| {
        // Not what the parser says: it repeats the path, which may be what somebody meant as a password.
        let why = "an empty part, `.`, `..` or a character that no name may hold is in it";
        OpenError::BadPath { url: shown.clone(), why: why.to_owned() }
    })?;
    let store = Arc::new(InMemory::new());
    Ok(Opened { store, prefix, local_root: None, lists_freely: true, host: None, display: shown })
}

#[cfg(unix)]
fn folder(path: PathBuf, fsync: bool) -> Result<Opened, OpenError> {
    // Absolute, so that what is shown says where it is; the links on the way to it are the caller's choice.
    let path = std::path::absolute(&path).unwrap_or(path);
    let display = path.display().to_string();
    if path.exists() && !path.is_dir() {
        return Err(OpenError::NotAFolder { path: display });
    }
    let store = super::local::LocalStore::new(&path).with_fsync(fsync);
    Ok(Opened {
        store: Arc::new(store),
        prefix: Path::ROOT,
        local_root: Some(path),
        lists_freely: true,
        host: None,
        display,
    })
}

#[cfg(not(unix))]
fn folder(path: PathBuf, _fsync: bool) -> Result<Opened, OpenError> {
    Err(OpenError::NoFolders { path: path.display().to_string() })
}
