//! Several recipients, several relays: who refuses what, and that nobody else pays for it.

use crate::desk::{Desk, PROBLEM};
use serde_json::json;
use std::fs;

#[test]
fn one_refused_recipient_does_not_stop_the_other_and_the_refusal_is_kept() {
    let desk = Desk::new();
    desk.configure(&desk.relay(), &["gone@example.org", "admin@example.org"]);
    desk.sink.behave(&json!({"rcpt": {"gone@example.org": "550 5.1.1 no such mailbox"}}));
    desk.tell(PROBLEM);
    let done = desk.deliver();
    let mails = desk.sink.mails();
    assert_eq!((mails.len(), mails[0].to.as_slice()), (1, &["admin@example.org".to_owned()][..]));
    assert_eq!(mails[0].header("To"), "gone@example.org, admin@example.org");
    assert!(done.stderr.contains("refused for gone@example.org") && done.stderr.contains("5.1.1 no such mailbox"), "{done:?}");
    assert_eq!((desk.files("queue").len(), desk.files("failed").len()), (0, 1));
    let kept = fs::read_to_string(desk.path("spool/failed").join(&desk.files("failed")[0])).unwrap();
    assert!(kept.contains("no such mailbox") && kept.contains("gone@example.org"), "{kept}");
    desk.sink.behave_well();
    desk.deliver();
    assert_eq!(desk.sink.mails().len(), 1, "a mail that was refused for good is not tried again");
}

#[test]
fn a_greylisted_recipient_gets_it_later_and_the_other_only_once() {
    let desk = Desk::new();
    desk.configure(&desk.relay(), &["grey@example.org", "admin@example.org"]);
    desk.sink.behave(&json!({"rcpt": {"grey@example.org": "451 4.7.1 come back later"}}));
    desk.tell(PROBLEM);
    let done = desk.deliver();
    assert!(done.stderr.contains("4.7.1 come back later"), "{done:?}");
    let queued = desk.queued();
    assert_eq!((&queued["left"], &queued["failed"]), (&json!(["grey@example.org"]), &json!(1)));
    desk.sink.behave_well();
    // Not due yet: a plain run leaves it alone and does not even connect.
    let before = desk.sink.connections();
    assert_eq!(desk.call(&["--deliver"]).code, Some(0));
    assert_eq!(desk.sink.connections(), before);
    desk.deliver();
    let to: Vec<Vec<String>> = desk.sink.mails().into_iter().map(|m| m.to).collect();
    assert_eq!(to, [["admin@example.org"], ["grey@example.org"]]);
    desk.assert_empty();
}

#[test]
fn the_second_relay_takes_what_the_first_refuses_or_does_not_answer() {
    let desk = Desk::new();
    let second = rig::smtp::Sink::start("127.0.0.1:0", &desk.path("second"), &desk.certs, None);
    let relays = [desk.relay(), vec![format!("smtp://127.0.0.1:{}", second.port())]].concat();
    desk.configure(&relays, &["admin@example.org"]);
    for (count, mode) in
        [json!({"close": "banner"}), json!({"data": "554 5.7.1 no"}), json!({"mail": "550 5.7.1 not you"}), json!({"close": "message"})]
            .iter()
            .enumerate()
    {
        desk.sink.behave(mode);
        desk.tell(PROBLEM);
        desk.deliver();
        assert_eq!((second.mails().len(), desk.sink.mails().len()), (count + 1, 0), "{mode}");
        desk.assert_empty();
    }
}

#[test]
fn a_refusal_is_final_only_if_every_relay_says_so() {
    let desk = Desk::new();
    let second = rig::smtp::Sink::start("127.0.0.1:0", &desk.path("second"), &desk.certs, None);
    desk.configure(&[desk.relay(), vec![format!("smtp://127.0.0.1:{}", second.port())]].concat(), &["admin@example.org"]);
    let no = json!({"rcpt": {"admin@example.org": "550 5.7.1 relaying denied"}});
    desk.sink.behave(&no);
    desk.tell(PROBLEM);
    for unsure in [json!({"close": "banner"}), json!({"rcpt": {"admin@example.org": "451 later"}})] {
        second.behave(&unsure);
        desk.deliver();
        assert_eq!((desk.files("queue").len(), desk.files("failed").len()), (1, 0), "{unsure}");
    }
    second.behave(&no);
    desk.deliver();
    assert_eq!((desk.files("queue").len(), desk.files("failed").len()), (0, 1));
}

#[test]
fn a_sender_that_is_refused_waits_for_a_better_configuration() {
    let desk = Desk::new();
    desk.sink.behave(&json!({"mail": "553 5.7.1 sender refused"}));
    desk.tell(PROBLEM);
    desk.deliver();
    assert!(desk.queued()["reason"].as_str().unwrap().contains("sender refused"));
    desk.sink.behave_well();
    desk.deliver();
    assert_eq!(desk.sink.mails().len(), 1);
}

#[test]
fn an_address_that_is_none_is_replaced_by_the_administrators() {
    let desk = Desk::new();
    desk.tell(&[PROBLEM, &["-r", "nobody at all\r\nRCPT TO:<x@example.org>", "-f", "@@"]].concat());
    let done = desk.deliver();
    let mails = desk.sink.mails();
    assert_eq!((mails.len(), mails[0].from.as_str()), (1, "twinguard@example.org"));
    assert!(done.stderr.contains("no mail address"), "{done:?}");
    assert_eq!(mails[0].to, ["admin@example.org"]);
}
