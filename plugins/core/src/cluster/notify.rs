//! `[notify]`: who is told, and by which ways. Refuses to know how a way works; the mailer reads the relays.

use serde::Deserialize;
use std::path::PathBuf;

/// Mail and further channels.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notify {
    /// Sender.
    pub from: String,
    /// Recipients.
    pub to: Vec<String>,
    /// `smtp://HOST[:PORT]` (STARTTLS required), `smtps://HOST[:PORT]`, `sendmail:/PATH`, in the order in which they are tried.
    pub relays: Vec<String>,
    /// PEM file with the relays' certificate authority; default: the system's.
    pub ca: Option<PathBuf>,
    /// `sha256:HEX` of the certificates that the relays may show; if there is one, no authority counts.
    #[serde(default)]
    pub pin: Vec<String>,
    /// User name for AUTH.
    pub user: Option<String>,
    /// File (0600) with the password for AUTH.
    pub secret: Option<PathBuf>,
    /// Further ways, each a program with its arguments, which gets every message on standard input.
    #[serde(default)]
    pub channels: Vec<Vec<String>>,
    /// More new notifications than this at once are told in one mail.
    #[serde(default = "burst")]
    pub burst: usize,
    /// Most follow-ups (not the first mail of an incident, no cluster event) in ten minutes; what exceeds it waits for one digest.
    #[serde(default = "rate")]
    pub rate: usize,
    /// Icinga's or Nagios' command pipe, which gets the mailer's own state as the passive service `twinguard-mail`.
    pub passive: Option<PathBuf>,
}

const fn burst() -> usize {
    10
}

const fn rate() -> usize {
    30
}

impl Notify {
    /// What can be judged without the mailer's own parts.
    ///
    /// # Errors
    /// One sentence that names the key and what is wrong with it.
    pub fn validate(&self) -> Result<(), String> {
        if self.to.is_empty() {
            return Err("[notify] to is empty: who shall be told? It needs at least one address".into());
        }
        if self.relays.is_empty() {
            return Err("[notify] relays is empty: how shall anybody be told? It needs at least one relay".into());
        }
        for pin in &self.pin {
            fingerprint(pin).map_err(|e| format!("[notify] {e}"))?;
        }
        if self.channels.iter().any(|argv| argv.first().is_none_or(|program| !program.starts_with('/'))) {
            return Err("[notify] channels: each is a list that begins with the absolute path of a program".into());
        }
        if self.burst == 0 || self.rate == 0 {
            return Err("[notify] burst and rate: at least 1".into());
        }
        Ok(())
    }
}

/// The 32 bytes of `sha256:HEX`; colons between the bytes, as openssl prints them, are allowed.
///
/// # Errors
/// One sentence.
pub fn fingerprint(text: &str) -> Result<[u8; 32], String> {
    let wrong = || format!("pin = \"{text}\" is not sha256: and 64 hexadecimal digits (openssl x509 -noout -fingerprint -sha256)");
    let digits: String = text.strip_prefix("sha256:").ok_or_else(wrong)?.chars().filter(|c| *c != ':').collect();
    let mut bytes = [0; 32];
    if digits.len() != 64 || !digits.is_ascii() {
        return Err(wrong());
    }
    for (byte, place) in bytes.iter_mut().zip((0..64).step_by(2)) {
        let pair = digits.get(place..place + 2).filter(|pair| pair.bytes().all(|b| b.is_ascii_hexdigit())).ok_or_else(wrong)?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
    }
    Ok(bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_has_32_bytes_in_either_notation() {
        let plain = format!("sha256:{}", "0aF0".repeat(16));
        let colons = format!("sha256:{}", ["0A", "f0"].repeat(16).join(":"));
        assert_eq!(fingerprint(&plain).unwrap(), fingerprint(&colons).unwrap());
        assert_eq!(fingerprint(&plain).unwrap().get(..2), Some(&[0x0a, 0xf0][..]));
        for wrong in ["", "sha256:", "sha1:00", &plain[7..], &format!("{plain}0"), &plain.replace('a', "+"), &plain.replace('a', "g")] {
            assert!(fingerprint(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_can_not_be_meant_is_refused() {
        let parse = |rest: &str| {
            let text = format!("from = \"a@example.org\"\nto = [\"b@example.org\"]\nrelays = [\"smtp://192.0.2.25\"]\n{rest}");
            toml::from_str::<Notify>(&text).unwrap().validate()
        };
        assert_eq!(parse("channels = [[\"/usr/local/bin/sms\", \"-q\"]]"), Ok(()));
        for wrong in ["channels = [[]]", "channels = [[\"sms\"]]", "pin = [\"00\"]", "burst = 0", "rate = 0"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
