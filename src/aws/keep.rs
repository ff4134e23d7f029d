//! Keeps credentials until shortly before they expire.
//!
//! One caller at a time asks the source; the others go on with what they have while it is valid. A source that does not
//! answer is asked again soon, and the old credentials serve until their end. What no source says the end of is asked
//! for again now and then, as files and programs give new keys without a word.

use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use object_store::aws::AwsCredential;
use tokio::sync::Mutex;

use super::CredentialsError;
use crate::clock::Clock;
use crate::domain::time::Timestamp;

/// So long before their end new ones are asked for: a request that is signed now may be sent again for a while.
const BEFORE_END_MS: i64 = 5 * 60_000;

/// So long are those kept that have no end.
const WITHOUT_END_MS: i64 = 15 * 60_000;

/// So soon is a source asked again that gave none.
const AGAIN_MS: i64 = 5_000;

/// What a source gives.
#[derive(Debug)]
pub struct Loaded {
    /// The credentials.
    pub credential: AwsCredential,
    /// When they end, if they do.
    pub expires_at: Option<Timestamp>,
}

/// Where credentials come from.
#[async_trait]
pub trait Source: Send + Sync {
    /// Asks for credentials.
    ///
    /// # Errors
    /// There are none now.
    async fn load(&self) -> Result<Loaded, CredentialsError>;
}

#[derive(Debug, Default)]
struct Kept {
    credential: Option<Arc<AwsCredential>>,
    ends_ms: i64,
    /// From then on the source is asked again.
    again_ms: i64,
    /// Why it gave none when it was last asked.
    failed: Option<CredentialsError>,
}

/// A source, and what it gave last.
#[derive(Debug)]
pub struct Keeper<S> {
    source: S,
    clock: Arc<dyn Clock>,
    kept: RwLock<Kept>,
    asking: Mutex<()>,
}

impl<S: Source> Keeper<S> {
    /// Asks nobody yet.
    pub fn new(source: S, clock: Arc<dyn Clock>) -> Self {
        Self { source, clock, kept: RwLock::default(), asking: Mutex::default() }
    }

    /// The source.
    pub fn source(&self) -> &S {
        &self.source
    }

    /// Credentials that are valid now.
    ///
    /// # Errors
    /// The source gave none, and what it gave before has ended.
    pub async fn credential(&self) -> Result<Arc<AwsCredential>, CredentialsError> {
        if let Some(answer) = self.remembered(false) {
            return answer;
        }
        // Whoever still has some need not wait for the one that asks.
        let _asking = match (self.asking.try_lock(), self.remembered(true)) {
            (Ok(asking), _) => asking,
            (Err(_), Some(Ok(valid))) => return Ok(valid),
            (Err(_), _) => self.asking.lock().await,
        };
        if let Some(answer) = self.remembered(false) {
            return answer;
        }
        let loaded = self.source.load().await;
        let now = self.clock.now().unix_ms();
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        match loaded {
            Ok(loaded) => {
                let end = loaded.expires_at.map(Timestamp::unix_ms);
                let margin = end.map_or(0, |end| ((end - now) / 5).clamp(0, BEFORE_END_MS));
                let again_ms = end.map_or(now + WITHOUT_END_MS, |end| end - margin).max(now + AGAIN_MS);
                let credential = Arc::new(loaded.credential);
                let ends_ms = end.unwrap_or(i64::MAX).max(again_ms);
                *kept = Kept { credential: Some(Arc::clone(&credential)), ends_ms, again_ms, failed: None };
                Ok(credential)
            }
            Err(error) => {
                kept.again_ms = now + AGAIN_MS;
                match kept.credential.clone().filter(|_| now < kept.ends_ms) {
                    Some(valid) => {
                        tracing::warn!(event = "credentials_not_renewed", %error, "the old AWS credentials are used on");
                        Ok(valid)
                    }
                    None => {
                        kept.failed = Some(error.clone());
                        Err(error)
                    }
                }
            }
        }
    }

