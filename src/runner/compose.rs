//! The only place that knows every part: opens an organisation and builds the context of its ticks.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;

use crate::clock::{Clock, Entropy, SystemClock, SystemEntropy};
use crate::config::Environment;
use crate::connect::{Connections, Parts};
use crate::delivery::{Carrier, Courier, Looked, Outside as Parcels};
use crate::domain::contract::{self, Addresses};
use crate::domain::ids::Seed;
use crate::domain::name::AgentName;
use crate::engine::{Context, Memo, Progress, Replaying, Stop, Terms};
use crate::ingress::Postbox;
use crate::provider::Providers;
use crate::provider::builtin::{Builtin, Files};
use crate::provider::cli::{Env, Host};
use crate::provider::replay::Replay;
use crate::sandbox::Sandbox;
use crate::store::counting::{Counter, Counting, Requests};
use crate::store::open::{OpenError, Opened, open as open_store};
use crate::store::probe::ProbeError;
use crate::store::{Key, Store, StoreError};
use crate::tool::web::SystemResolver;
use crate::tool::{self, Connector, Outside, Tool};

/// An organisation's place, opened: its files, and all that works on them.
#[derive(Clone)]
pub struct Org {
    /// The organisation's files.
    pub store: Store,
    /// Its place as people may see it: without credentials.
    pub place: String,
    /// Its folder, if it is on a disk.
    pub local_root: Option<PathBuf>,
    opened: Opened,
    counter: Arc<Counter>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    memo: Arc<Memo>,
    environment: Environment,
    sandbox: Option<Sandbox>,
    carrier: Arc<dyn Carrier>,
    looked: Arc<Looked>,
}

impl fmt::Debug for Org {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Org").field("place", &self.place).finish_non_exhaustive()
    }
}

/// Opens the place that a person names. Sends nothing.
///
/// # Errors
/// The name is wrong; nothing was created.
pub fn open(name: &str, environment: &Environment) -> Result<Org, OpenError> {
    let variables = environment.vars().iter().map(|(name, value)| (name.clone(), value.clone()));
    let sandbox = environment.program().map(|program| Sandbox::new(program, environment.temporary()));
    Ok(Org::at(open_store(name, variables)?, environment, sandbox))
}

impl Org {
    fn at(opened: Opened, environment: &Environment, sandbox: Option<Sandbox>) -> Self {
        let counting = Counting::new(Arc::clone(&opened.store));
        let counter = counting.counter();
        let store = Store::new(Arc::new(counting), opened.prefix.clone(), opened.lists_freely);
        let place = opened.display.clone();
        Self {
            store: match opened.identity() {
                Some(identity) => store.with_place(&identity),
                None => store,
            },
            place: opened.display.clone(),
            local_root: opened.local_root.clone(),
            opened,
            counter,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            memo: Arc::default(),
            environment: environment.clone(),
            sandbox,
            carrier: Arc::new(Parcels::new(environment.clone(), place)),
            looked: Arc::default(),
        }
    }

