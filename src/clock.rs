//! The one home of time and randomness: everything else gets them handed in.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::domain::ids::Seed;
use crate::domain::name::RunnerId;
use crate::domain::time::Timestamp;
use crate::record::Nonce;

/// A clock. Safety never depends on it: a wrong one may cost money inside the ceiling.
#[async_trait]
pub trait Clock: Send + Sync + fmt::Debug {
    /// The present moment.
    fn now(&self) -> Timestamp;
    /// Waits.
    async fn sleep(&self, duration: Duration);
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_unix_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// A source of what must differ between any two invocations.
pub trait Entropy: Send + Sync + fmt::Debug {
    /// Sixteen random bytes.
    fn bytes(&self) -> [u8; 16];

    /// A nonce for one record.
    fn nonce(&self) -> Nonce {
        Nonce(hex(&self.bytes()))
    }

    /// The identity of one invocation.
    fn runner_id(&self) -> RunnerId {
        let text = format!("r-{}", &hex(&self.bytes())[..16]);
        RunnerId::new(&text).unwrap_or_else(|_| unreachable!("hexadecimal digits make a runner id"))
    }

    /// A seed for one tick.
    fn seed(&self) -> Seed {
        let bytes = self.bytes();
        // 53 bits, so that every JSON reader keeps it exactly.
        Seed(bytes[..8].iter().fold(0, |seed, byte| seed << 8 | u64::from(*byte)) >> 11)
    }
}

/// The operating system's entropy.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(clippy::disallowed_methods, reason = "the one place that draws random bytes")]
    fn bytes(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        if let Err(error) = getrandom::fill(&mut bytes) {
            // Without it two runners could take each other's commits for their own.
            panic!("the operating system gives no random bytes: {error}");
        }
        bytes
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
