#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use super::*;
use clap::{Args, Command, FromArgMatches};
use plugin_core::Check;

const LOGIN: &[&str] = &["--user", "mon", "--password-file", "f"];

fn said(args: &[&str], met: &Met) -> String {
    let args = ["x", "-H", "pbx1"].iter().chain(args);
    let check = Sip::from_arg_matches(&Sip::augment_args(Command::new("x")).try_get_matches_from(args).unwrap()).unwrap();
    let mut report = Report::default();
    check.evaluate(met, &mut report);
    report.render("SIP", 0)
}

fn answer(code: u16, reason: &str) -> Answer {
    Answer {
        code,
        reason: reason.into(),
        times: vec![Duration::from_millis(12)],
        repeated: 1,
        lost: 0,
        login: Login::None,
        server: Some("Asterisk PBX 22".into()),
        allow: vec!["OPTIONS".into(), "INVITE".into()],
        from: None,
        retry_after: None,
        days: None,
        silent: Vec::new(),
    }
}

fn first(args: &[&str], answer: Answer) -> String {
    said(args, &Met::Answer(Box::new(answer))).split(" | ").next().unwrap().to_owned()
}

#[test]
fn the_exact_line_with_its_performance_data() {
    assert_eq!(
        said(&["-w", "0.5", "-c", "1"], &Met::Answer(Box::new(answer(200, "OK")))),
        "SIP OK - pbx1 answers 200 OK in 12.0 ms | 'time'=0.012s;0.5;1;0; 'repeated'=1;;;;\n"
    );
    assert_eq!(said(&[], &Met::Down("no answer in time".into())), "SIP CRITICAL - pbx1: no answer in time\n");
    assert_eq!(said(&[], &Met::Elsewhere("checked there".into())), "SIP OK - checked there\n");
}

#[test]
fn several_questions_show_their_loss_and_their_spread() {
    let several = Answer { times: [10, 20, 30].map(Duration::from_millis).to_vec(), repeated: 1, lost: 1, ..answer(200, "OK") };
    assert_eq!(
        said(&["--count", "4"], &Met::Answer(Box::new(several.clone()))),
        "SIP OK - pbx1 answers 200 OK in 20.0 ms | 'time'=0.02s;;;0; 'repeated'=1;;;; 'loss'=40%;40;80;0;100 'time min'=0.01s;;;0; 'time max'=0.03s;;;0;\n\
         3 of 4 questions answered, 1 sent again\n"
    );
    assert_eq!(first(&["--count", "4", "--loss-warning", "39"], several.clone()), "SIP WARNING - loss 40.0% (warning at 39)");
    assert_eq!(first(&["--count", "4", "--loss-critical", "20%"], several), "SIP CRITICAL - loss 40.0% (critical at 20)");
    let second = Answer { silent: vec!["a.pbx.test:5060: no answer in time".into()], ..answer(200, "OK") };
    assert_eq!(first(&["--srv"], second), "SIP WARNING - a.pbx.test:5060: no answer in time; the next server of the domain answers");
}

#[test]
fn every_code_of_the_table_has_its_state() {
    for (code, line) in [
        (200, "OK - pbx1 answers 200 X in 12.0 ms"),
        (401, "OK - pbx1 answers 401 X: alive, it wants a login in 12.0 ms"),
        (407, "OK - pbx1 answers 407 X: alive, it wants a login in 12.0 ms"),
        (404, "OK - pbx1 answers 404 X: alive, no such address in 12.0 ms"),
        (405, "OK - pbx1 answers 405 X: alive, it does not serve the question in 12.0 ms"),
        (501, "OK - pbx1 answers 501 X: alive, it does not serve the question in 12.0 ms"),
        (403, "WARNING - pbx1 answers 403 X: it does not allow this node to ask in 12.0 ms"),
        (302, "WARNING - pbx1 answers 302 X: alive, but it refuses in 12.0 ms"),
        (480, "WARNING - pbx1 answers 480 X: alive, but it refuses in 12.0 ms"),
        (603, "WARNING - pbx1 answers 603 X: alive, but it refuses in 12.0 ms"),
        (483, "CRITICAL - pbx1 answers 483 X: the question went round in a loop in 12.0 ms"),
        (500, "CRITICAL - pbx1 answers 500 X: overloaded or shutting down in 12.0 ms"),
    ] {
        assert_eq!(first(&[], answer(code, "X")), format!("SIP {line}"));
    }
    let busy = Answer { retry_after: Some("30".into()), ..answer(503, "Busy") };
    assert!(first(&[], busy).contains("overloaded or shutting down, it says: try again after 30 s in"));
    assert!(first(&["--extension", "600"], answer(404, "X")).starts_with("SIP WARNING - pbx1 answers 404 X: no such extension"));
}

#[test]
fn a_login_is_accepted_refused_or_not_understood() {
    let with = |code, login| first(LOGIN, Answer { login, ..answer(code, "X") });
    assert_eq!(with(200, Login::Sent), "SIP OK - pbx1 answers 200 X: it lets mon in in 12.0 ms");
    assert_eq!(with(401, Login::Refused), "SIP CRITICAL - pbx1 answers 401 X: it refuses the login of mon (user, password or realm) in 12.0 ms");
    assert!(with(403, Login::Refused).starts_with("SIP CRITICAL - "));
    assert!(with(407, Login::None).starts_with("SIP CRITICAL - pbx1 answers 407 X: it wants a login that this check does not know"));
}

#[test]
fn expected_codes_replace_the_table() {
    assert!(first(&["--expect", "503,200"], answer(503, "X")).starts_with("SIP OK - "));
    assert_eq!(first(&["--expect", "200"], answer(404, "X")), "SIP CRITICAL - pbx1 answers 404 X: not what --expect allows in 12.0 ms");
}

#[test]
fn what_else_can_be_asked_of_an_answer() {
    assert_eq!(first(&["--server", "Kamailio"], answer(200, "OK")), "SIP WARNING - it is \"Asterisk PBX 22\", not \"Kamailio\"");
    assert_eq!(first(&["--allow", "invite,REFER,INFO"], answer(200, "OK")), "SIP WARNING - it does not allow REFER, INFO");
    assert_eq!(first(&["--repeat-warning", "0"], answer(200, "OK")), "SIP WARNING - repeated 1 (warning at 0)");
    assert_eq!(first(&["-c", "0.01"], answer(200, "OK")), "SIP CRITICAL - time 12.0 ms (critical at 0.01)");
    let elsewhere = Answer { from: "192.0.2.9:5060".parse().ok(), ..answer(200, "OK") };
    assert!(first(&[], elsewhere).starts_with("SIP WARNING - the answer came from 192.0.2.9:5060, not from the address that was asked"));
}
