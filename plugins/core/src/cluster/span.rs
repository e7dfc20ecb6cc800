//! A length of time as people write it.

use serde::{Deserialize, Deserializer, de::Error};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// `500ms`, `2s`, `15m`, `24h`, or `never` (= `None`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Option<Duration>);

impl Span {
    /// Whole seconds.
    pub const fn seconds(s: u64) -> Self {
        Span(Some(Duration::from_secs(s)))
    }

    /// The time, or the longest that a clock knows for `never`.
    pub fn or_forever(self) -> Duration {
        self.0.unwrap_or(Duration::MAX)
    }

    /// Parses the text form.
    ///
    /// # Errors
    /// The offending text and what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "never" {
            return Ok(Span(None));
        }
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let wrong = || format!("\"{text}\" is no length of time: write 500ms, 2s, 15m, 24h or never");
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let factor = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(wrong()),
        };
        number.checked_mul(factor).map(|ms| Span(Some(Duration::from_millis(ms)))).ok_or_else(wrong)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Span::parse(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Span::parse(text)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("never"),
            Some(t) if t.subsec_millis() != 0 => write!(f, "{}ms", t.as_millis()),
            Some(t) => write!(f, "{}s", t.as_secs()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_nonsense_is_named() {
        assert_eq!(Span::parse("500ms"), Ok(Span(Some(Duration::from_millis(500)))));
        assert_eq!(Span::parse("15m"), Ok(Span::seconds(900)));
        assert_eq!(Span::parse("never"), Ok(Span(None)));
        for wrong in ["", "5", "s", "-1s", "1.5s", "1 s", "99999999999999999999s", "18446744073709551615h"] {
            let error = Span::parse(wrong).map(|s| s.to_string());
            assert!(error.as_ref().is_err_and(|e| e.contains(&format!("\"{wrong}\""))), "{wrong}: {error:?}");
        }
    }
}
