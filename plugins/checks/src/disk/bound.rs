//! Thresholds as the stock `check_disk` takes them: a plain number is the least free space, with `%` or in the unit of
//! `-u`. With a colon or an `@` it is a range of the guidelines, of the free space as well.

use plugin_core::range::percent;
use plugin_core::{Limits, Range};
use std::str::FromStr;

/// A threshold of the free space.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    /// Of the free percent.
    Percent(Range),
    /// Of the free space in units of `-u`.
    Units(Range),
}

impl FromStr for Bound {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains('%') { share(text).map(Bound::Percent) } else { least(text).parse().map(Bound::Units) }
    }
}

/// A threshold of the free percent; the `%` may be left out.
///
/// # Errors
/// As [`Range::from_str`].
pub fn share(text: &str) -> Result<Range, String> {
    percent(&least(text))
}

/// `10` alerts at 10 and below: `@10`.
fn least(text: &str) -> String {
    if text.contains([':', '@']) { text.to_owned() } else { format!("@{text}") }
}

/// As the administrator wrote it.
pub fn written(range: &Range) -> &str {
    plain(range).map_or(range.as_str(), |_| range.as_str().trim_start_matches('@'))
}

/// The number of a plain threshold.
fn plain(range: &Range) -> Option<f64> {
    range.as_str().strip_prefix('@').and_then(|rest| rest.parse().ok())
}

/// The same limits for a value that is `factor` times as large.
pub fn scaled(limits: &Limits, factor: f64) -> Limits {
    let part = |text: &str| text.parse::<f64>().map_or_else(|_| text.to_owned(), |n| (n * factor).to_string());
    let range = |range: &Range| {
        let (at, bounds) = range.as_str().strip_prefix('@').map_or(("", range.as_str()), |rest| ("@", rest));
        format!("{at}{}", bounds.split(':').map(part).collect::<Vec<_>>().join(":")).parse().ok()
    };
    Limits { warning: limits.warning.as_ref().and_then(range), critical: limits.critical.as_ref().and_then(range) }
}

/// Plain limits of the free percent as limits of the used one: what a graph of the used percent can draw.
pub fn mirrored(limits: &Limits) -> Limits {
    let range = |range: &Range| plain(range).and_then(|n| ((1e6 * (100.0 - n)).round() / 1e6).to_string().parse().ok());
    Limits { warning: limits.warning.as_ref().and_then(range), critical: limits.critical.as_ref().and_then(range) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn a_plain_number_is_the_least_free_space_and_a_range_is_one_of_the_guidelines() {
        let alerts = |text: &str, value: f64| match text.parse().unwrap() {
            Bound::Percent(range) => ("%", range.alerts(value).unwrap()),
            Bound::Units(range) => ("u", range.alerts(value).unwrap()),
        };
        assert_eq!([alerts("10%", 9.9), alerts("10%", 10.0), alerts("10%", 10.1)], [("%", true), ("%", true), ("%", false)]);
        assert_eq!([alerts("100", 100.0), alerts("100", 101.0)], [("u", true), ("u", false)]);
        assert_eq!([alerts("10%:", 9.0), alerts("10%:", 10.0)], [("%", true), ("%", false)]);
        assert_eq!([alerts("@10:20", 15.0), alerts("~:", 15.0)], [("u", true), ("u", false)]);
        for wrong in ["", "abc", "%", "-5", "10%%", "5 GB"] {
            assert!(wrong.parse::<Bound>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn limits_are_shown_as_written_and_drawn_in_the_unit_of_the_value() {
        let limits = |warning: &str, critical: &str| Limits { warning: share(warning).ok(), critical: share(critical).ok() };
        let text = |limits: Limits| [limits.warning, limits.critical].map(|r| r.map(|r| r.to_string()));
        assert_eq!(written(&share("10%").unwrap()), "10");
        assert_eq!(written(&share("10:20").unwrap()), "10:20");
        assert_eq!(text(scaled(&limits("10", "~:2"), 1024.0)), [Some("@10240".into()), Some("~:2048".into())]);
        assert_eq!(text(mirrored(&limits("20", "5:"))), [Some("80".into()), None]);
        assert_eq!(text(mirrored(&limits("99.9", "0"))), [Some("0.1".into()), Some("100".into())]);
    }
}
