//! One SNTP exchange (RFC 5905 sections 7.3 and 8, RFC 4330 section 5) as bytes and numbers. Pure: no socket, no clock.

use std::time::Duration;

/// Length of a packet without extensions.
pub const LENGTH: usize = 48;
/// Seconds between 1900 (NTP) and 1970 (Unix).
const EPOCH: u64 = 2_208_988_800;
/// Units of an NTP timestamp in one second.
const SECOND: f64 = 4_294_967_296.0;

/// A question: version 4, client mode. The transmit timestamp is a random cookie and not the time (data minimization): only
/// who has seen the question can answer it.
pub fn request(cookie: u64) -> [u8; LENGTH] {
    let mut packet = [0; LENGTH];
    packet[0] = 0b00_100_011;
    packet[40..].copy_from_slice(&cookie.to_be_bytes());
    packet
}

/// NTP time of a Unix time, modulo the era (136 years).
pub fn ntp_time(unix: Duration) -> u64 {
    let seconds = unix.as_secs().wrapping_add(EPOCH) << 32;
    let fraction = (u64::from(unix.subsec_nanos()) << 32) / 1_000_000_000;
    seconds | fraction
}

/// Seconds from `from` to `to`, by the shorter way around the era.
fn between(from: u64, to: u64) -> f64 {
    to.wrapping_sub(from).cast_signed() as f64 / SECOND
}

/// What a server says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reply {
    /// Leap indicator; 3 = its clock is not synchronised.
    pub leap: u8,
    /// Distance from the reference clock in hops; 0 = see [`Reply::kiss`], 16 = not synchronised.
    pub stratum: u8,
    /// Reading its clock takes this long, in seconds.
    precision: f64,
    /// Round trip to the reference clock, in seconds.
    root_delay: f64,
    /// Uncertainty against the reference clock, in seconds.
    root_dispersion: f64,
    /// Reference: an address, or four letters.
    reference: [u8; 4],
    receive: u64,
    transmit: u64,
}

/// Why a datagram is no answer to the question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Nonsense {
    /// It answers another question, or is forged.
    Foreign,
    /// It is no NTP answer.
    Garbage(String),
}

/// Reads an answer to the question with `cookie`.
///
/// # Errors
/// [`Nonsense`]: go on waiting for the right one.
pub fn parse(datagram: &[u8], cookie: u64) -> Result<Reply, Nonsense> {
    let Some(packet) = datagram.first_chunk::<LENGTH>() else { return Err(Nonsense::Garbage(format!("{} bytes", datagram.len()))) };
    let four = |at: usize| packet.iter().skip(at).take(4).fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
    let eight = |at: usize| u64::from(four(at)) << 32 | u64::from(four(at + 4));
    let (version, mode) = (packet[0] >> 3 & 7, packet[0] & 7);
    if mode != 4 || !(1..=4).contains(&version) {
        return Err(Nonsense::Garbage(format!("version {version}, mode {mode}")));
    }
    if eight(24) != cookie {
        return Err(Nonsense::Foreign);
    }
    let short = |at: usize| f64::from(four(at)) / 65_536.0;
    let reply = Reply {
        leap: packet[0] >> 6,
        stratum: packet[1],
        precision: f64::from(packet[3].cast_signed()).exp2(),
        root_delay: short(4),
        root_dispersion: short(8),
        reference: four(12).to_be_bytes(),
        receive: eight(32),
        transmit: eight(40),
    };
    if reply.transmit == 0 && reply.stratum != 0 { Err(Nonsense::Garbage("no transmit time".into())) } else { Ok(reply) }
}

impl Reply {
    /// The kiss-o'-death code (RFC 5905 section 7.4): the server refuses to serve. A chronyd that is not synchronised sends
    /// stratum 0 without a code, which is none.
    pub fn kiss(&self) -> Option<String> {
        let code: String = self.reference.iter().take_while(|b| **b != 0).map(|b| char::from(*b)).collect();
        let letters = code.len() >= 3 && code.chars().all(|c| c.is_ascii_uppercase());
        (self.stratum == 0 && letters).then_some(code)
    }

    /// May this clock be believed?
    pub fn synchronised(&self) -> bool {
        self.leap != 3 && (1..16).contains(&self.stratum)
    }

    /// Most that this server's clock is off its reference, in seconds (RFC 5905 appendix A.5.5.2).
    pub fn root_distance(&self) -> f64 {
        self.root_delay / 2.0 + self.root_dispersion
    }

    /// What the exchange measured: asked at `sent`, answered at `received` by our clock. `None` if the server held the answer
    /// for longer than the exchange took, which no honest one can.
    pub fn sample(&self, sent: u64, received: u64) -> Option<Sample> {
        let delay = between(sent, received) - between(self.receive, self.transmit);
        let offset = f64::midpoint(between(sent, self.receive), between(received, self.transmit));
        (delay >= -self.precision).then(|| {
            let delay = delay.max(0.0);
            Sample { offset, delay, error: delay / 2.0 + self.root_distance() + self.precision }
        })
    }
}

