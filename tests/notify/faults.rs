//! What a relay or a kill can do: nothing is lost, nothing is doubled but where the relay's last word was lost.

use crate::desk::{Desk, PROBLEM, finish};
use rig::smtp::Sink;
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

/// Waits for an event, at most ten seconds.
fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !happened() {
        assert!(Instant::now() < end, "it never happened: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_relay_that_is_down_gets_the_same_mail_when_it_is_back() {
    let mut desk = Desk::new();
    let address = format!("127.0.0.1:{}", desk.sink.port());
    desk.tell(PROBLEM);
    // Down: the port is closed.
    let idle = Sink::start("127.0.0.1:0", &desk.path("idle"), &desk.certs, None);
    drop(std::mem::replace(&mut desk.sink, idle));
    let done = desk.deliver();
    assert!(done.stderr.contains("waits") && done.stderr.contains("refused"), "{done:?}");
    let queued = desk.queued();
    assert_eq!(queued["failed"], 1);
    let wait = queued["next_ms"].as_i64().unwrap() - queued["created_ms"].as_i64().unwrap();
    assert!((60_000..90_000).contains(&wait), "the first wait is a minute and a little, not {wait} ms");
    desk.sink = Sink::start(&address, &desk.path("back"), &desk.certs, None);
    desk.deliver();
    assert_eq!(desk.sink.mails()[0].header("Message-ID"), format!("<{}@example.org>", queued["id"].as_str().unwrap()));
    desk.assert_empty();
}

#[test]
fn a_relay_that_hangs_or_drops_at_any_stage_costs_its_time_and_no_mail() {
    let desk = Desk::new();
    desk.tell(PROBLEM);
    let mut failed = 0;
    for stage in ["banner", "ehlo", "starttls", "mail", "rcpt", "data", "message"] {
        for mode in [json!({"hang": stage}), json!({"close": stage})] {
            desk.sink.behave(&mode);
            let begun = Instant::now();
            let done = desk.call(&["--deliver", "--flush", "--timeout", "1"]);
            assert!(begun.elapsed() < Duration::from_secs(8), "{mode}: {:?}", begun.elapsed());
            failed += 1;
            assert_eq!((done.code, &desk.queued()["failed"], desk.sink.mails().len()), (Some(0), &json!(failed), 0), "{mode}: {done:?}");
        }
    }
    desk.sink.behave_well();
    desk.deliver();
    assert_eq!(desk.sink.mails().len(), 1);
    desk.assert_empty();
}

#[test]
fn a_relay_that_hangs_at_the_login_keeps_the_mail_and_one_that_hangs_at_the_good_bye_has_it() {
    let desk = Desk::new();
    crate::identity::secret(&desk, "pass");
    desk.tell(PROBLEM);
    for (failed, fault) in [(1, "hang"), (2, "close")] {
        desk.sink.behave(&json!({"login": ["twinguard", "pass"], fault: "auth"}));
        let done = desk.call(&["--deliver", "--flush", "--timeout", "1"]);
        assert_eq!((done.code, &desk.queued()["failed"], desk.sink.mails().len()), (Some(0), &json!(failed), 0), "{done:?}");
    }
    for fault in ["hang", "close"] {
        desk.tell(PROBLEM);
        desk.sink.behave(&json!({"login": ["twinguard", "pass"], fault: "quit"}));
        desk.deliver();
        desk.assert_empty();
    }
    assert_eq!(desk.sink.mails().len(), 3);
}

#[test]
fn a_relay_that_thinks_about_a_mail_for_long_gets_it_once() {
    let desk = Desk::new();
    desk.tell(PROBLEM);
    // Beyond the time of an attempt, within three times that.
    desk.sink.behave(&json!({"slow": 6}));
    let done = desk.call(&["--deliver", "--timeout", "5"]);
    assert_eq!((desk.sink.mails().len(), done.code), (1, Some(0)), "{done:?}");
    desk.assert_empty();
}

#[test]
fn a_reply_that_never_comes_may_double_a_mail_and_the_double_has_the_same_id() {
    let desk = Desk::new();
    desk.tell(PROBLEM);
    desk.sink.behave(&json!({"hang": "reply"}));
    let done = desk.call(&["--deliver", "--timeout", "1"]);
    assert!(done.stderr.contains("stopped at: the message"), "{done:?}");
    desk.sink.behave_well();
    desk.deliver();
    let mails = desk.sink.mails();
    assert_eq!((mails.len(), mails[0].header("Message-ID")), (2, mails[1].header("Message-ID")));
    desk.assert_empty();
}

#[test]
fn a_relay_that_drips_bytes_can_not_hold_the_run() {
    let desk = Desk::new();
    desk.tell(PROBLEM);
    desk.sink.behave(&json!({"hang": "mail", "drip": true}));
    let begun = Instant::now();
    let done = desk.call(&["--deliver", "--timeout", "1"]);
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    assert!(done.stderr.contains("no end within 1 s, stopped at: MAIL FROM"), "{done:?}");
    assert_eq!(desk.queued()["failed"], 1);
}

#[test]
fn a_relay_that_is_down_costs_a_run_one_attempt_not_one_a_mail() {
    let desk = Desk::new();
    desk.sink.behave(&json!({"close": "ehlo"}));
    for _ in 0..5 {
        desk.tell(PROBLEM);
    }
    desk.deliver();
    assert_eq!((desk.sink.connections(), desk.files("queue").len()), (1, 5));
    desk.sink.behave_well();
    // Four were never tried, so they are due at once; the first waits its minute, but the others show that the relay is back.
    desk.call(&["--deliver"]);
    let first = desk.sink.mails().iter().map(|m| m.header("Message-ID").to_owned()).min().unwrap();
    assert_eq!((desk.sink.mails().len(), desk.sink.mails()[4].header("Message-ID")), (5, first.as_str()));
    desk.assert_empty();
}

#[test]
fn a_mail_that_ended_the_last_run_comes_after_the_others() {
    let desk = Desk::new();
    desk.sink.behave(&json!({"close": "ehlo"}));
    for id in ["a", "b", "c"] {
        desk.event(id, |_| {});
    }
    desk.deliver();
    let names = desk.files("queue");
    fs::write(desk.path("spool/queue/.begun"), &names[0]).unwrap();
    desk.sink.behave_well();
    desk.deliver();
    let order: Vec<String> = desk.sink.mails().iter().map(|m| m.header("Message-ID").to_owned()).collect();
    assert_eq!(order, ["<b@example.org>", "<c@example.org>", "<a@example.org>"]);
    assert!(!desk.path("spool/queue/.begun").exists());
}

#[test]
fn killed_between_spool_and_delivery_it_delivers_once() {
    let desk = Desk::new();
    desk.tell(PROBLEM);
    desk.sink.behave(&json!({"hang": "message"}));
    let mut child = desk.command(&["--deliver"]).spawn().unwrap();
    until("the relay holds the message", || desk.sink.hung());
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!((desk.files("incoming").len(), desk.files("queue").len(), desk.sink.mails().len()), (0, 1, 0));
    desk.sink.behave_well();
    // Never failed, so it is due at once.
    assert_eq!(desk.call(&["--deliver"]).code, Some(0));
    assert_eq!(desk.sink.mails().len(), 1);
    desk.assert_empty();
}

#[test]
fn kills_at_any_moment_lose_nothing() {
    let desk = Desk::new();
    let mut told = BTreeSet::new();
    // Kills at ever other moments of a run: after 1, 4, 7 … ms.
    for round in 0..40_u64 {
        let id = format!("k{round}");
        desk.event(&id, |e| e["incident"] = id.clone().into());
        told.insert(format!("<{id}@example.org>"));
        let mut child = desk.command(&["--deliver", "--flush"]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(1 + 3 * round));
        let _ = child.kill();
        child.wait().unwrap();
        if round % 5 == 4 {
            desk.deliver();
        }
    }
    desk.deliver();
    let mails = desk.sink.mails();
    let got: BTreeSet<String> = mails.iter().map(|m| m.header("Message-ID").to_owned()).collect();
    assert_eq!(got, told);
    // A double is possible only for the mail that was being acknowledged when the kill came.
    assert!(mails.len() <= told.len() + 40 && mails.iter().all(|m| m.defects.is_empty()), "{}", mails.len());
    desk.assert_empty();
}

#[test]
fn a_lost_reply_may_double_a_mail_and_the_double_has_the_same_id() {
    let desk = Desk::new();
    desk.tell(PROBLEM);
    desk.sink.behave(&json!({"lose_reply": true}));
    desk.deliver();
    desk.sink.behave_well();
    desk.deliver();
    let mails = desk.sink.mails();
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[0].raw, mails[1].raw);
    desk.assert_empty();
}

