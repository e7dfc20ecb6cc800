//! When a mail that could not be delivered is tried again, and when it is given up. Pure.

use std::time::Duration;

/// Waiting times after the first, second … failed attempt; the last one repeats.
const STEPS_MIN: [u64; 5] = [1, 2, 5, 15, 30];
/// After this time a mail is given up (RFC 5321 section 4.5.4.1 asks for four to five days).
pub const GIVE_UP: Duration = Duration::from_hours(5 * 24);

/// Time to the next attempt after `failed` failed ones, with up to 20 % of jitter that depends on the mail only: mails
/// that failed together don't come back together, and a test can compute it.
pub fn wait(id: &str, failed: u32) -> Duration {
    let step = usize::try_from(failed.saturating_sub(1)).unwrap_or(usize::MAX).min(STEPS_MIN.len() - 1);
    let base = Duration::from_secs(60 * STEPS_MIN.get(step).copied().unwrap_or(30));
    base + base.mul_f64(0.2 * (fnv(&format!("{id}/{failed}")) % 1000) as f64 / 1000.0)
}

/// FNV-1a, 64 bits: stable across versions and machines, which the standard library's hasher does not promise.
pub fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_are_1_2_5_15_30_30_minutes_plus_at_most_a_fifth() {
        for (failed, minutes) in [(0, 1), (1, 1), (2, 2), (3, 5), (4, 15), (5, 30), (6, 30), (u32::MAX, 30)] {
            let base = Duration::from_secs(minutes * 60);
            let wait = wait("id", failed);
            assert!(wait >= base && wait <= base.mul_f64(1.2), "{failed}: {wait:?}");
        }
    }

    #[test]
    fn two_mails_do_not_come_back_together() {
        assert_ne!(wait("a", 1), wait("b", 1));
        assert_eq!(wait("a", 1), wait("a", 1));
    }

    #[test]
    fn fnv_is_the_published_function() {
        // Reference values of FNV-1a 64 ("" and "a").
        assert_eq!((fnv(""), fnv("a")), (0xcbf2_9ce4_8422_2325, 0xaf63_dc4c_8601_ec8c));
    }
}