    /// What can be said without asking; with `any`, also what should be asked for again.
    fn remembered(&self, any: bool) -> Option<Result<Arc<AwsCredential>, CredentialsError>> {
        let now = self.clock.now().unix_ms();
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        if !any && now >= kept.again_ms {
            return None;
        }
        match &kept.credential {
            Some(valid) if now < kept.ends_ms => Some(Ok(Arc::clone(valid))),
            _ => kept.failed.clone().filter(|_| now < kept.again_ms).map(Err),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
    use std::time::Duration;

    #[derive(Debug, Default)]
    struct Hands(AtomicI64);

    #[async_trait]
    impl Clock for Hands {
        fn now(&self) -> Timestamp {
            Timestamp::from_unix_ms(self.0.load(Ordering::SeqCst))
        }

        async fn sleep(&self, _: Duration) {}
    }

    /// Gives `key-1`, `key-2` and so on, each for so long; or fails.
    #[derive(Debug, Default)]
    struct Numbered {
        asked: AtomicUsize,
        life_ms: AtomicI64,
        now: Arc<Hands>,
        fails: std::sync::atomic::AtomicBool,
    }

    #[async_trait]
    impl Source for Numbered {
        async fn load(&self) -> Result<Loaded, CredentialsError> {
            let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
            tokio::task::yield_now().await;
            if self.fails.load(Ordering::SeqCst) {
                return Err(CredentialsError::none(&Default::default()));
            }
            let life = self.life_ms.load(Ordering::SeqCst);
            let expires_at = (life > 0).then(|| Timestamp::from_unix_ms(self.now.now().unix_ms() + life));
            let credential = AwsCredential { key_id: format!("key-{number}"), secret_key: String::new(), token: None };
            Ok(Loaded { credential, expires_at })
        }
    }

    fn keeper(life_ms: i64) -> (Keeper<Numbered>, Arc<Hands>) {
        let hands = Arc::new(Hands::default());
        let source = Numbered { life_ms: life_ms.into(), now: Arc::clone(&hands), ..Numbered::default() };
        (Keeper::new(source, hands.clone()), hands)
    }

    async fn key(keeper: &Keeper<Numbered>) -> String {
        keeper.credential().await.expect("credentials").key_id.clone()
    }

    #[tokio::test]
    async fn credentials_are_kept_until_shortly_before_their_end() {
        for (life, still, again) in [
            (3_600_000, 3_299_999, 3_300_000),
            // Short lives are not used up by the margin.
            (60_000, 47_999, 48_000),
            // Without an end, a quarter of an hour.
            (0, 899_999, 900_000),
            // What has ended already is at least not asked for at every request.
            (1, 4_999, 5_000),
        ] {
            let (keeper, hands) = keeper(life);
            assert_eq!(key(&keeper).await, "key-1");
            hands.0.store(still, Ordering::SeqCst);
            assert_eq!(key(&keeper).await, "key-1", "{life} at {still}");
            hands.0.store(again, Ordering::SeqCst);
            assert_eq!(key(&keeper).await, "key-2", "{life} at {again}");
        }
    }

    #[tokio::test]
    async fn however_many_ask_at_once_the_source_is_asked_once() {
        let (keeper, hands) = keeper(3_600_000);
        for round in 1..=2 {
            let all = futures::future::join_all((0..50).map(|_| key(&keeper))).await;
            assert_eq!(keeper.source().asked.load(Ordering::SeqCst), round, "{all:?}");
            hands.0.store(3_400_000, Ordering::SeqCst);
        }
    }

    #[tokio::test]
    async fn while_one_asks_again_the_others_use_what_is_still_valid() {
        let (keeper, hands) = keeper(3_600_000);
        assert_eq!(key(&keeper).await, "key-1");
        hands.0.store(3_400_000, Ordering::SeqCst);
        let keys = futures::future::join(key(&keeper), key(&keeper)).await;
        assert_eq!(keys, ("key-2".to_owned(), "key-1".to_owned()));
    }

    #[tokio::test]
    async fn the_old_credentials_serve_until_their_end_while_the_source_gives_none() {
        let (keeper, hands) = keeper(3_600_000);
        assert_eq!(key(&keeper).await, "key-1");
        keeper.source().fails.store(true, Ordering::SeqCst);
        hands.0.store(3_400_000, Ordering::SeqCst);
        assert_eq!(key(&keeper).await, "key-1");
        assert_eq!(key(&keeper).await, "key-1");
        assert_eq!(keeper.source().asked.load(Ordering::SeqCst), 2, "not at every request");
        hands.0.store(3_600_000, Ordering::SeqCst);
        keeper.credential().await.expect_err("ended");
        keeper.credential().await.expect_err("remembered");
        assert_eq!(keeper.source().asked.load(Ordering::SeqCst), 3);
        keeper.source().fails.store(false, Ordering::SeqCst);
        hands.0.store(3_605_000, Ordering::SeqCst);
        assert_eq!(key(&keeper).await, "key-4");
    }
}