#[test]
fn runs_beside_each_other_send_each_mail_once() {
    let desk = Desk::new();
    for _ in 0..10 {
        desk.tell(PROBLEM);
    }
    let runs: Vec<_> = (0..4).map(|_| desk.command(&["--deliver"]).spawn().unwrap()).collect();
    for run in runs {
        let done = finish(run);
        assert_eq!(done.code, Some(0), "{done:?}");
    }
    assert_eq!(desk.sink.mails().len(), 10);
    desk.assert_empty();
}

#[test]
fn after_five_days_it_is_given_up_loudly() {
    let desk = Desk::new();
    desk.tell(PROBLEM);
    desk.sink.behave(&json!({"mail": "451 4.3.0 not now"}));
    desk.deliver();
    let name = desk.files("queue")[0].clone();
    let mut queued = desk.queued();
    queued["created_ms"] = json!(queued["created_ms"].as_i64().unwrap() - 5 * 24 * 3_600_000 - 1);
    fs::write(desk.path("spool/queue").join(&name), queued.to_string()).unwrap();
    let done = finish(desk.command(&["--deliver", "--flush"]).env("JOURNAL_STREAM", "8:1").spawn().unwrap());
    assert!(done.stderr.lines().any(|l| l.starts_with("<2>notify_mail: ") && l.contains("given up after 5 days for admin@example.org")), "{done:?}");
    assert_eq!((desk.files("queue").len(), desk.files("failed")), (0, vec![name.clone()]));
    // The README's way to try it once more.
    fs::rename(desk.path("spool/failed").join(&name), desk.path("spool/queue").join(&name)).unwrap();
    desk.sink.behave_well();
    desk.deliver();
    assert_eq!(desk.sink.mails().len(), 1);
    desk.assert_empty();
}

#[test]
fn a_broken_configuration_keeps_the_events_and_says_where() {
    let desk = Desk::new();
    desk.tell(PROBLEM);
    let good = fs::read_to_string(desk.path("cluster.toml")).unwrap();
    for (text, said) in [
        ("nonsense", "cluster.toml"),
        (&good.replace("smtp://", "smtp+plain://"), "relays"),
        (&good.replace("ca = ", "ca = \"/nonexistent\" # "), "/nonexistent"),
        (&good.replace("\"admin@example.org\"", ""), "at least one"),
        (&good.replace("ca = ", "user = \"me\"\nca = "), "user and secret belong together"),
    ] {
        fs::write(desk.path("cluster.toml"), text).unwrap();
        let done = desk.call(&["--deliver"]);
        assert_eq!((done.code, done.stderr.lines().count(), desk.files("incoming").len()), (Some(1), 1, 1), "{done:?}");
        assert!(done.stderr.contains(said), "{done:?}");
    }
    fs::write(desk.path("cluster.toml"), good).unwrap();
    desk.deliver();
    assert_eq!(desk.sink.mails().len(), 1);
}
