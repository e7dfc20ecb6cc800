//! The few Redfish resources that switching needs, read from JSON (DSP0266; schemas `ServiceRoot`, `ComputerSystem`, `ActionInfo`, `Task`).
//!
//! Pure. Takes only what the schema says: an unknown, missing or doubled `PowerState` is never a power state.

use crate::power::Power;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A resource's path.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Reference {
    /// As the service writes it; may lead anywhere.
    #[serde(rename = "@odata.id")]
    pub path: String,
}

/// The service's root.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Root {
    /// The collection of systems.
    #[serde(rename = "Systems")]
    pub systems: Option<Reference>,
    #[serde(rename = "Links")]
    links: Option<Links>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Links {
    #[serde(rename = "Sessions")]
    sessions: Option<Reference>,
}

impl Root {
    /// Where a session is opened.
    pub fn sessions(&self) -> Option<&str> {
        Some(self.links.as_ref()?.sessions.as_ref()?.path.as_str())
    }
}

/// One page of a collection.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Collection {
    /// Its members.
    #[serde(rename = "Members")]
    pub members: Vec<Reference>,
    /// The next page.
    #[serde(rename = "Members@odata.nextLink")]
    pub next: Option<String>,
}

/// What a system says about its power.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// On or off.
    Known(Power),
    /// On its way: `PoweringOn`, `PoweringOff`.
    Changing(String),
    /// Everything else, as it is written.
    Unknown(String),
}

/// How a system is switched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reset {
    /// Where the action is sent.
    pub target: String,
    /// The `ResetType`s that it takes, where the service says so.
    pub allowed: Option<Vec<String>>,
    /// Where it says so otherwise.
    pub info: Option<String>,
}

/// One system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct System {
    /// Its `Id`.
    pub id: Option<String>,
    /// 32 hexadecimal digits; `None` if it has no UUID, or one that belongs to nobody (zeros, ones).
    pub uuid: Option<String>,
    /// Its power.
    pub power: Reading,
    /// How it is switched, if it can be.
    pub reset: Option<Reset>,
}

#[derive(Deserialize)]
struct RawSystem {
    #[serde(rename = "@odata.type")]
    kind: Option<String>,
    #[serde(rename = "Id")]
    id: Option<String>,
    #[serde(rename = "UUID")]
    uuid: Option<String>,
    #[serde(rename = "PowerState")]
    power: Option<Value>,
    #[serde(rename = "Actions")]
    actions: Option<RawActions>,
}

#[derive(Deserialize)]
struct RawActions {
    #[serde(rename = "#ComputerSystem.Reset")]
    reset: Option<RawReset>,
}

#[derive(Deserialize)]
struct RawReset {
    target: Option<String>,
    #[serde(rename = "ResetType@Redfish.AllowableValues")]
    allowed: Option<Vec<String>>,
    #[serde(rename = "@Redfish.ActionInfo")]
    info: Option<String>,
}

/// Reads one resource.
///
/// # Errors
/// What is wrong with it; nothing of its content but a key or a type.
pub fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|e| format!("it is not the JSON that the schema describes ({e})"))
}

/// Reads a system. A chassis or a manager, which have a power state of their own, is none.
///
/// # Errors
/// What is wrong with it.
pub fn system(body: &[u8]) -> Result<System, String> {
    let raw: RawSystem = read(body)?;
    let kind = raw.kind.unwrap_or_default();
    if !kind.starts_with("#ComputerSystem.") {
        return Err(format!("it is no ComputerSystem (@odata.type \"{}\")", short(&kind)));
    }
    let reset = raw.actions.and_then(|a| a.reset).and_then(|r| {
        // An empty list says as little as none.
        Some(Reset { target: r.target?, allowed: r.allowed.filter(|a| !a.is_empty()), info: r.info })
    });
    Ok(System { id: raw.id, uuid: raw.uuid.as_deref().and_then(uuid), power: reading(raw.power.as_ref()), reset })
}

fn reading(power: Option<&Value>) -> Reading {
    match power {
        Some(Value::String(word)) => match word.as_str() {
            "On" => Reading::Known(Power::On),
            "Off" => Reading::Known(Power::Off),
            "PoweringOn" | "PoweringOff" => Reading::Changing(word.clone()),
            other => Reading::Unknown(format!("\"{}\"", short(other))),
        },
        None | Some(Value::Null) => Reading::Unknown("null or missing".into()),
        Some(other) => Reading::Unknown(short(&other.to_string())),
    }
}

/// The digits of a UUID in lower case, dashes left out.
pub fn uuid(text: &str) -> Option<String> {
    let digits = text.replace('-', "").to_ascii_lowercase();
    let somebody = |digits: &str| digits.bytes().any(|b| b != b'0') && digits.bytes().any(|b| b != b'f');
    (digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit()) && somebody(&digits)).then_some(digits)
}

