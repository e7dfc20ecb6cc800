//! What every back end reports: the parts of an array set and their conditions, in words that no vendor owns.

use serde::{Deserialize, Serialize};

/// What a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// A controller.
    Controller,
    /// An array, volume or pool.
    Array,
    /// A drive.
    Drive,
    /// A drive that waits for a failure.
    Spare,
    /// Battery or capacitor of the write cache.
    Battery,
    /// The write cache itself.
    Cache,
    /// Fans, sensors and power supplies around the drives.
    Enclosure,
}

impl Kind {
    /// `2 arrays`.
    pub fn count(self, count: usize) -> String {
        let (one, many) = match self {
            Kind::Controller => ("controller", "controllers"),
            Kind::Array => ("array", "arrays"),
            Kind::Drive => ("drive", "drives"),
            Kind::Spare => ("spare", "spares"),
            Kind::Battery => ("battery", "batteries"),
            Kind::Cache => ("cache", "caches"),
            Kind::Enclosure => ("enclosure part", "enclosure parts"),
        };
        format!("{count} {}", if count == 1 { one } else { many })
    }
}

/// How a part is, by what it means for the data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Condition {
    /// As it should be.
    Optimal,
    /// Reads all its data to compare it (verify, patrol, scrub).
    Checking,
    /// On its way back to full redundancy (rebuild, initialisation, migration).
    Resyncing,
    /// The battery measures itself and can't protect the cache meanwhile.
    Learning,
    /// There is a protected write cache, and it is off.
    CacheOff,
    /// Works and will not for long: predicted failure, media errors, foreign configuration, heat, worn battery.
    Suspicious,
    /// Redundancy is lost, or a drive is.
    Degraded,
    /// Data can't be reached.
    Failed,
    /// A state that this version does not know.
    Strange,
}

/// A number of a part.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// Degrees Celsius.
    Temperature(f64),
    /// Sectors that could not be read, or blocks whose checksum was wrong.
    MediaErrors(f64),
    /// Errors of cable, port or command.
    OtherErrors(f64),
    /// Done part of a rebuild or check in percent.
    Progress(f64),
}

/// One part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// What it is.
    pub kind: Kind,
    /// Name as the tool writes it, with its controller (`c0/u0`).
    pub name: String,
    /// How it is.
    pub condition: Condition,
    /// What the tool says of it (`RAID-1 DEGRADED`).
    pub words: String,
    /// Its numbers.
    pub values: Vec<Value>,
}

impl Part {
    /// A part without numbers.
    pub fn new(kind: Kind, name: impl Into<String>, condition: Condition, words: impl Into<String>) -> Self {
        Self { kind, name: name.into(), condition, words: words.into(), values: Vec::new() }
    }

    /// With one more number, where the tool has it.
    #[must_use]
    pub fn value(mut self, value: Option<Value>) -> Self {
        self.values.extend(value);
        self
    }
}

/// Leading digits of `41C(105F)`, ` 28 C`, `12%`: the number that the text starts with.
pub fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '-').unwrap_or(text.len());
    text.get(..end)?.parse().ok()
}
