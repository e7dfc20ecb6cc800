//! One session carries many mails; a relay that ends it, refuses in it or falls silent in it costs a new session and no mail.

use crate::desk::Desk;
use serde_json::{Value, json};

/// `count` events of incidents of their own, `s000` the oldest.
fn events(desk: &Desk, count: usize) -> Vec<String> {
    let name = |n| format!("s{n:03}");
    for n in 0..count {
        desk.event(&name(n), |e| {
            e["incident"] = name(n).into();
            e["at_ms"] = json!(1_795_300_867_123_i64 + i64::try_from(n).unwrap());
        });
    }
    (0..count).map(|n| format!("<{}@example.org>", name(n))).collect()
}

fn received(desk: &Desk) -> Vec<String> {
    desk.sink.mails().iter().map(|m| m.header("Message-ID").to_owned()).collect()
}

#[test]
fn a_session_carries_a_hundred_mails() {
    let desk = Desk::new();
    let told = events(&desk, 101);
    desk.deliver();
    assert_eq!((received(&desk), desk.sink.connections()), (told, 2));
    // Each in a transaction of its own, and every reply was read.
    let mails = desk.sink.mails();
    assert!(mails.iter().all(|mail| mail.to == ["admin@example.org"] && mail.known && mail.defects.is_empty()));
    desk.assert_empty();
}

#[test]
fn a_relay_that_wants_fewer_gets_a_new_session_and_no_mail_waits_or_doubles() {
    for enough in [Value::Null, json!("421 4.7.0 too many messages"), json!("452 4.5.3 too many messages"), json!("550 5.7.0 too many messages")] {
        let desk = Desk::new();
        let told = events(&desk, 7);
        desk.sink.behave(&json!({"most": [2, enough]}));
        let done = desk.deliver();
        assert_eq!((received(&desk), desk.sink.connections()), (told, 4), "{enough}: {done:?}");
        desk.assert_empty();
    }
}

#[test]
fn a_recipient_that_is_refused_in_an_old_session_is_asked_for_again_in_a_new_one() {
    let desk = Desk::new();
    let told = events(&desk, 3);
    desk.sink.behave(&json!({"after": 1, "rcpt": {"admin@example.org": "550 5.1.1 no such mailbox"}}));
    let done = desk.deliver();
    // The second mail is refused in the first session and then, for good, in one of its own; the third in one of its own.
    assert_eq!((received(&desk).as_slice(), desk.sink.connections(), desk.files("failed").len()), (&told[..1], 3, 2), "{done:?}");
}

#[test]
fn a_reply_that_is_lost_in_an_old_session_may_double_that_mail_and_no_other() {
    let desk = Desk::new();
    let told = events(&desk, 4);
    desk.sink.behave(&json!({"after": 2, "lose_reply": true}));
    desk.deliver();
    // The relay broke, so nothing more goes there in this run.
    assert_eq!((received(&desk).as_slice(), desk.files("queue").len()), (&told[..3], 2));
    desk.sink.behave_well();
    desk.deliver();
    let mut again = received(&desk).split_off(3);
    again.sort();
    assert_eq!(again, told[2..]);
    desk.assert_empty();
}

#[test]
fn a_relay_that_falls_silent_in_the_middle_of_a_session_costs_its_time_once() {
    let desk = Desk::new();
    let second = rig::smtp::Sink::start("127.0.0.1:0", &desk.path("second"), &desk.certs, None);
    desk.configure(&[desk.relay(), vec![format!("smtp://127.0.0.1:{}", second.port())]].concat(), &["admin@example.org"]);
    let told = events(&desk, 5);
    desk.sink.behave(&json!({"after": 2, "hang": "rcpt"}));
    let done = desk.call(&["--deliver", "--timeout", "4"]);
    assert_eq!((received(&desk).as_slice(), desk.sink.connections()), (&told[..2], 1), "{done:?}");
    let rest: Vec<String> = second.mails().iter().map(|m| m.header("Message-ID").to_owned()).collect();
    assert_eq!((rest.as_slice(), second.connections()), (&told[2..], 1), "{done:?}");
    desk.assert_empty();
}

#[test]
fn a_relay_that_says_it_closes_is_not_asked_again_in_this_run() {
    let desk = Desk::new();
    events(&desk, 5);
    desk.sink.behave(&json!({"mail": "421 4.3.2 shutting down"}));
    let done = desk.deliver();
    assert_eq!((desk.sink.connections(), desk.files("queue").len()), (1, 5), "{done:?}");
}