/// The `ResetType`s of an `ActionInfo`, where it lists them.
pub fn action_info(body: &[u8]) -> Option<Vec<String>> {
    #[derive(Deserialize)]
    struct Info {
        #[serde(rename = "Parameters")]
        parameters: Vec<Parameter>,
    }
    #[derive(Deserialize)]
    struct Parameter {
        #[serde(rename = "Name")]
        name: String,
        #[serde(rename = "AllowableValues")]
        values: Option<Vec<String>>,
    }
    let info: Info = read(body).ok()?;
    info.parameters.into_iter().find(|p| p.name == "ResetType")?.values.filter(|v| !v.is_empty())
}

/// How far a task is (schema Task).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Still at work.
    Running,
    /// Ended without success.
    Failed,
    /// Ended, or no task at all but the final answer.
    Done,
}

/// Reads a task.
pub fn task(body: &[u8]) -> Task {
    #[derive(Deserialize)]
    struct Raw {
        #[serde(rename = "TaskState")]
        state: Option<String>,
    }
    match read::<Raw>(body).ok().and_then(|raw| raw.state).as_deref() {
        Some("New" | "Starting" | "Running" | "Pending" | "Service" | "Stopping" | "Suspended" | "Cancelling") => Task::Running,
        Some("Exception" | "Killed" | "Cancelled" | "Interrupted") => Task::Failed,
        _ => Task::Done,
    }
}

/// Foreign text, cut.
fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;

    fn with(rest: &str) -> Result<System, String> {
        system(format!("{{\"@odata.type\":\"#ComputerSystem.v1_20_1.ComputerSystem\"{rest}}}").as_bytes())
    }

    #[test]
    fn only_the_word_off_is_off() {
        let power = |value: &str| with(&format!(",\"PowerState\":{value}")).unwrap().power;
        assert_eq!(power("\"Off\""), Reading::Known(Power::Off));
        assert_eq!(power("\"On\""), Reading::Known(Power::On));
        assert_eq!(power("\"PoweringOff\""), Reading::Changing("PoweringOff".into()));
        for other in ["null", "\"off\"", "\"OFF\"", "\" Off\"", "\"Paused\"", "\"\"", "0", "false", "[\"Off\"]", "{\"Off\":\"Off\"}"] {
            assert!(matches!(power(other), Reading::Unknown(_)), "{other}");
        }
        assert!(matches!(with("").unwrap().power, Reading::Unknown(_)), "missing");
        assert!(with(",\"PowerState\":\"On\",\"PowerState\":\"Off\"").is_err(), "said twice");
        assert!(with(",\"powerstate\":\"Off\"").is_ok_and(|s| matches!(s.power, Reading::Unknown(_))));
    }

    #[test]
    fn a_chassis_that_is_off_is_no_system() {
        let chassis = br##"{"@odata.type":"#Chassis.v1_10_0.Chassis","PowerState":"Off"}"##;
        assert_eq!(system(chassis).unwrap_err(), "it is no ComputerSystem (@odata.type \"#Chassis.v1_10_0.Chassis\")");
        assert!(system(b"{\"PowerState\":\"Off\"}").is_err());
        for nonsense in [&b""[..], b"null", b"[]", b"\"Off\"", b"{", b"<html>Off</html>"] {
            assert!(system(nonsense).is_err());
        }
    }

    #[test]
    fn an_identity_has_32_digits_and_belongs_to_somebody() {
        assert_eq!(uuid("4C4C4544-0046-3310-8051-B4C04F4A3253"), Some("4c4c4544004633108051b4c04f4a3253".into()));
        for nobody in ["", "00000000-0000-0000-0000-000000000000", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", "4c4c4544", "x".repeat(32).as_str()] {
            assert_eq!(uuid(nobody), None, "{nobody}");
        }
    }

    #[test]
    fn how_to_switch_is_read_from_either_place() {
        let reset = |rest: &str| with(&format!(",\"Actions\":{{\"#ComputerSystem.Reset\":{{\"target\":\"/r\"{rest}}}}}")).unwrap().reset.unwrap();
        let listed = reset(",\"ResetType@Redfish.AllowableValues\":[\"On\",\"ForceOff\"]");
        assert_eq!(listed.allowed, Some(vec!["On".into(), "ForceOff".into()]));
        assert_eq!(reset(",\"ResetType@Redfish.AllowableValues\":[]").allowed, None);
        assert_eq!(reset(",\"@Redfish.ActionInfo\":\"/i\"").info, Some("/i".into()));
        assert_eq!(with(",\"Actions\":{}").unwrap().reset, None);
        let info = br#"{"Parameters":[{"Name":"X"},{"Name":"ResetType","AllowableValues":["ForceOff"]}]}"#;
        assert_eq!(action_info(info), Some(vec!["ForceOff".into()]));
        assert_eq!(action_info(b"{}"), None);
    }

    #[test]
    fn the_states_of_a_task() {
        let state = |word: &str| task(format!("{{\"TaskState\":\"{word}\"}}").as_bytes());
        assert_eq!([state("Running"), state("Exception"), state("Completed")], [Task::Running, Task::Failed, Task::Done]);
        assert_eq!(task(b""), Task::Done, "204 of a finished monitor");
    }
}