/// One measured difference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// The server's clock minus ours, in seconds: positive = ours is behind.
    pub offset: f64,
    /// Time on the network, in seconds.
    pub delay: f64,
    /// The offset may be wrong by this much, in seconds.
    pub error: f64,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::float_cmp, reason = "a test ends at the first surprise; these numbers are exact in binary")]
mod tests {
    use super::*;

    fn answer(cookie: u64, receive: u64, transmit: u64) -> [u8; LENGTH] {
        let mut packet = [0; LENGTH];
        packet[..4].copy_from_slice(&[0b00_100_100, 2, 0, 0xec]);
        packet[4..8].copy_from_slice(&0x0000_8000_u32.to_be_bytes());
        packet[8..12].copy_from_slice(&0x0000_4000_u32.to_be_bytes());
        packet[12..16].copy_from_slice(&[192, 0, 2, 1]);
        packet[24..32].copy_from_slice(&cookie.to_be_bytes());
        packet[32..40].copy_from_slice(&receive.to_be_bytes());
        packet[40..].copy_from_slice(&transmit.to_be_bytes());
        packet
    }

    const fn seconds(s: u64) -> u64 {
        s << 32
    }

    #[test]
    fn the_question_is_a_client_of_version_4_and_hides_the_time() {
        let packet = request(0x0102_0304_0506_0708);
        assert_eq!((packet[0], packet.len()), (0x23, 48));
        assert_eq!(packet[40..], [1, 2, 3, 4, 5, 6, 7, 8]);
        assert!(packet[1..40].iter().all(|b| *b == 0));
    }

    #[test]
    fn offset_delay_and_error_are_those_of_rfc_5905() {
        // Ours is 10 s behind; 1 s there, 1 s held, 3 s back.
        let reply = parse(&answer(7, seconds(111), seconds(112)), 7).unwrap();
        let sample = reply.sample(seconds(100), seconds(105)).unwrap();
        assert_eq!((sample.offset, sample.delay), (9.0, 4.0), "half of the asymmetry of 2 s is the error of 1 s");
        assert_eq!(reply.root_distance(), 0.5, "0.5 / 2 + 0.25");
        assert!((sample.error - 2.5).abs() < 1e-5, "{}", sample.error);
    }

    #[test]
    fn a_clock_that_is_decades_wrong_still_has_an_offset_across_the_era_of_2036() {
        let before = ntp_time(Duration::from_secs(2_085_978_495));
        assert_eq!(before >> 32, u64::from(u32::MAX), "the last second of era 0 is 2036-02-07 06:28:15");
        assert_eq!(between(before, ntp_time(Duration::from_secs(2_085_978_496))), 1.0);
        let (in_1980, in_2026) = (ntp_time(Duration::from_secs(315_532_801)), ntp_time(Duration::from_secs(1_795_000_001)));
        assert_eq!(between(in_1980, in_2026), 1_479_467_200.0);
        assert_eq!(between(in_2026, in_1980), -1_479_467_200.0);
    }

    #[test]
    fn only_the_answer_to_this_question_counts() {
        assert_eq!(parse(&answer(7, 1, 2), 8), Err(Nonsense::Foreign));
        assert_eq!(parse(&answer(7, 1, 2)[..47], 7), Err(Nonsense::Garbage("47 bytes".into())));
        assert_eq!(parse(b"SSH-2.0-OpenSSH", 7), Err(Nonsense::Garbage("15 bytes".into())));
        let mut client = answer(7, 1, 2);
        client[0] = 0x23;
        assert_eq!(parse(&client, 7), Err(Nonsense::Garbage("version 4, mode 3".into())));
        assert_eq!(parse(&answer(7, 1, 0), 7), Err(Nonsense::Garbage("no transmit time".into())));
        let reply = parse(&answer(7, seconds(100), seconds(106)), 7).unwrap();
        assert_eq!(reply.sample(seconds(100), seconds(105)), None, "held longer than the exchange took");
    }

    #[test]
    fn a_kiss_of_death_is_told_apart_from_a_server_without_time() {
        let mut packet = answer(7, 1, 2);
        packet[..2].copy_from_slice(&[0b11_100_100, 0]);
        packet[12..16].copy_from_slice(b"RATE");
        assert_eq!(parse(&packet, 7).unwrap().kiss().as_deref(), Some("RATE"));
        packet[12..16].copy_from_slice(&[0; 4]);
        let unsynchronised = parse(&packet, 7).unwrap();
        assert_eq!((unsynchronised.kiss(), unsynchronised.synchronised()), (None, false));
        packet[..2].copy_from_slice(&[0b00_100_100, 16]);
        assert!(!parse(&packet, 7).unwrap().synchronised());
    }
}
