//! One HTTP body from a Redfish service, read by everything that reads bodies.

use fence::power::Power;
use fence::redfish::message::{refusal, words};
use fence::redfish::resource::{Collection, Reading, Root, action_info, read, system, task, uuid};
use serde_json::Value;

/// A system is off only where it says so: a `ComputerSystem` whose one `PowerState` is the word `Off`.
pub fn redfish(body: &[u8]) {
    if let Ok(system) = system(body) {
        let off = system.power == Reading::Known(Power::Off);
        let text = String::from_utf8_lossy(body);
        match serde_json::from_str::<Value>(&text) {
            Ok(json) => {
                let kind = json["@odata.type"].as_str().unwrap_or_default();
                assert!(kind.starts_with("#ComputerSystem."), "a {kind:?} counts as a system");
                assert!(!off || json["PowerState"] == "Off", "OFF from {text}");
            }
            // A value that nobody asked for may be wrong (a number too long, a depth too deep); the word has to stand there all the same.
            Err(_) => assert!(!off || text.contains("Off") || text.contains('\\'), "OFF from {text}"),
        }
        if let Some(digits) = &system.uuid {
            assert!(digits.len() == 32 && uuid(digits).as_ref() == Some(digits), "{digits}");
        }
        assert!(system.reset.is_none_or(|reset| reset.allowed.is_none_or(|allowed| !allowed.is_empty())));
    }
    // What people get to read is short and stays on its line, whoever wrote it.
    let said = words(body);
    assert!(said.len() < 4096 && !said.contains(|c: char| c.is_control()), "{said:?}");
    let status = u16::from_le_bytes([body.first().copied().unwrap_or(0), body.last().copied().unwrap_or(0)]);
    let _ = refusal("GET /redfish/v1", status, body);
    let _ = (task(body), action_info(body), read::<Root>(body).map(|root| root.sessions().map(str::to_owned)), read::<Collection>(body));
}
