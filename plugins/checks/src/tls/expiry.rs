//! Until when a certificate is valid (RFC 5280 section 4.1.2.5), read from its DER form. Reads that one field, verifies nothing.

use plugin_tls::der::{SEQUENCE, behind, element};

const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The last second of its validity as Unix time.
pub fn not_after(certificate: &[u8]) -> Option<i64> {
    let rest = behind(certificate, 3)?;
    let (tag, validity, _) = element(rest)?;
    let (_, _, end) = element(validity).filter(|_| tag == SEQUENCE)?;
    let (tag, time, _) = element(end)?;
    unix(tag, std::str::from_utf8(time).ok()?)
}

/// `YYMMDDhhmmssZ` or `YYYYMMDDhhmmssZ`.
fn unix(tag: u8, text: &str) -> Option<i64> {
    let digits = text.strip_suffix('Z').filter(|t| t.bytes().all(|b| b.is_ascii_digit()))?;
    let (year, rest) = digits.split_at_checked(if tag == GENERALIZED_TIME { 4 } else { 2 })?;
    let year: i64 = year.parse().ok()?;
    let year = match tag {
        GENERALIZED_TIME => year,
        UTC_TIME if year < 50 => 2000 + year,
        UTC_TIME => 1900 + year,
        _ => return None,
    };
    let part = |at: usize| rest.get(at..at + 2)?.parse::<i64>().ok();
    let [month, day, hour, minute, second] = [part(0)?, part(2)?, part(4)?, part(6)?, part(8)?];
    (rest.len() == 10 && (1..=12).contains(&month)).then(|| ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second)
}

/// Days since 1970-01-01 of the Gregorian calendar: March is the first month, so that the leap day is a year's last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let since_march = (month + 9) % 12;
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * since_march + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION: u8 = 0xa0;

    #[test]
    fn both_forms_of_time_are_read() {
        assert_eq!(unix(UTC_TIME, "700101000000Z"), Some(0));
        assert_eq!(unix(UTC_TIME, "000229120000Z"), Some(951_825_600));
        assert_eq!(unix(GENERALIZED_TIME, "20380119031408Z"), Some(1 << 31));
        assert_eq!(unix(UTC_TIME, "491231235959Z").zip(unix(UTC_TIME, "500101000000Z")), Some((2_524_607_999, -631_152_000)));
        for wrong in ["", "7001010000Z", "700101000000", "70x101000000Z", "701301000000Z"] {
            assert_eq!(unix(UTC_TIME, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_end_of_validity_is_found_in_the_certificate() {
        let wrap = |tag: u8, content: &[u8]| [&[tag, u8::try_from(content.len()).unwrap_or(0)], content].concat();
        let validity = wrap(SEQUENCE, &[wrap(UTC_TIME, b"260101000000Z"), wrap(UTC_TIME, b"700101000001Z")].concat());
        let body = [wrap(VERSION, &[2, 1, 2]), wrap(2, &[7]), wrap(SEQUENCE, &[]), wrap(SEQUENCE, &[]), validity].concat();
        let certificate = wrap(SEQUENCE, &wrap(SEQUENCE, &body));
        assert_eq!(not_after(&certificate), Some(1));
        for cut in 0..certificate.len() {
            assert_eq!(not_after(certificate.get(..cut).unwrap_or_default()), None, "cut at {cut}");
        }
    }
}
