//! The text part of the rsync daemon protocol (clientserver.c of rsync 2.6 to 3.5; csprotocol.txt): greeting, list of modules,
//! login. Pure: no socket.

use md5::Md5;
use sha2::{Digest, Sha256, Sha512};

/// Our version: 31 speaks lists of digests (rsync 3.2.7), older servers answer with their own lower one.
const OURS: &str = "31.0";

/// What a server says first: `@RSYNCD: 32.0 sha512 sha256 sha1 md5 md4`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// Its protocol.
    pub version: u32,
    /// Digests for logins, in its order; empty before rsync 3.2.7.
    digests: Vec<String>,
}

/// How the password is hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// rsync 3.2.7 and newer.
    Sha512,
    /// rsync 3.2.7 and newer.
    Sha256,
    /// Protocol 30 and newer.
    Md5,
}

impl Greeting {
    /// `None` if this is no rsync daemon.
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.strip_prefix("@RSYNCD: ")?.split_whitespace();
        let version = words.next()?.split('.').next()?.parse().ok()?;
        Some(Self { version, digests: words.map(str::to_owned).collect() })
    }

    /// The best digest that both know; `None` for a server from before protocol 30, which has only a broken MD4.
    pub fn hash(&self) -> Option<Hash> {
        let knows = |name: &str| self.digests.iter().any(|d| d == name);
        match () {
            () if knows("sha512") => Some(Hash::Sha512),
            () if knows("sha256") => Some(Hash::Sha256),
            () if knows("md5") || (self.digests.is_empty() && self.version >= 30) => Some(Hash::Md5),
            () => None,
        }
    }

    /// What we answer: one digest, so that there is nothing to negotiate.
    pub fn answer(&self) -> String {
        let digest = match self.hash() {
            Some(Hash::Sha512) => " sha512",
            Some(Hash::Sha256) => " sha256",
            Some(Hash::Md5) if !self.digests.is_empty() => " md5",
            _ => "",
        };
        // A server that sends no list would take one for part of the version.
        if digest.is_empty() { "@RSYNCD: 30.0\n".into() } else { format!("@RSYNCD: {OURS}{digest}\n") }
    }
}

/// One line after a module was named. Everything else is the message of the day, which may say anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// The module is open for us: its folder is there, too.
    Open,
    /// It wants a login, over this challenge.
    Login(String),
    /// It refuses.
    Error(String),
    /// End of a list.
    Exit,
    /// A line of the list of modules: name and comment.
    Module(String, String),
    /// The message of the day.
    Other,
}

/// Reads one line.
pub fn said(line: &str) -> Said {
    if let Some(rest) = line.strip_prefix("@RSYNCD: ") {
        return match rest.split_once(' ') {
            None if rest == "OK" => Said::Open,
            None if rest == "EXIT" => Said::Exit,
            Some(("AUTHREQD", challenge)) => Said::Login(challenge.to_owned()),
            _ => Said::Other,
        };
    }
    if let Some(error) = line.strip_prefix("@ERROR: ").or_else(|| line.strip_prefix("@ERROR:")) {
        return Said::Error(error.to_owned());
    }
    // "%-15s\t%s"
    match line.split_once('\t') {
        Some((name, comment)) if name.len() >= 15 && !name.trim_end().is_empty() && !name.trim_end().contains(' ') => {
            Said::Module(name.trim_end().to_owned(), comment.to_owned())
        }
        _ => Said::Other,
    }
}

/// The line that proves that we know the password: `user BASE64(hash(password challenge))`.
pub fn login(hash: Hash, user: &str, password: &str, challenge: &str) -> String {
    let digest = match hash {
        Hash::Sha512 => Sha512::new().chain_update(password).chain_update(challenge).finalize().to_vec(),
        Hash::Sha256 => Sha256::new().chain_update(password).chain_update(challenge).finalize().to_vec(),
        Hash::Md5 => Md5::new().chain_update(password).chain_update(challenge).finalize().to_vec(),
    };
    format!("{user} {}\n", base64(&digest))
}

/// RFC 4648 without padding, as rsync writes it.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letter = |bits: u32| ALPHABET.get(usize::try_from(bits & 63).unwrap_or(0)).map_or('A', |b| char::from(*b));
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = (0..3).fold(0_u32, |sum, n| sum << 8 | u32::from(chunk.get(n).copied().unwrap_or(0)));
        text.extend([18, 12, 6, 0].iter().take(chunk.len() + 1).map(|shift| letter(bits >> shift)));
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn the_greeting_decides_the_digest() {
        let hash = |line: &str| Greeting::parse(line).map(|g| (g.version, g.hash(), g.answer()));
        let answer = |text: &str| text.to_owned();
        assert_eq!(hash("@RSYNCD: 32.0 sha512 sha256 sha1 md5 md4"), Some((32, Some(Hash::Sha512), answer("@RSYNCD: 31.0 sha512\n"))));
        assert_eq!(hash("@RSYNCD: 31.0 md5 md4"), Some((31, Some(Hash::Md5), answer("@RSYNCD: 31.0 md5\n"))));
        assert_eq!(hash("@RSYNCD: 31.0"), Some((31, Some(Hash::Md5), answer("@RSYNCD: 30.0\n"))));
        assert_eq!(hash("@RSYNCD: 29"), Some((29, None, answer("@RSYNCD: 30.0\n"))));
        for wrong in ["SSH-2.0-OpenSSH_9.2", "", "@RSYNCD: ", "@RSYNCD: x.0"] {
            assert_eq!(hash(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_message_of_the_day_is_neither_a_module_nor_an_answer() {
        assert_eq!(said("backup         \tnightly"), Said::Module("backup".into(), "nightly".into()));
        assert_eq!(said("a-name-longer-than-fifteen\t"), Said::Module("a-name-longer-than-fifteen".into(), String::new()));
        for motd in ["Welcome\tto us", "", "@RSYNCD", "OK", "Please do not\tuse at night", "@RSYNCD: hello there"] {
            assert_eq!(said(motd), Said::Other, "{motd}");
        }
        assert_eq!(said("@RSYNCD: OK"), Said::Open);
        assert_eq!(said("@RSYNCD: EXIT"), Said::Exit);
        assert_eq!(said("@RSYNCD: AUTHREQD abc+/1"), Said::Login("abc+/1".into()));
        assert_eq!(said("@ERROR: Unknown module 'x'"), Said::Error("Unknown module 'x'".into()));
    }

    #[test]
    fn logins_hash_password_and_challenge_without_padding() {
        assert_eq!(["", "f", "fo", "foo", "foobar"].map(|t| base64(t.as_bytes())), ["", "Zg", "Zm8", "Zm9v", "Zm9vYmFy"], "RFC 4648 section 10");
        // RFC 1321: MD5 of "abc" is 900150983cd24fb0d6963f7d28e17f72.
        assert_eq!(login(Hash::Md5, "mon", "a", "bc"), format!("mon {}\n", base64(&0x9001_5098_3cd2_4fb0_d696_3f7d_28e1_7f72_u128.to_be_bytes())));
        assert_eq!(login(Hash::Sha512, "mon", "a", "bc").len(), "mon ".len() + 86 + 1);
    }
}
