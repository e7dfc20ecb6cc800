//! The IPMI commands that `ipmi-rs` lacks, typed like its own.

use ipmi_rs::connection::{IpmiCommand, Message, NetFn, NotEnoughData};

/// Get Chassis Status (IPMI 2.0 section 28.2).
#[derive(Clone, Copy, Debug)]
pub struct GetChassisStatus;

/// What it tells about the power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChassisStatus {
    /// Bit 0 of the current power state.
    pub power_is_on: bool,
}

impl From<GetChassisStatus> for Message {
    fn from(_: GetChassisStatus) -> Self {
        Message::new_request(NetFn::Chassis, 0x01, Vec::new())
    }
}

impl IpmiCommand for GetChassisStatus {
    type Output = ChassisStatus;
    type Error = NotEnoughData;

    fn parse_success_response(data: &[u8]) -> Result<ChassisStatus, NotEnoughData> {
        // Three bytes are mandatory; an answer cut short says nothing, and surely not "off".
        match data {
            [state, _, _, ..] => Ok(ChassisStatus { power_is_on: state & 1 != 0 }),
            _ => Err(NotEnoughData),
        }
    }
}

/// Chassis Control (section 28.3): only what may be repeated. Cycle, reset and the orderly shutdown are not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChassisControl {
    /// Off at once.
    PowerDown,
    /// On.
    PowerUp,
}

impl From<ChassisControl> for Message {
    fn from(control: ChassisControl) -> Self {
        let code = match control {
            ChassisControl::PowerDown => 0,
            ChassisControl::PowerUp => 1,
        };
        Message::new_request(NetFn::Chassis, 0x02, vec![code])
    }
}

impl IpmiCommand for ChassisControl {
    type Output = ();
    type Error = NotEnoughData;

    fn parse_success_response(_: &[u8]) -> Result<(), NotEnoughData> {
        Ok(())
    }
}

/// Set Session Privilege Level (section 22.18): a session starts as USER whatever was asked for at its opening.
#[derive(Clone, Copy, Debug)]
pub struct SetSessionPrivilege(pub u8);

impl From<SetSessionPrivilege> for Message {
    fn from(level: SetSessionPrivilege) -> Self {
        Message::new_request(NetFn::App, 0x3b, vec![level.0])
    }
}

impl IpmiCommand for SetSessionPrivilege {
    /// The level that now holds.
    type Output = u8;
    type Error = NotEnoughData;

    fn parse_success_response(data: &[u8]) -> Result<u8, NotEnoughData> {
        data.first().map(|level| level & 0x0f).ok_or(NotEnoughData)
    }
}

/// Close Session (section 22.19).
#[derive(Clone, Copy, Debug)]
pub struct CloseSession(pub u32);

impl From<CloseSession> for Message {
    fn from(session: CloseSession) -> Self {
        Message::new_request(NetFn::App, 0x3c, session.0.to_le_bytes().to_vec())
    }
}

impl IpmiCommand for CloseSession {
    type Output = ();
    type Error = NotEnoughData;

    fn parse_success_response(_: &[u8]) -> Result<(), NotEnoughData> {
        Ok(())
    }
}

/// Get System GUID (section 22.14).
#[derive(Clone, Copy, Debug)]
pub struct GetSystemGuid;

impl From<GetSystemGuid> for Message {
    fn from(_: GetSystemGuid) -> Self {
        Message::new_request(NetFn::App, 0x37, Vec::new())
    }
}

impl IpmiCommand for GetSystemGuid {
    /// The 16 bytes in the order of the wire.
    type Output = [u8; 16];
    type Error = NotEnoughData;

    fn parse_success_response(data: &[u8]) -> Result<[u8; 16], NotEnoughData> {
        data.first_chunk().copied().ok_or(NotEnoughData)
    }
}

#[cfg(test)]
mod tests {
    use super::{ChassisControl, ChassisStatus, GetChassisStatus, IpmiCommand, Message, NotEnoughData};

    #[test]
    fn only_bit_0_is_the_power_and_a_short_answer_says_nothing() {
        assert_eq!(GetChassisStatus::parse_success_response(&[0x21, 0x10, 0x40]), Ok(ChassisStatus { power_is_on: true }));
        assert_eq!(GetChassisStatus::parse_success_response(&[0x60, 0x00, 0x00, 0x00]), Ok(ChassisStatus { power_is_on: false }));
        for short in [&[][..], &[0], &[0, 0]] {
            assert_eq!(GetChassisStatus::parse_success_response(short), Err(NotEnoughData));
        }
    }

    #[test]
    fn off_is_the_hard_off() {
        let message = Message::from(ChassisControl::PowerDown);
        assert_eq!((message.netfn_raw(), message.cmd(), message.data()), (0, 2, &[0][..]));
        assert_eq!(Message::from(ChassisControl::PowerUp).data(), [1]);
    }
}
