//! Words one notification of Icinga. Every type is known by name; an unknown one is shown as it is, never dropped.

use super::{Light, Setting, Story, status};
use crate::clean::{LINE, block, line, query, shorten};
use crate::notification::Notification;

/// The story of an Icinga notification.
pub fn icinga(n: &Notification, setting: &Setting<'_>) -> Story {
    let host = line(n.host.shown(), LINE);
    let object = match &n.service {
        Some(service) => format!("{} on {host}", line(service.shown(), LINE)),
        None => host.clone(),
    };
    let word = match line(&n.state, 20).to_uppercase() {
        empty if empty.is_empty() => "UNKNOWN".to_owned(),
        word => word,
    };
    let seen = block(&n.output);
    let first = seen.first().map(|l| shorten(&gist(l), 200)).unwrap_or_default();
    let author = match line(&n.author, LINE) {
        empty if empty.is_empty() => "somebody".to_owned(),
        author => author,
    };
    let lasted = setting.lasted();
    let headline = match n.notification.trim().to_ascii_uppercase().as_str() {
        "RECOVERY" => match lasted {
            Some(lasted) => format!("{object}: recovered after {lasted}"),
            None => format!("{object}: recovered"),
        },
        "ACKNOWLEDGEMENT" => format!("{object}: acknowledged by {author}"),
        "DOWNTIMESTART" => format!("{object}: downtime begins"),
        "DOWNTIMEEND" => format!("{object}: downtime ends"),
        "DOWNTIMEREMOVED" | "DOWNTIMECANCELLED" => format!("{object}: downtime removed"),
        "FLAPPINGSTART" => format!("{object}: begins to flap"),
        "FLAPPINGEND" | "FLAPPINGSTOP" | "FLAPPINGDISABLED" => format!("{object}: no longer flaps"),
        "CUSTOM" => format!("{object}: message from {author}"),
        "PROBLEM" if first.is_empty() => format!("{object}: no output"),
        "PROBLEM" => format!("{object}: {first}"),
        _ => format!("{object}: {}", line(&n.notification, 40)),
    };
    Story {
        light: Light::of_state(&word),
        word,
        headline,
        meaning: meaning(n),
        facts: facts(n, setting),
        seen_title: "What the check said",
        seen: if seen.is_empty() { vec!["(nothing: the plugin printed no text)".to_owned()] } else { seen },
        actions: Vec::new(),
        nodes: setting.status.map(status::nodes).unwrap_or_default(),
        timeline: Vec::new(),
        link: link(n),
        footer: format!("Icinga on {}, cluster {}, notification {}", setting.node, setting.cluster, line(&n.id, LINE)),
    }
}

/// A plugin's first line without the part that the subject says already: `DISK CRITICAL - / 97%` → `/ 97%`; performance
/// data after a bar are dropped.
fn gist(first: &str) -> String {
    let text = first.split('|').next().unwrap_or_default().trim();
    let is_state = |word: &str| matches!(word.trim_end_matches(':'), "OK" | "WARNING" | "CRITICAL" | "UNKNOWN" | "UP" | "DOWN");
    for dash in [" - ", ": ", " – "] {
        if let Some((head, rest)) = text.split_once(dash)
            && head.split(' ').next_back().is_some_and(is_state)
            && !rest.trim().is_empty()
        {
            return rest.trim().to_owned();
        }
    }
    text.to_owned()
}

fn meaning(n: &Notification) -> Vec<String> {
    let said = match n.notification.trim().to_ascii_uppercase().as_str() {
        "PROBLEM" => {
            "This notification moves nothing by itself: only a failover check can start a takeover, and twinguard reports that in mails of its own."
        }
        "RECOVERY" => "The problem is over.",
        "ACKNOWLEDGEMENT" => "Somebody takes care of it; Icinga sends no more reminders for this problem.",
        "DOWNTIMESTART" => "No notifications until the downtime ends. twinguard starts no takeover for an object in a downtime.",
        "DOWNTIMEEND" | "DOWNTIMEREMOVED" | "DOWNTIMECANCELLED" => {
            "From now on problems are notified again, and failover checks may start a takeover again."
        }
        "FLAPPINGSTART" => "The state changes so often that Icinga keeps silent until it settles.",
        _ => return Vec::new(),
    };
    vec![said.to_owned()]
}

