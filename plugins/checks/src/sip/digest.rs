//! Digest login (RFC 2617, RFC 7616, RFC 8760): challenge in, header out. Pure.
//!
//! Refuses algorithms that it does not know instead of guessing.

use md5::Md5;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Hash {
    Md5,
    Sha256,
}

impl Hash {
    fn of(self, text: &str) -> String {
        let bytes = match self {
            Self::Md5 => Md5::digest(text).to_vec(),
            Self::Sha256 => Sha256::digest(text).to_vec(),
        };
        bytes.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

/// What a server asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    hash: Hash,
    algorithm: Option<String>,
    realm: String,
    nonce: String,
    opaque: Option<String>,
    /// It offers `qop=auth`.
    protects: bool,
    /// Our login was right, only its nonce too old.
    pub stale: bool,
}

/// The strongest of several challenges that we can answer.
pub fn strongest<'a>(headers: impl Iterator<Item = &'a str>) -> Option<Challenge> {
    headers.filter_map(Challenge::parse).max_by_key(|c| c.hash)
}

impl Challenge {
    fn parse(header: &str) -> Option<Self> {
        let (scheme, rest) = header.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("digest") {
            return None;
        }
        let mut fields = parameters(rest);
        let algorithm = fields.remove("algorithm");
        let hash = match algorithm.as_deref().map(str::to_ascii_uppercase).as_deref() {
            None | Some("MD5") => Hash::Md5,
            Some("SHA-256") => Hash::Sha256,
            Some(_) => return None,
        };
        let protects = fields.get("qop").is_some_and(|q| q.split(',').any(|word| word.trim() == "auth"));
        let stale = fields.get("stale").is_some_and(|s| s.eq_ignore_ascii_case("true"));
        Some(Self {
            hash,
            algorithm,
            realm: fields.remove("realm")?,
            nonce: fields.remove("nonce")?,
            opaque: fields.remove("opaque"),
            protects,
            stale,
        })
    }

    /// The value of the header that answers it.
    pub fn answer(&self, user: &str, password: &str, method: &str, uri: &str, cnonce: &str) -> String {
        let Self { hash, realm, nonce, .. } = self;
        let who = hash.of(&format!("{user}:{realm}:{password}"));
        let what = hash.of(&format!("{method}:{uri}"));
        let response =
            if self.protects { hash.of(&format!("{who}:{nonce}:00000001:{cnonce}:auth:{what}")) } else { hash.of(&format!("{who}:{nonce}:{what}")) };
        let mut text = format!("Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", response=\"{response}\"");
        if let Some(algorithm) = &self.algorithm {
            let _ = write!(text, ", algorithm={algorithm}");
        }
        if self.protects {
            let _ = write!(text, ", qop=auth, nc=00000001, cnonce=\"{cnonce}\"");
        }
        if let Some(opaque) = &self.opaque {
            let _ = write!(text, ", opaque=\"{opaque}\"");
        }
        text
    }
}

/// `name=value, name="quoted, value"`, names in lower case.
fn parameters(text: &str) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_matches([' ', ',', '\t']).to_ascii_lowercase();
        let after = after.trim_start();
        let (value, tail) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        fields.insert(name, value.trim().to_owned());
        rest = tail;
    }
    fields
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;

    const CNONCE: &str = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
    const FIELDS: &str = "realm=\"http-auth@example.org\", qop=\"auth, auth-int\", nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
        opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";

    #[test]
    fn the_examples_of_rfc_7616_section_3_9_1() {
        for (algorithm, response) in
            [("MD5", "8ca523f5e9506fed4657c9700eebdbec"), ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1")]
        {
            let challenge = Challenge::parse(&format!("Digest {FIELDS}, algorithm={algorithm}")).unwrap();
            let answer = challenge.answer("Mufasa", "Circle of Life", "GET", "/dir/index.html", CNONCE);
            assert!(answer.contains(&format!("response=\"{response}\"")), "{answer}");
            assert!(answer.contains(&format!("algorithm={algorithm}, qop=auth, nc=00000001, cnonce=\"{CNONCE}\", opaque=\"FQhe/")), "{answer}");
        }
    }

    #[test]
    fn without_qop_it_is_the_old_way_and_the_strongest_known_wins() {
        let old = Challenge::parse("digest realm=\"testrealm@host.com\",nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\",stale=TRUE").unwrap();
        assert!(old.stale && !old.protects);
        // By hand: MD5(MD5(Mufasa:testrealm@host.com:Circle Of Life):nonce:MD5(GET:/dir/index.html)), RFC 2069 section 2.4 as corrected.
        let answer = old.answer("Mufasa", "Circle Of Life", "GET", "/dir/index.html", "x");
        assert!(answer.ends_with("response=\"670fd8c2df070c60b045671b8b24ff02\""), "{answer}");
        let headers = [
            "Basic realm=\"x\"",
            "Digest realm=\"a\", nonce=\"1\"",
            "Digest realm=\"b\", nonce=\"2\", algorithm=SHA-256",
            "Digest realm=\"c\", nonce=\"3\", algorithm=SHA-512",
        ];
        assert_eq!(strongest(headers.into_iter()).map(|c| c.realm), Some("b".into()));
        assert_eq!(strongest(["Basic x"].into_iter()), None);
    }
}
