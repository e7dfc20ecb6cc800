//! The exact first line of every case.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends at the first surprise")]

use super::*;
use crate::db::Fault;
use clap::{Args, FromArgMatches};
use std::time::Duration;

fn check(args: &[&str]) -> DbQuery {
    let command = DbQuery::augment_args(clap::Command::new("x"));
    let args = ["x", "--engine", "mariadb"].iter().chain(args);
    DbQuery::from_arg_matches(&command.try_get_matches_from(args).unwrap()).unwrap()
}

fn table(rows: &[&[Option<&str>]]) -> Table {
    let rows = rows.iter().map(|row| row.iter().map(|cell| cell.map(str::to_owned)).collect()).collect();
    Table { columns: vec!["a".into(), "b".into()], rows, more: false }
}

fn said(args: &[&str], answer: Result<Table, Fault>) -> String {
    let answer = answer.map(|table| Answer {
        version: "MariaDB 10.11.14".into(),
        table,
        connect: Duration::from_millis(20),
        query: Duration::from_millis(300),
    });
    let mut report = Report::default();
    judge(&check(args), &Facts { server: "db1:3306".into(), answer }, &mut report);
    report.render("DB QUERY", 0).lines().next().unwrap_or_default().to_owned()
}

const TIMES: &str = "'connect'=0.02s;;;0; 'query'=0.3s;;;0;";

#[test]
fn a_number_is_judged() {
    let line = |n: &str, args: &[&str]| said(args, Ok(table(&[&[Some(n)]])));
    assert_eq!(line("42", &[]), format!("DB QUERY OK - value 42 | 'value'=42;;;; 'rows'=1;;;; {TIMES}"));
    assert_eq!(
        line("42", &["-w", "40", "-c", "50"]),
        format!("DB QUERY WARNING - value 42 (warning at 40) | 'value'=42;40;50;; 'rows'=1;;;; {TIMES}")
    );
    assert_eq!(
        line("-3.5", &["-c", "0:", "--label", "queue"]),
        format!("DB QUERY CRITICAL - queue -3.5 (critical at 0:) | 'queue'=-3.5;;0:;; 'rows'=1;;;; {TIMES}")
    );
    assert_eq!(
        line("NaN", &["-c", "5"]),
        format!("DB QUERY UNKNOWN - value is \"NaN\", which is no number for the thresholds | 'rows'=1;;;; {TIMES}")
    );
    assert_eq!(line("t", &[]), format!("DB QUERY OK - value 1 | 'value'=1;;;; 'rows'=1;;;; {TIMES}"));
}

#[test]
fn a_text_is_compared() {
    let line = |text: &str, args: &[&str]| said(args, Ok(table(&[&[Some(text)]]))).split(" | ").next().unwrap_or_default().to_owned();
    assert_eq!(line("up", &["--expect", "up"]), "DB QUERY OK - value \"up\"");
    assert_eq!(line("down", &["--expect", "up"]), "DB QUERY CRITICAL - value is \"down\" instead of \"up\"");
    assert_eq!(line("10.11", &["--regex", r"^10\.\d+$"]), "DB QUERY OK - value \"10.11\"");
    assert_eq!(line("11", &["--regex", "^10"]), "DB QUERY CRITICAL - value is \"11\", which /^10/ does not match");
    assert_eq!(line(&"x".repeat(70), &[]), format!("DB QUERY OK - value \"{}...\"", "x".repeat(60)));
}

#[test]
fn nothing_is_unknown_unless_it_was_asked_for() {
    let line = |args: &[&str], rows: &[&[Option<&str>]]| said(args, Ok(table(rows))).split(" | ").next().unwrap_or_default().to_owned();
    assert_eq!(line(&[], &[]), "DB QUERY UNKNOWN - the query returned no row");
    assert_eq!(line(&["--no-rows", "ok"], &[]), "DB QUERY OK - the query returned no row");
    assert_eq!(line(&[], &[&[None]]), "DB QUERY UNKNOWN - value is NULL");
    assert_eq!(line(&["--null", "critical"], &[&[None]]), "DB QUERY CRITICAL - value is NULL");
    assert_eq!(line(&["--rows-critical", "1:"], &[]), "DB QUERY CRITICAL - rows 0 (critical at 1:)");
}

#[test]
fn several_rows_with_labels() {
    let rows: &[&[Option<&str>]] = &[&[Some("mail"), Some("3")], &[Some("fax"), Some("12")], &[Some("sms"), None]];
    assert_eq!(
        said(&["--labelled", "-w", "10", "--null", "warning"], Ok(table(rows))),
        format!("DB QUERY WARNING - fax 12 (warning at 10), sms is NULL | 'mail'=3;10;;; 'fax'=12;10;;; 'rows'=3;;;; {TIMES}")
    );
    assert!(
        said(&["--labelled"], Ok(table(&[&[Some("x")]])))
            .starts_with("DB QUERY UNKNOWN - the query has one column; --labelled needs a label and a value | ")
    );
}

#[test]
fn times_have_limits_of_their_own() {
    let one = || Ok(table(&[&[Some("1")]]));
    assert_eq!(
        said(&["--connect-warning", "0.01", "--time-critical", "0.2"], one()),
        "DB QUERY CRITICAL - query 300.0 ms (critical at 0.2) | 'value'=1;;;; 'rows'=1;;;; 'connect'=0.02s;0.01;;0; 'query'=0.3s;;0.2;0;"
    );
}

#[test]
fn a_fault_names_the_server() {
    assert_eq!(
        said(&[], Err(Fault::Down("refuses the connection: nothing listens there".into()))),
        "DB QUERY CRITICAL - db1:3306 refuses the connection: nothing listens there"
    );
    assert_eq!(
        said(&[], Err(Fault::Server { code: "1045".into(), text: "Access denied".into() })),
        "DB QUERY UNKNOWN - db1:3306 refuses the login (1045: Access denied); correct user and password file"
    );
}