    /// The organisation in the folder of that name directly below this place. It shares the connections and the sandbox.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        Self::at(self.opened.child(name), &self.environment, self.sandbox.clone())
    }

    /// The requests made so far, as a bucket would bill them.
    #[must_use]
    pub fn requests(&self) -> Requests {
        self.counter.read()
    }

    /// Says whether it is gone when this process ends.
    #[must_use]
    pub fn is_in_memory(&self) -> bool {
        self.place.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("memory:"))
    }

    /// The same with another clock, for tests that do not wait.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// The same with other files, such as those that it would have after a change.
    #[must_use]
    pub fn with_store(&self, store: Store) -> Self {
        Self { store, memo: Arc::default(), looked: Arc::default(), ..self.clone() }
    }

    /// The variables that secrets are looked up in.
    #[must_use]
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Time.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// What delivers, by the rules, what was said.
    #[must_use]
    pub fn courier(&self) -> Courier {
        Courier {
            store: self.store.clone(),
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
            carrier: Arc::clone(&self.carrier),
            looked: Arc::clone(&self.looked),
        }
    }

    /// Where mail and commands go in.
    #[must_use]
    pub fn postbox(&self) -> Postbox<'_> {
        Postbox { store: &self.store, clock: self.clock.as_ref(), entropy: self.entropy.as_ref() }
    }

    /// Finds out whether the store keeps the one promise that everything rests on.
    ///
    /// # Errors
    /// It does not, or it did not answer: an organisation must not be founded here.
    pub async fn probe(&self) -> Result<(), ProbeError> {
        let found = self.store.probe(&self.entropy.nonce().0).await;
        if let Some(root) = &self.local_root {
            // A folder outlives its last object on a disk; one that is not empty stays.
            let _ = std::fs::remove_dir(root.join("probe"));
        }
        found
    }

    /// How models are reached: new in every invocation, so that changed scripts are read again.
    #[must_use]
    pub fn providers(&self) -> Arc<dyn Providers> {
        let files = Arc::new(OrgFiles(self.store.clone()));
        let host = Host { base_env: Env(self.environment.vars().clone()), dir: self.local_root.clone(), is_contract };
        let vars = self.environment.vars().clone();
        Arc::new(Builtin::new(files).with_commands(host).with_network(vars, self.local_root.clone()))
    }

    /// Where programs and code of models run, if this process can start it.
    #[must_use]
    pub fn sandbox(&self) -> Option<&Sandbox> {
        self.sandbox.as_ref()
    }

    /// What must differ between any two invocations.
    #[must_use]
    pub fn entropy(&self) -> &dyn Entropy {
        self.entropy.as_ref()
    }

    /// The tools that there are.
    #[must_use]
    pub fn tools(&self) -> Vec<Arc<dyn Tool>> {
        let resolver = Arc::new(SystemResolver);
        let mut tools = tool::with(Outside { environment: self.environment.clone(), resolver });
        // One sandbox for all contexts: it knows how many jobs run at once.
        tools.extend(self.sandbox.iter().flat_map(tool::sandboxed));
        tools
    }

    /// The tools that there are, and with them those that the organisation brings itself, as its files lie there now. Of a
    /// file that cannot be read there are none: `lemming validate` says why.
    ///
    /// # Errors
    /// The store failed.
    pub async fn every_tool(&self) -> Result<Vec<Arc<dyn Tool>>, StoreError> {
        let (toolbox, accepted) = futures::try_join!(self.store.get(&Key::Tools), self.store.get(&Key::ToolsLock))?;
        let mut tools = self.tools();
        if let Some(toolbox) = toolbox.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
            let accepted = accepted.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
            tools.extend(self.connector().tools(&toolbox, &accepted));
        }
        Ok(tools)
    }

    /// What the organisation's own tools and its servers are reached with.
    #[must_use]
    pub fn parts(&self) -> Parts {
        Parts::new(self.environment.clone(), self.sandbox.clone())
    }

    /// What makes the tools that the organisation brings itself.
    #[must_use]
    pub fn connector(&self) -> Arc<dyn Connector> {
        Arc::new(Connections::new(self.parts()))
    }

    /// What a replay of past ticks needs: it calls no model, and writes nothing.
    #[must_use]
    pub fn replaying(&self) -> Replaying {
        let answers = |record| -> Arc<dyn Providers> { Arc::new(Replay::of(record)) };
        Replaying { store: self.store.clone(), tools: self.tools(), connector: self.connector(), answers }
    }

    /// The context of one invocation. Ticks that are to be repeatable have a `seed`.
    #[must_use]
    pub fn context(&self, seed: Option<Seed>, terms: Terms, stop: Stop, progress: Arc<dyn Progress>) -> Context {
        Context {
            store: self.store.clone(),
            providers: self.providers(),
            tools: self.tools(),
            connector: self.connector(),
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
            memo: Arc::clone(&self.memo),
            seed,
            stop,
            terms,
            progress,
        }
    }
}

/// Says whether a text holds an answer in the engine's contract, whoever it is addressed to.
fn is_contract(text: &str) -> bool {
    struct Anyone;
    impl Addresses for Anyone {
        fn knows(&self, _: &AgentName) -> bool {
            true
        }
        fn may_address(&self, _: &AgentName) -> bool {
            true
        }
    }
    contract::parse(text, &Anyone).is_contract
}

/// An organisation's files, as providers read them.
#[derive(Debug)]
struct OrgFiles(Store);

#[async_trait]
impl Files for OrgFiles {
    async fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        match self.0.get_path(path).await {
            Ok(Some(bytes)) => Ok(bytes.to_vec()),
            Ok(None) => Err("there is no such file".to_owned()),
            Err(error) => Err(crate::causes::causes(&error).join(": ")),
        }
    }
}
