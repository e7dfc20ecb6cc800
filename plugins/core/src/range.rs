//! Threshold ranges: the grammar of the Monitoring Plugins guidelines, exactly (CHECKS.md point 6).
//!
//! `nagios-range` judges; this module refuses what that crate wrongly lets through (exponents, signs, infinities, NaN, a
//! lone `:`), prints the canonical short form back, and knows that NaN is not a value.

#[cfg(test)]
mod tests;

use crate::State;
use nagios_range::{CheckType, NagiosRange};
use std::fmt;
use std::str::FromStr;

/// One range: `[@](END | START: | START:END | ~: | ~:END | :END)`; a value outside alerts, with `@` a value inside.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    range: NagiosRange,
    text: String,
}

impl Range {
    /// Does `value` alert? `None` for NaN: it is no value, so nobody can judge it.
    pub fn alerts(&self, value: f64) -> Option<bool> {
        (!value.is_nan()).then(|| self.range.check(value))
    }

    /// The canonical short form (`0:10` is `10`).
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (inside, bounds) = text.strip_prefix('@').map_or((false, text), |rest| (true, rest));
        let wrong = |part: &str| format!("\"{part}\" in the range \"{text}\" is no number: write 10, 10:, ~:10, 10:20 or @10:20");
        let (start, end) = match bounds.split_once(':') {
            None => (0.0, number(bounds).ok_or_else(|| wrong(bounds))?),
            Some(("", "")) => return Err(wrong(bounds)),
            Some((start, end)) => {
                let low = match start {
                    "~" => f64::NEG_INFINITY,
                    "" => 0.0,
                    digits => number(digits).ok_or_else(|| wrong(digits))?,
                };
                (low, if end.is_empty() { f64::INFINITY } else { number(end).ok_or_else(|| wrong(end))? })
            }
        };
        let kind = if inside { CheckType::Inside } else { CheckType::Outside };
        let range = NagiosRange::new(kind, start, end)
            .map_err(|_| format!("the range \"{text}\" starts above its end ({start} > {end}); for negative values write {end}:0 or ~:{end}"))?;
        Ok(Self { range, text: canonical(inside, start, end) })
    }
}

/// A range of percents: each number may carry a `%`.
///
/// # Errors
/// As [`Range::from_str`].
pub fn percent(text: &str) -> Result<Range, String> {
    let plain: Vec<&str> =
        text.split(':').map(|part| part.strip_suffix('%').filter(|n| n.ends_with(|c: char| c.is_ascii_digit())).unwrap_or(part)).collect();
    plain.join(":").parse()
}

/// `-?digits[.digits]` or `-?.digits`, finite.
fn number(text: &str) -> Option<f64> {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let formed = match unsigned.split_once('.') {
        None => digits(unsigned),
        Some((whole, fraction)) => (whole.is_empty() || digits(whole)) && digits(fraction),
    };
    // Adding zero turns -0 into 0, which would print differently and mean the same.
    if formed { text.parse::<f64>().ok().filter(|n| n.is_finite()).map(|n| n + 0.0) } else { None }
}

fn canonical(inside: bool, start: f64, end: f64) -> String {
    let at = if inside { "@" } else { "" };
    let low = if start == f64::NEG_INFINITY { "~".to_owned() } else { start.to_string() };
    if end == f64::INFINITY {
        format!("{at}{low}:")
    } else if start == 0.0 {
        format!("{at}{end}")
    } else {
        format!("{at}{low}:{end}")
    }
}

/// The two thresholds of one value.
#[derive(Clone, Debug, Default, PartialEq, clap::Args)]
pub struct Limits {
    /// WARNING when the value leaves this range
    #[arg(short, long, value_name = "RANGE", allow_hyphen_values = true)]
    pub warning: Option<Range>,
    /// CRITICAL when the value leaves this range
    #[arg(short, long, value_name = "RANGE", allow_hyphen_values = true)]
    pub critical: Option<Range>,
}

impl Limits {
    /// The state of one value, and the range that made it. NaN is UNKNOWN, whether a range is given or not.
    pub fn judge(&self, value: f64) -> (State, Option<&Range>) {
        if value.is_nan() {
            return (State::Unknown, None);
        }
        for (range, state) in [(&self.critical, State::Critical), (&self.warning, State::Warning)] {
            if let Some(hit) = range.as_ref().filter(|r| r.alerts(value) == Some(true)) {
                return (state, Some(hit));
            }
        }
        (State::Ok, None)
    }
}
