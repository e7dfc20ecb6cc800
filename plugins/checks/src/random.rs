//! Numbers that nobody can guess: cookies, tags and nonces of the protocols.

use plugin_core::Blind;
use rustix::rand::{GetRandomFlags, getrandom};

/// 64 random bits.
///
/// # Errors
/// [`Blind`] if the kernel has none, which it only has not while it boots.
pub fn number() -> Result<u64, Blind> {
    let mut bytes = [0; 8];
    let wrong = |reason: String| Blind::Net { target: "the kernel's random numbers".into(), reason };
    match getrandom(&mut bytes, GetRandomFlags::empty()) {
        Ok(8) => Ok(u64::from_be_bytes(bytes)),
        Ok(length) => Err(wrong(format!("{length} bytes instead of 8"))),
        Err(e) => Err(wrong(std::io::Error::from(e).to_string())),
    }
}

/// 16 hex digits.
///
/// # Errors
/// As [`number`].
pub fn hex() -> Result<String, Blind> {
    Ok(format!("{:016x}", number()?))
}
