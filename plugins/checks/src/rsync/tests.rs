#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use super::*;
use clap::{Args, Command, FromArgMatches};

fn check(args: &[&str]) -> Rsync {
    let args = ["x", "-H", "pbx2"].iter().chain(args);
    Rsync::from_arg_matches(&Rsync::augment_args(Command::new("x")).try_get_matches_from(args).unwrap()).unwrap()
}

fn said(args: &[&str], met: &Met, verbosity: u8) -> String {
    let mut report = Report::default();
    check(args).evaluate(met, &mut report);
    report.render("RSYNC", verbosity)
}

fn modules(modules: Vec<(&str, Module)>) -> Met {
    let time = Duration::from_millis(2);
    let modules = modules.into_iter().map(|(name, module)| (name.to_owned(), module, time)).collect();
    Met::Seen(Seen { version: 32, modules, time: Duration::from_millis(250), ..Seen::default() })
}

#[test]
fn every_answer_of_a_module_has_its_state() {
    for (module, line) in [
        (Module::Open, "OK - data is open"),
        (Module::LoggedIn, "OK - data lets mon in"),
        (Module::WantsLogin, "OK - data wants a login (none was given)"),
        (Module::Denied, "CRITICAL - data refuses the login of mon (password, user or \"auth users\")"),
        (
            Module::Refused("access denied to data from a (b)".into()),
            "WARNING - data does not allow this node (\"hosts allow\"): access denied to data from a (b)",
        ),
        (Module::Refused("chdir failed".into()), "CRITICAL - data: chdir failed"),
        (Module::Broken("it closed the connection".into()), "CRITICAL - data: it closed the connection"),
    ] {
        assert_eq!(
            said(&["-m", "data", "--user", "mon", "--password-file", "f"], &modules(vec![("data", module)]), 0),
            format!("RSYNC {line} | 'data'=0.002s;;;0; 'time'=0.25s;;;0;\n")
        );
    }
}

#[test]
fn time_and_certificate_have_limits_and_a_refusal_is_not_hidden_by_them() {
    let met = modules(vec![("a", Module::Open)]);
    assert!(said(&["-m", "a", "-w", "0.1", "-c", "1"], &met, 0).starts_with("RSYNC WARNING - time 250.0 ms (warning at 0.1) | "));
    let Met::Seen(seen) = met else { return };
    let old = |days| said(&["-m", "a", "--tls"], &Met::Seen(Seen { days: Some(days), ..seen.clone() }), 0);
    assert!(old(30.0).starts_with("RSYNC OK - a is open | ") && old(30.0).contains("'certificate days'=30;14:;3:;;"), "{}", old(30.0));
    assert!(old(10.0).starts_with("RSYNC WARNING - certificate days 10 (warning at 14:) | "));
    assert!(old(-1.0).starts_with("RSYNC CRITICAL - certificate days -1 (critical at 3:) | "));
}

#[test]
fn down_garbage_and_elsewhere() {
    assert_eq!(said(&[], &Met::Down("no answer in time".into()), 0), "RSYNC CRITICAL - pbx2: no answer in time\n");
    assert_eq!(
        said(&[], &Met::Garbage("SSH-2.0-OpenSSH_9.2".into()), 0),
        "RSYNC CRITICAL - what answers at pbx2 is no rsync daemon: \"SSH-2.0-OpenSSH_9.2\"\n"
    );
    assert_eq!(said(&[], &Met::Elsewhere("this node is the master".into()), 0), "RSYNC OK - this node is the master\n");
}

#[test]
fn without_a_module_the_list_is_the_answer() {
    let list = vec![("backup".to_owned(), "nightly".to_owned()), ("mail".to_owned(), String::new())];
    let met = Met::Seen(Seen { version: 31, list, time: Duration::from_millis(1), ..Seen::default() });
    assert_eq!(
        said(&[], &met, 1),
        "RSYNC OK - pbx2 answers, modules backup, mail | 'time'=0.001s;;;0;\nprotocol 31\nbackup: nightly\nmail: \n".replace(": \n", ":\n")
    );
}
