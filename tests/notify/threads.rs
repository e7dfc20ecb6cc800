//! One thread per incident: the first mail opens it, a recovery closes it, an event is never lost or doubled by a crash.

use crate::desk::Desk;

#[test]
fn problem_acknowledgement_and_recovery_are_one_thread() {
    let desk = Desk::new();
    for (kind, state) in [("PROBLEM", "CRITICAL"), ("ACKNOWLEDGEMENT", "CRITICAL"), ("RECOVERY", "OK"), ("PROBLEM", "WARNING"), ("CUSTOM", "OK")] {
        let service = if kind == "CUSTOM" { "other" } else { "disk" };
        desk.tell(&["-t", kind, "-l", "pbx1", "-e", service, "-s", state, "-o", "x", "-b", "jd"]);
        desk.deliver();
    }
    let mails = desk.sink.mails();
    let first = mails[0].header("Message-ID").to_owned();
    let answers: Vec<(&str, &str)> = mails.iter().map(|m| (m.header("In-Reply-To"), m.header("References"))).collect();
    assert_eq!(answers, [("", ""), (&first, &first), (&first, &first), ("", ""), ("", "")]);
    assert!(mails[2].subject().starts_with("[pbx OK] disk on pbx1: recovered after "), "{}", mails[2].subject());
    assert!(mails[2].text().contains("Since"), "{}", mails[2].text());
    let ids: std::collections::BTreeSet<&str> = mails.iter().map(|m| m.header("Message-ID")).collect();
    assert_eq!(ids.len(), 5);
}

#[test]
fn the_events_of_one_attempt_are_one_thread() {
    let desk = Desk::new();
    desk.event("a1.1", |e| e["kind"] = "fence-sent".into());
    desk.event("a1.2", |e| e["at_ms"] = 1_795_300_868_123_i64.into());
    desk.event("b1.1", |e| e["incident"] = "b1".into());
    desk.deliver();
    let answers: Vec<(String, String)> =
        desk.sink.mails().iter().map(|m| (m.header("Message-ID").to_owned(), m.header("References").to_owned())).collect();
    let own = |id: &str| format!("<{id}@example.org>");
    assert_eq!(answers.len(), 3);
    for (id, answered) in [("a1.1", String::new()), ("a1.2", own("a1.1")), ("b1.1", String::new())] {
        assert!(answers.contains(&(own(id), answered.clone())), "{id}: {answers:?}");
    }
}

#[test]
fn an_event_that_a_killed_run_left_half_taken_in_becomes_one_mail_of_the_same_thread() {
    let desk = Desk::new();
    desk.event("a1.1", |_| {});
    // The relay hangs, so the run has taken the event in, opened the incident, and still holds the mail.
    desk.sink.behave(&serde_json::json!({"hang": "mail"}));
    desk.call(&["--deliver", "--timeout", "1"]);
    assert_eq!((desk.files("queue").len(), desk.files("incoming").len()), (1, 0));
    // As if it had been killed just before it removed the event.
    desk.event("a1.1", |_| {});
    std::fs::rename(desk.path("spool/incoming/a1.1.json"), desk.path("spool/incoming/a1.1.json.try1")).unwrap();
    desk.sink.behave_well();
    desk.deliver();
    let mails = desk.sink.mails();
    assert_eq!((mails.len(), mails[0].header("References")), (1, ""));
    desk.assert_empty();
}

#[test]
fn a_recovery_that_is_taken_in_twice_stays_in_the_thread_that_it_closed() {
    let desk = Desk::new();
    let about = ["-l", "pbx1", "-s", "x", "-t"];
    desk.tell(&[&about[..], &["PROBLEM"]].concat());
    desk.deliver();
    desk.tell(&[&about[..], &["RECOVERY"]].concat());
    let incoming = desk.path("spool/incoming");
    let name = desk.files("incoming")[0].clone();
    let event = std::fs::read(incoming.join(&name)).unwrap();
    desk.sink.behave(&serde_json::json!({"close": "ehlo"}));
    desk.deliver();
    // As if the run had been killed after it had closed the incident and before it removed the event.
    std::fs::write(incoming.join(name + ".try1"), event).unwrap();
    desk.sink.behave_well();
    desk.deliver();
    let mails = desk.sink.mails();
    assert_eq!((mails.len(), mails[1].header("References")), (2, mails[0].header("Message-ID")));
    desk.assert_empty();
}
