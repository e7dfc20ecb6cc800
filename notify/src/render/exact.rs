//! A takeover's mail, line by line: the text *is* the specification.

use crate::story::{Setting, cluster};
use chrono::{DateTime, Duration};
use plugin_core::contract::mail::{MailEvent, MailKind, MailNode, Severity};

fn takeover() -> MailEvent {
    let node = |name: &str, role: &str, light| MailNode { name: name.into(), role: role.into(), light };
    MailEvent {
        schema: 1,
        id: "a1.3".into(),
        incident: "a1".into(),
        kind: MailKind::Takeover,
        severity: Severity::Critical,
        cluster: "pbx".into(),
        node: "pbx2".into(),
        at_ms: 1_795_300_867_123,
        summary: "pbx2 took over from pbx1".into(),
        details: vec!["pbx1 silent on lan and heartbeat".into(), "<198.51.100.11> read OFF twice".into()],
        actions: vec!["ssh pbx1 journalctl -b -1".into()],
        timeline: vec![("confirmed".into(), 2000), ("seen off".into(), 3000), ("serving".into(), 4000)],
        nodes: vec![node("pbx1", "STANDBY, off", Severity::Critical), node("pbx2", "MASTER", Severity::Ok)],
    }
}

fn story(event: &MailEvent) -> crate::story::Story {
    let at = DateTime::from_timestamp_millis(event.at_ms).unwrap_or_default().fixed_offset();
    cluster(event, &Setting { cluster: "pbx", node: "pbx2", at, since: Some(at - Duration::milliseconds(4200)), status: None })
}

#[test]
fn the_text_of_a_takeover() {
    let story = story(&takeover());
    assert_eq!(super::subject("pbx", &story), "[pbx CRITICAL] pbx2 took over from pbx1");
    let want = "\
CRITICAL: pbx2 took over from pbx1

The other node failed, was seen switched off, and this node serves now. The
cluster has no standby until the other node is repaired and rejoined.

When      2026-11-21 22:41:07 +00:00
Since     2026-11-21 22:41:02 +00:00 (4.2 s)
Cluster   pbx
Told by   pbx2
Event     takeover done
Incident  a1

What was seen:
  pbx1 silent on lan and heartbeat
  <198.51.100.11> read OFF twice

What to do now:
  ssh pbx1 journalctl -b -1

The nodes:
  [red]   pbx1  STANDBY, off
  [green] pbx2  MASTER

How long it took:
  confirmed  ████████████████                  +2.0 s = 2.0 s
  seen off                   ████████          +1.0 s = 3.0 s
  serving                            ████████  +1.0 s = 4.0 s

-- \ntwinguard on pbx2, cluster pbx, event a1.3
";
    assert_eq!(super::text(&story), want);
}

#[test]
fn the_html_of_a_takeover_says_the_same() {
    let html = super::html(&story(&takeover()));
    for said in [
        "<span style=\"background:#c62828;color:#ffffff;padding:1px 8px;border-radius:3px;font-weight:600\">CRITICAL</span> pbx2 took over from pbx1</p>\n",
        ">pbx1 silent on lan and heartbeat\n&lt;198.51.100.11&gt; read OFF twice</pre>\n",
        ">ssh pbx1 journalctl -b -1</pre>\n",
        "<span style=\"background:#1a7f37;color:#ffffff;padding:1px 8px;border-radius:3px;font-weight:600\">green</span></td>",
        "margin-left:50%;width:25%;height:14px",
        ">+1.0 s = 4.0 s</td></tr>\n",
        "twinguard on pbx2, cluster pbx, event a1.3</p>\n</div></body></html>\n",
    ] {
        assert!(html.contains(said), "{said:?} is missing in\n{html}");
    }
    // Each tag that is opened is closed, in order; nothing remote, no script.
    let mut open: Vec<&str> = Vec::new();
    for tag in html.split('<').skip(1).filter_map(|t| t.split(['>', ' ']).next()) {
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name), "in\n{html}"),
            None if !["!DOCTYPE", "meta"].contains(&tag) => open.push(tag),
            None => {}
        }
    }
    assert_eq!(open, Vec::<&str>::new());
    assert!(!html.contains("src=") && !html.contains("url("), "{html}");
}

#[test]
fn an_event_without_anything_still_says_what_to_do() {
    let bare = MailEvent {
        summary: " \n".into(),
        details: vec![],
        actions: vec![],
        timeline: vec![],
        nodes: vec![],
        kind: MailKind::FenceFailed,
        ..takeover()
    };
    let story = story(&bare);
    assert_eq!(super::subject("pbx", &story), "[pbx CRITICAL] fence failed");
    let text = super::text(&story);
    assert!(text.contains("\nWhat to do now:\n  twinguard status\n  journalctl -u twinguard.service --since -1h\n"), "{text}");
    assert!(!text.contains("The nodes") && !text.contains("How long") && !text.contains("What was seen"), "{text}");
}
