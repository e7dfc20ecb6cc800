//! One item of performance data: `'label'=value[unit];warn;crit;min;max` in base units.

use crate::{Limits, Range};

/// Base units of performance data; Icinga reads others differently from what their names say (`m` is minutes there).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A plain number.
    Number,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// Percent, 0 to 100.
    Percent,
    /// A counter that only grows.
    Counter,
}

impl Unit {
    const fn symbol(self) -> &'static str {
        match self {
            Unit::Number => "",
            Unit::Seconds => "s",
            Unit::Bytes => "B",
            Unit::Percent => "%",
            Unit::Counter => "c",
        }
    }

    /// The value as a person reads it.
    pub fn words(self, value: f64) -> String {
        match self {
            Unit::Number | Unit::Counter => number(value),
            Unit::Percent => format!("{value:.1}%"),
            Unit::Seconds if value.abs() < 1.0 => format!("{:.1} ms", value * 1e3),
            Unit::Seconds => format!("{value:.1} s"),
            Unit::Bytes => bytes(value),
        }
    }
}

/// Binary multiples, as df prints them.
fn bytes(value: f64) -> String {
    let mut rest = value;
    for unit in ["B", "KiB", "MiB", "GiB", "TiB"] {
        if rest.abs() < 1024.0 {
            return if unit == "B" { format!("{rest:.0} B") } else { format!("{rest:.1} {unit}") };
        }
        rest /= 1024.0;
    }
    format!("{rest:.1} PiB")
}

/// At most six decimals, no exponent, no trailing zeros.
fn number(value: f64) -> String {
    let text = format!("{value:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// One value of performance data.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    label: String,
    value: f64,
    unit: Unit,
    limits: Limits,
    min: Option<f64>,
    max: Option<f64>,
}

impl Metric {
    /// A value without limits, from 0 on (percents: to 100; plain numbers: unbounded). The label should differ from its
    /// siblings within 19 characters.
    pub fn new(label: impl Into<String>, value: f64, unit: Unit) -> Self {
        let min = (unit != Unit::Number).then_some(0.0);
        let max = (unit == Unit::Percent).then_some(100.0);
        Self { label: label.into(), value, unit, limits: Limits::default(), min, max }
    }

    /// With these thresholds.
    #[must_use]
    pub fn limits(mut self, limits: &Limits) -> Self {
        self.limits = limits.clone();
        self
    }

    /// With these bounds of the value.
    #[must_use]
    pub fn bounds(mut self, min: f64, max: f64) -> Self {
        (self.min, self.max) = (Some(min), Some(max));
        self
    }

    /// `None` for a value that is not finite: Icinga refuses the whole line otherwise.
    pub(super) fn render(&self) -> Option<String> {
        let legal = self.label.chars().filter(|c| !matches!(c, '\'' | '|') && !c.is_control());
        let label: String = legal.map(|c| if c == '=' { ' ' } else { c }).collect();
        let range = |r: &Option<Range>| r.as_ref().map_or_else(String::new, Range::to_string);
        let bound = |b: Option<f64>| b.filter(|b| b.is_finite()).map_or_else(String::new, number);
        let (warning, critical) = (range(&self.limits.warning), range(&self.limits.critical));
        let value = self.value.is_finite().then(|| number(self.value))?;
        Some(format!("'{label}'={value}{};{warning};{critical};{};{}", self.unit.symbol(), bound(self.min), bound(self.max)))
    }
}
