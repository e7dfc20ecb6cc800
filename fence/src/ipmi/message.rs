//! IPMI messages inside a LAN session (IPMI 2.0 section 13.8): addresses, sequence number, checksums. Pure.

use super::wire::Reader;

/// Slave address of the BMC.
const BMC: u8 = 0x20;
/// Software id of a remote console (table 5-4), as a requester's address.
const CONSOLE: u8 = 0x81;

/// A reply taken apart.
#[derive(Debug, PartialEq, Eq)]
pub struct Reply {
    /// Network function of the reply (odd).
    pub netfn: u8,
    /// Sequence number of the request.
    pub sequence: u8,
    /// Command.
    pub command: u8,
    /// Completion code and data.
    pub data: Vec<u8>,
}

/// Builds a request for the BMC. `sequence` has 6 bits.
pub fn request(sequence: u8, netfn: u8, lun: u8, command: u8, data: &[u8]) -> Vec<u8> {
    let to = [BMC, netfn << 2 | lun & 3];
    let mut bytes = to.to_vec();
    bytes.push(checksum(&to));
    let mut from = vec![CONSOLE, sequence << 2, command];
    from.extend(data);
    from.push(checksum(&from));
    bytes.extend(from);
    bytes
}

impl Reply {
    /// Takes a reply apart; `None` if it is none, or a checksum is wrong.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let [console, netfn, _] = reader.array()?;
        let rest = reader.rest();
        if console != CONSOLE || netfn >> 2 & 1 == 0 || sum(bytes.get(..3)?) != 0 || sum(rest) != 0 {
            return None;
        }
        let [_, sequence, command] = reader.array()?;
        let data = reader.rest().split_last()?.1.to_vec();
        (!data.is_empty()).then_some(Reply { netfn: netfn >> 2, sequence: sequence >> 2, command, data })
    }
}

fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| byte.wrapping_add(sum))
}

/// Two's complement checksum (section 13.8): the sum with it is 0.
fn checksum(bytes: &[u8]) -> u8 {
    sum(bytes).wrapping_neg()
}

#[cfg(test)]
mod tests {
    use super::{Reply, request};

    #[test]
    fn get_chassis_status_has_the_bytes_of_the_standard() {
        assert_eq!(request(5, 0x00, 0, 0x01, &[]), [0x20, 0x00, 0xe0, 0x81, 0x14, 0x01, 0x6a]);
    }

    #[test]
    fn a_reply_is_read_and_every_damage_is_seen() {
        let good = [0x81, 0x04, 0x7b, 0x20, 0x14, 0x01, 0x00, 0x21, 0xaa];
        assert_eq!(Reply::parse(&good), Some(Reply { netfn: 1, sequence: 5, command: 1, data: vec![0, 0x21] }));
        for end in 0..good.len() {
            assert_eq!(Reply::parse(good.get(..end).unwrap_or_default()), None, "cut to {end}");
        }
        for at in 0..good.len() {
            let mut bad = good;
            if let Some(byte) = bad.get_mut(at) {
                *byte ^= 0x10;
            }
            assert_eq!(Reply::parse(&bad), None, "byte {at}");
        }
    }
}
