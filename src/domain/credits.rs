//! Money: exact decimal amounts, integers of a millionth of a credit.
//!
//! One credit is one US dollar unless `org.json` says otherwise. In JSON an amount is a decimal
//! number of credits with at most six decimals (`0.25`, `3`), or the same as a string. No
//! arithmetic on floats takes place: a JSON number is taken by its decimal digits.

use std::borrow::Cow;
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Millionths in one credit.
pub const MICROS: u64 = 1_000_000;

/// The largest amount: up to here a JSON number carries every millionth exactly (below 2^53).
const MAX_MICROS: u64 = 1_000_000_000 * MICROS;

/// A text that is not an amount of credits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an amount of credits: it must be a number from 0 to 1000000000 with at most six decimals")]
pub struct CreditsError(String);

/// An amount of credits, never negative, exact to a millionth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Credits(u64);

impl Credits {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// An amount from millionths of a credit.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// An amount from whole credits.
    #[must_use]
    pub const fn whole(credits: u64) -> Self {
        Self(credits.saturating_mul(MICROS))
    }

    /// The amount in millionths of a credit.
    #[must_use]
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// Says whether this is nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The difference, or `None` where it would be negative.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(micros) => Some(Self(micros)),
            None => None,
        }
    }

    /// The difference, or nothing where it would be negative.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// This amount `n` times.
    #[must_use]
    pub const fn times(self, n: u64) -> Self {
        Self(self.0.saturating_mul(n))
    }

    /// The cost of `tokens` at this price per million tokens, rounded up to a millionth.
    #[must_use]
    pub fn per_million(self, tokens: u64) -> Self {
        let micros = (u128::from(self.0) * u128::from(tokens)).div_ceil(1_000_000);
        Self(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// Reads a decimal number of credits.
    ///
    /// # Errors
    /// The text is no number, is negative, too large, or has more than six decimals.
    pub fn parse(text: &str) -> Result<Self, CreditsError> {
        let wrong = || CreditsError(text.chars().take(40).collect());
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
        let fraction = match fraction.trim_end_matches('0') {
            "" if digits(fraction) => "0",
            rest => rest,
        };
        if !digits(whole) || !digits(fraction) || fraction.len() > 6 || whole.len() > 12 {
            return Err(wrong());
        }
        let whole: u64 = whole.parse().map_err(|_| wrong())?;
        let micros: u64 = format!("{fraction:0<6}").parse().map_err(|_| wrong())?;
        match whole.checked_mul(MICROS).and_then(|w| w.checked_add(micros)) {
            Some(micros) if micros <= MAX_MICROS => Ok(Self(micros)),
            _ => Err(wrong()),
        }
    }
}

impl Add for Credits {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Credits {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Credits {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Credits {
    /// At least two decimals, at most six: `0.25`, `1.00`, `0.000125`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = format!("{:06}", self.0 % MICROS);
        let kept = fraction.trim_end_matches('0').len().max(2);
        f.pad(&format!("{}.{}", self.0 / MICROS, &fraction[..kept]))
    }
}

impl std::str::FromStr for Credits {
    type Err = CreditsError;
    fn from_str(text: &str) -> Result<Self, CreditsError> {
        Self::parse(text)
    }
}

impl Serialize for Credits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_multiple_of(MICROS) {
            return serializer.serialize_u64(self.0 / MICROS);
        }
        let text = format!("{}.{:06}", self.0 / MICROS, self.0 % MICROS);
        // The nearest float prints as exactly these digits: they are at most fifteen.
        serializer.serialize_f64(text.parse().map_err(serde::ser::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for Credits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Credits;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of credits from 0 to 1000000000 with at most six decimals")
            }
            fn visit_u64<E: de::Error>(self, credits: u64) -> Result<Credits, E> {
                Credits::parse(&credits.to_string()).map_err(E::custom)
            }
            fn visit_i64<E: de::Error>(self, credits: i64) -> Result<Credits, E> {
                Credits::parse(&credits.to_string()).map_err(E::custom)
            }
            fn visit_f64<E: de::Error>(self, credits: f64) -> Result<Credits, E> {
                // `Display` prints the shortest decimal that reads back as the same float, which
                // is what was written wherever it had at most fifteen digits.
                Credits::parse(&credits.to_string()).map_err(E::custom)
            }
            fn visit_str<E: de::Error>(self, credits: &str) -> Result<Credits, E> {
                Credits::parse(credits).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Credits {
    fn schema_name() -> Cow<'static, str> {
        "Credits".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Credits (US dollars by default), exact to a millionth.",
            "type": ["number", "string"],
            "minimum": 0,
            "maximum": 1_000_000_000,
            "pattern": r"^[0-9]+(\.[0-9]{1,6})?$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_are_read_by_their_digits() {
        for (text, micros) in [
            ("0", 0),
            ("0.01", 10_000),
            ("1", MICROS),
            ("0.1", 100_000),
            ("2.50", 2_500_000),
            ("0.000001", 1),
            ("3.0000000", 3 * MICROS),
        ] {
            assert_eq!(Credits::parse(text), Ok(Credits::from_micros(micros)), "{text}");
            let json: Credits = serde_json::from_str(text).expect(text);
            assert_eq!(json.micros(), micros);
        }
        for text in ["", "-1", "1e3", ".5", "5.", "0.0000001", "NaN", "1_000", "1000000001", "9999999999999999999999"] {
            assert!(Credits::parse(text).is_err(), "{text}");
        }
        assert!(serde_json::from_str::<Credits>("-0.5").is_err());
        assert!(serde_json::from_str::<Credits>("1e-9").is_err());
        assert_eq!(serde_json::from_str::<Credits>("1e-6").expect("1e-6").micros(), 1);
    }

    #[test]
    fn token_prices_round_up() {
        assert_eq!(Credits::whole(3).per_million(1).micros(), 3);
        assert_eq!(Credits::from_micros(1).per_million(1).micros(), 1);
        assert_eq!(Credits::from_micros(150_000).per_million(1_000).micros(), 150);
        assert_eq!(Credits::ZERO.per_million(u64::MAX), Credits::ZERO);
    }

    proptest! {
        #[test]
        fn every_amount_survives_json(micros in 0..=MAX_MICROS) {
            let credits = Credits::from_micros(micros);
            let json = serde_json::to_string(&credits).expect("json");
            prop_assert_eq!(serde_json::from_str::<Credits>(&json).expect("credits"), credits);
            prop_assert_eq!(Credits::parse(&credits.to_string()).expect("text"), credits);
        }
    }
}
