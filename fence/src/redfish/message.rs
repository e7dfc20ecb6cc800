//! Why a service refused, in its own words: `@Message.ExtendedInfo` (DSP0266, error responses).
//!
//! Pure. Foreign text is cut and cleaned; it never decides anything.

use super::Trouble;
use super::resource::read;
use serde::Deserialize;

/// Longest quotation from a service.
const LONGEST: usize = 300;
/// Messages that are quoted.
const MOST: usize = 2;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    error: Inner,
    #[serde(rename = "@Message.ExtendedInfo")]
    info: Vec<Message>,
    #[serde(rename = "Messages")]
    messages: Vec<Message>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Inner {
    message: Option<String>,
    #[serde(rename = "@Message.ExtendedInfo")]
    info: Vec<Message>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message {
    #[serde(rename = "MessageId")]
    id: Option<String>,
    #[serde(rename = "Message")]
    text: Option<String>,
}

/// The service's own words; empty if it has none.
pub fn words(body: &[u8]) -> String {
    let Ok(body) = read::<Body>(body) else { return String::new() };
    let one = |m: &Message| [m.id.as_deref(), m.text.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(": ");
    let all: Vec<String> = [body.error.info, body.info, body.messages].iter().flatten().map(one).filter(|m| !m.is_empty()).take(MOST).collect();
    let text = if all.is_empty() { body.error.message.unwrap_or_default() } else { all.join("; ") };
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect()
}

/// What an HTTP status that is no success means for the fence; `asked` is the method and the path.
pub fn refusal(asked: &str, status: u16, body: &[u8]) -> Trouble {
    let words = words(body);
    let quoted = if words.is_empty() { String::new() } else { format!(": {words}") };
    let text = format!("HTTP {status} to {asked}{quoted}");
    match status {
        401 => Trouble::Denied(format!("{text}; user name or password is wrong, or the account is locked")),
        403 => Trouble::Denied(format!("{text}; the user's role is too low: give it Operator in the BMC")),
        404 | 410 => Trouble::Missing(format!("{text}; the service has no such resource (or is just starting): check systems_uri and redfish_uri")),
        503 => Trouble::Refused(format!("{text}; it is busy or has no free session: end other clients, wait a minute, or reset the BMC")),
        300..=399 => Trouble::Refused(format!("{text}; it sends us elsewhere: set address and port to the service itself")),
        // Nobody knows what a service did before it failed.
        500..=599 => Trouble::Garbled(format!("{text}; the service failed")),
        _ => Trouble::Refused(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_found_where_services_put_them() {
        let body = br#"{"error":{"code":"Base.1.8.GeneralError","message":"See @Message.ExtendedInfo","@Message.ExtendedInfo":[
            {"MessageId":"iLO.2.14.InvalidOperationForSystemState","Message":"Power is\noff.","MessageArgs":[]}]}}"#;
        assert_eq!(words(body), "iLO.2.14.InvalidOperationForSystemState: Power is off.");
        assert_eq!(words(br#"{"error":{"message":"no"}}"#), "no");
        assert_eq!(words(br#"{"@Message.ExtendedInfo":[{"MessageId":"A"},{"Message":"b"},{"Message":"c"}]}"#), "A; b");
        assert_eq!(words(b"<html>"), "");
        assert_eq!(words(format!("{{\"error\":{{\"message\":\"{}\"}}}}", "x".repeat(5000)).as_bytes()).len(), LONGEST);
    }

    #[test]
    fn what_may_have_happened_is_not_called_refused() {
        assert!(matches!(refusal("POST /r", 500, b""), Trouble::Garbled(_)));
        assert!(matches!(refusal("POST /r", 503, b""), Trouble::Refused(_)));
        assert!(matches!(refusal("POST /r", 409, b""), Trouble::Refused(t) if t == "HTTP 409 to POST /r"));
    }
}
