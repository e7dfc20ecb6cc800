//! Cipher suites 17 and 3 (IPMI 2.0 table 22-20): their algorithm numbers and keyed hash.
//!
//! Refuses suite 0 (no authentication at all) and every suite that leaves a packet unsigned or unencrypted: they do not exist here.

use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::Sha256;

/// A suite that may carry a power command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CipherSuite {
    /// Suite 3: RAKP-HMAC-SHA1, HMAC-SHA1-96, AES-CBC-128.
    Sha1,
    /// Suite 17: RAKP-HMAC-SHA256, HMAC-SHA256-128, AES-CBC-128.
    Sha256,
}

impl CipherSuite {
    /// Tried in this order unless the administrator names one.
    pub const DEFAULT: [CipherSuite; 2] = [CipherSuite::Sha256, CipherSuite::Sha1];

    /// Reads a suite number.
    ///
    /// # Errors
    /// What is wrong with the suite, and which ones are offered.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "17" => Ok(CipherSuite::Sha256),
            "3" => Ok(CipherSuite::Sha1),
            "0" => Err("cipher suite 0 accepts any password: refused; use 17 or 3, and disable suite 0 in the BMC".into()),
            other => Err(format!("cipher suite \"{other}\" is not supported: use 17 or 3")),
        }
    }

    /// The suite's number.
    pub const fn number(self) -> u8 {
        match self {
            CipherSuite::Sha1 => 3,
            CipherSuite::Sha256 => 17,
        }
    }

    /// Numbers of the authentication, integrity and confidentiality algorithm (tables 13-17 to 13-19).
    pub const fn algorithms(self) -> [u8; 3] {
        match self {
            CipherSuite::Sha1 => [1, 1, 1],
            CipherSuite::Sha256 => [3, 4, 1],
        }
    }

    /// Length of the key exchange code in RAKP 2 and 3.
    pub const fn digest_len(self) -> usize {
        match self {
            CipherSuite::Sha1 => 20,
            CipherSuite::Sha256 => 32,
        }
    }

    /// Length of the integrity code in RAKP 4 and at the end of each packet.
    pub const fn code_len(self) -> usize {
        match self {
            CipherSuite::Sha1 => 12,
            CipherSuite::Sha256 => 16,
        }
    }

    /// The keyed hash over `parts`, full length. Keys longer than 64 bytes do not occur in RMCP+.
    pub fn hmac(self, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        match self {
            CipherSuite::Sha1 => fed(Hmac::<Sha1>::new(&block(key).into()), parts).finalize().into_bytes().to_vec(),
            CipherSuite::Sha256 => fed(Hmac::<Sha256>::new(&block(key).into()), parts).finalize().into_bytes().to_vec(),
        }
    }

    /// Compares `code`, which must have exactly `length` bytes, with the hash over `parts`, in constant time.
    pub fn verify(self, key: &[u8], parts: &[&[u8]], code: &[u8], length: usize) -> bool {
        code.len() == length
            && match self {
                CipherSuite::Sha1 => fed(Hmac::<Sha1>::new(&block(key).into()), parts).verify_truncated_left(code).is_ok(),
                CipherSuite::Sha256 => fed(Hmac::<Sha256>::new(&block(key).into()), parts).verify_truncated_left(code).is_ok(),
            }
    }
}

fn fed<M: Mac>(mut mac: M, parts: &[&[u8]]) -> M {
    for part in parts {
        mac.update(part);
    }
    mac
}

/// RFC 2104: a key shorter than the block is followed by zeros.
fn block(key: &[u8]) -> [u8; 64] {
    let mut block = [0; 64];
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    block
}

#[cfg(test)]
mod tests {
    use super::CipherSuite;

    #[test]
    fn the_hashes_are_those_of_rfc_2202_and_rfc_4231() {
        let hex = |bytes: Vec<u8>| bytes.iter().fold(String::new(), |text, b| format!("{text}{b:02x}"));
        let (key, data): (&[u8], &[u8]) = (b"Jefe", b"what do ya want for nothing?");
        assert_eq!(hex(CipherSuite::Sha1.hmac(key, &[data])), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        assert_eq!(
            hex(CipherSuite::Sha256.hmac(key, &[b"what do ya want ", b"for nothing?"])),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn a_code_of_another_length_is_no_code() {
        for suite in CipherSuite::DEFAULT {
            let whole = suite.hmac(b"key", &[b"data"]);
            let code = whole.get(..suite.code_len()).unwrap_or_default();
            assert!(suite.verify(b"key", &[b"data"], code, suite.code_len()));
            assert!(!suite.verify(b"kez", &[b"data"], code, suite.code_len()));
            for short in 0..code.len() {
                assert!(!suite.verify(b"key", &[b"data"], code.get(..short).unwrap_or_default(), suite.code_len()));
            }
        }
    }

    #[test]
    fn suite_0_and_strangers_are_refused() {
        assert_eq!(CipherSuite::parse("17"), Ok(CipherSuite::Sha256));
        assert_eq!(CipherSuite::parse(" 3"), Ok(CipherSuite::Sha1));
        assert!(CipherSuite::parse("0").is_err_and(|e| e.contains("any password")));
        assert!(CipherSuite::parse("8").is_err_and(|e| e.contains("17 or 3")));
    }
}
