//! AMI messages: blocks of `Name: value` lines that an empty line ends. Pure.
//!
//! Refuses to write a value that could begin a line of its own: with AMI that is remote control of the PBX.

use md5::{Digest, Md5};
use std::fmt::Write;

/// One block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block(Vec<(String, String)>);

impl Block {
    /// Reads the lines of one block.
    pub fn parse<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let pair = |line: &str| line.split_once(':').map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        Self(lines.filter_map(pair).collect())
    }

    /// The first value of that lower-case name.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The same, as a number.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.field(name)?.parse().ok().filter(|n: &f64| n.is_finite())
    }
}

/// `Asterisk Call Manager/11.0.0`: the version of the protocol.
pub fn banner(line: &str) -> Option<&str> {
    let version = line.trim_end().strip_prefix("Asterisk Call Manager/")?;
    (!version.is_empty() && version.chars().all(|c| c.is_ascii_digit() || c == '.')).then_some(version)
}

/// An action with its fields. Control characters in values become blanks.
pub fn action(name: &str, id: u32, fields: &[(&str, &str)]) -> String {
    let mut text = format!("Action: {name}\r\nActionID: twinguard-{id}\r\n");
    for (field, value) in fields {
        let value: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let _ = write!(text, "{field}: {value}\r\n");
    }
    text.push_str("\r\n");
    text
}

/// Key of a login by challenge: MD5 of challenge and secret in hex.
pub fn key(challenge: &str, secret: &str) -> String {
    Md5::new().chain_update(challenge).chain_update(secret).finalize().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Seconds of `HH:MM:SS`.
pub fn seconds(text: &str) -> Option<f64> {
    let parts: Vec<u32> = text.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    match parts.as_slice() {
        [hours, minutes, seconds] => Some(f64::from(*hours) * 3600.0 + f64::from(*minutes) * 60.0 + f64::from(*seconds)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_banners_and_durations() {
        let block = Block::parse("Response: Success\nActionID: t-1\nPing: Pong\nno field\nSystemName: \nCoreCurrentCalls: 2".lines());
        assert_eq!((block.field("ping"), block.field("systemname"), block.number("corecurrentcalls")), (Some("Pong"), Some(""), Some(2.0)));
        assert_eq!((block.field("nothing"), block.number("ping")), (None, None));
        assert_eq!(banner("Asterisk Call Manager/11.0.0\r\n"), Some("11.0.0"));
        for wrong in ["SSH-2.0", "Asterisk Call Manager/", "Asterisk Call Manager/x", ""] {
            assert_eq!(banner(wrong), None, "{wrong}");
        }
        assert_eq!((seconds("01:02:03"), seconds("100:00:00"), seconds("3"), seconds("a:b:c")), (Some(3723.0), Some(360_000.0), None, None));
    }

    #[test]
    fn a_value_can_not_begin_an_action_of_its_own() {
        assert_eq!(
            action("Login", 2, &[("Username", "mon\r\n\r\nAction: Originate")]),
            "Action: Login\r\nActionID: twinguard-2\r\nUsername: mon    Action: Originate\r\n\r\n"
        );
        // RFC 1321: MD5 of "abc".
        assert_eq!(key("ab", "c"), "900150983cd24fb0d6963f7d28e17f72");
    }
}