fn facts(n: &Notification, setting: &Setting<'_>) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let mut add = |label: &str, value: &str| {
        let value = line(value, LINE);
        if !value.is_empty() {
            facts.push((label.to_owned(), value));
        }
    };
    add("Type", &n.notification);
    let named = |shown: &str, name: &str| if shown == name { name.to_owned() } else { format!("{shown} ({name})") };
    if let Some(service) = &n.service {
        add("Service", &named(service.shown(), &service.name));
    }
    add("Host", &named(n.host.shown(), &n.host.name));
    add("Address", &n.address);
    add("IPv6 address", &n.address6);
    for (label, value) in setting.times() {
        add(&label, &value);
    }
    add("Icinga's time", &n.date);
    add("Author", &n.author);
    for comment in block(&n.comment) {
        add("Comment", &comment);
    }
    for note in block(&n.host.notes) {
        add("Host notes", &note);
    }
    for note in n.service.iter().flat_map(|s| block(&s.notes)) {
        add("Service notes", &note);
    }
    add("Cluster", setting.cluster);
    if let Some(text) = setting.status.and_then(status::automation) {
        add("Automatic takeover", &text);
    }
    facts
}

/// The object's page in Icinga DB Web, if an address of Icinga Web 2 was given.
fn link(n: &Notification) -> Option<String> {
    let base = line(&n.icingaweb, LINE);
    let base = base.trim_end_matches('/');
    if !(base.starts_with("https://") || base.starts_with("http://")) || base.contains(' ') {
        return None;
    }
    Some(match &n.service {
        Some(service) => format!("{base}/icingadb/service?name={}&host.name={}", query(&service.name), query(&n.host.name)),
        None => format!("{base}/icingadb/host?name={}", query(&n.host.name)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notification::Named;
    use chrono::DateTime;

    fn headline(kind: &str, output: &str) -> String {
        let service = Some(Named { name: "twinguard-disk".into(), display: "Disk".into(), notes: String::new() });
        let host = Named { name: "pbx1".into(), ..Named::default() };
        let n = Notification {
            notification: kind.into(),
            host,
            service,
            state: "CRITICAL".into(),
            output: output.into(),
            author: "jd".into(),
            ..Notification::default()
        };
        let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap_or_default().fixed_offset();
        icinga(&n, &Setting { cluster: "pbx", node: "pbx2", at, since: Some(at - chrono::Duration::seconds(754)), status: None }).headline
    }

    #[test]
    fn every_type_has_its_words() {
        for (kind, output, said) in [
            ("PROBLEM", "DISK CRITICAL - / 97% used | x=97%", "Disk on pbx1: / 97% used"),
            ("PROBLEM", "CRITICAL: no route", "Disk on pbx1: no route"),
            ("PROBLEM", "plain words: no state", "Disk on pbx1: plain words: no state"),
            ("PROBLEM", " \r\n ", "Disk on pbx1: no output"),
            ("RECOVERY", "DISK OK - fine", "Disk on pbx1: recovered after 12 min 34 s"),
            ("ACKNOWLEDGEMENT", "", "Disk on pbx1: acknowledged by jd"),
            ("DOWNTIMESTART", "", "Disk on pbx1: downtime begins"),
            ("DOWNTIMEEND", "", "Disk on pbx1: downtime ends"),
            ("DOWNTIMEREMOVED", "", "Disk on pbx1: downtime removed"),
            ("FLAPPINGSTART", "", "Disk on pbx1: begins to flap"),
            ("FLAPPINGEND", "", "Disk on pbx1: no longer flaps"),
            ("CUSTOM", "", "Disk on pbx1: message from jd"),
            ("SOMETHING\r\nNEW", "", "Disk on pbx1: SOMETHING NEW"),
        ] {
            assert_eq!(headline(kind, output), said, "{kind} {output:?}");
        }
    }

    #[test]
    fn the_link_leads_to_icinga_db_web_and_only_over_http() {
        let mut n = Notification {
            icingaweb: "https://mon.example.org/icingaweb2/".into(),
            host: Named { name: "a&b".into(), ..Named::default() },
            ..Notification::default()
        };
        assert_eq!(link(&n).as_deref(), Some("https://mon.example.org/icingaweb2/icingadb/host?name=a%26b"));
        n.service = Some(Named { name: "x y".into(), ..Named::default() });
        assert_eq!(link(&n).as_deref(), Some("https://mon.example.org/icingaweb2/icingadb/service?name=x%20y&host.name=a%26b"));
        n.icingaweb = "javascript:alert(1)".into();
        assert_eq!(link(&n), None);
    }
}
