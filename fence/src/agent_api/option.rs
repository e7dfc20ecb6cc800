//! Options of a fence agent: one row makes the standard input key, the flag and the metadata parameter.

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A whole number.
    Integer,
    /// Seconds, fractions allowed.
    Seconds,
    /// 1/yes/on/true or 0/no/off/false; a flag without value on the command line.
    Boolean,
    /// One of a few words.
    Choice(&'static [&'static str]),
}

/// One option.
#[derive(Clone, Copy, Debug)]
pub struct Opt {
    /// The flag; the key on standard input and in the metadata has `_` for `-`.
    pub name: &'static str,
    /// Names from older releases of the field's agents.
    pub old: &'static [&'static str],
    /// Short flag.
    pub short: Option<char>,
    /// What a value looks like.
    pub kind: Kind,
    /// Value when none is given.
    pub default: Option<&'static str>,
    /// Environment variable that stands in when no value is given.
    pub env: Option<&'static str>,
    /// The cluster must give it.
    pub required: bool,
    /// One line.
    pub help: &'static str,
}

impl Opt {
    /// A text option without old names.
    pub const fn text(name: &'static str, help: &'static str) -> Self {
        Opt { name, old: &[], short: None, kind: Kind::Text, default: None, env: None, required: false, help }
    }

    /// Another kind.
    #[must_use]
    pub const fn kind(self, kind: Kind) -> Self {
        Opt { kind, ..self }
    }

    /// With a short flag.
    #[must_use]
    pub const fn short(self, short: char) -> Self {
        Opt { short: Some(short), ..self }
    }

    /// With a default.
    #[must_use]
    pub const fn default(self, default: &'static str) -> Self {
        Opt { default: Some(default), ..self }
    }

    /// With old names.
    #[must_use]
    pub const fn old(self, old: &'static [&'static str]) -> Self {
        Opt { old, ..self }
    }

    /// With an environment variable.
    #[must_use]
    pub const fn env(self, variable: &'static str) -> Self {
        Opt { env: Some(variable), ..self }
    }

    /// The key, with `-` and `_` alike, is one of this option's names.
    pub fn answers_to(&self, key: &str) -> bool {
        let same = |name: &str| key_of(name) == key.replace('-', "_");
        same(self.name) || self.old.iter().any(|old| same(old))
    }
}

/// A flag's name as key of standard input and metadata.
pub fn key_of(flag: &str) -> String {
    flag.replace('-', "_")
}

const IGNORED: &str = "Accepted for drop-in use, without effect";

/// What every power fence agent of the field has.
pub const SHARED: &[Opt] = &[
    Opt { required: true, ..Opt::text("action", "Fencing action").short('o').default("reboot").old(&["option"]) },
    Opt::text("delay", "Wait X seconds before off or reboot").short('w').kind(Kind::Seconds).default("0"),
    Opt::text("login-timeout", "Wait X seconds for a session").kind(Kind::Seconds).default("5"),
    Opt::text("shell-timeout", "Wait X seconds for the answer to a command").kind(Kind::Seconds).default("3"),
    Opt::text("power-timeout", "Test X seconds for the power to change").kind(Kind::Seconds).default("20"),
    Opt::text("power-wait", "Wait X seconds after a power command before the first look").kind(Kind::Seconds).default("0"),
    Opt::text("retry-on", "Send on up to X times").kind(Kind::Integer).default("1"),
    Opt::text("identity", "Refuse off, on and reboot unless the device shows this identity (guid: or uuid: and 32 digits)"),
    Opt::text("verbose", "Say what is done").short('v').kind(Kind::Boolean),
    Opt::text("quiet", "Say nothing but errors").short('q').kind(Kind::Boolean),
    Opt::text("stonith-status-sleep", IGNORED).kind(Kind::Seconds),
    Opt::text("disable-timeout", IGNORED),
    Opt::text("debug-file", IGNORED).short('D').old(&["debug"]),
    Opt::text("verbose-level", IGNORED).kind(Kind::Integer),
    Opt::text("plug-separator", IGNORED),
];
