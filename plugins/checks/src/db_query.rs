//! `check_db_query`: does a database answer a query, with the right value and soon enough?
//!
//! Refuses to write, to run more than one statement, and to take a secret on the command line.

mod judge;

use crate::db::{Fault, Login, Table, job, open, state, together};
use plugin_core::host::system::boottime;
use plugin_core::run::stage;
use plugin_core::{Blind, Check, Host, Limits, Range, Report, State};
use std::path::PathBuf;
use std::time::Duration;

/// Does a MariaDB, MySQL or PostgreSQL server answer a query, with the right value and soon enough?
///
/// The query runs in a read-only transaction, alone, under a time limit that the server keeps itself. The thresholds apply to
/// the first column of the first row; with --labelled, the first column names each row and the second is its value. CRITICAL: server down, hung
/// or full, database or table missing, query too slow. UNKNOWN: wrong login or rights, a query that is wrong or wants to write.
/// Least rights: USAGE (MariaDB) or LOGIN (PostgreSQL), and SELECT on what the query reads.
///
/// Example: `check_db_query --engine mariadb -u icinga --password-file /etc/twinguard/secret/db -q "SELECT COUNT(*) FROM pbx.queue" -w 50 -c 200`
#[derive(Clone, Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct DbQuery {
    #[command(flatten)]
    login: Login,
    /// Query to run
    #[arg(short, long, value_name = "SQL", default_value = "SELECT 1", allow_hyphen_values = true, conflicts_with = "query_file")]
    query: String,
    /// File with the query to run
    #[arg(long, value_name = "FILE")]
    query_file: Option<PathBuf>,
    #[command(flatten)]
    value: Limits,
    /// First column = label, second column = value; every row is judged
    #[arg(long)]
    labelled: bool,
    /// Name of the value in the output
    #[arg(long, value_name = "NAME", default_value = "value")]
    label: String,
    /// CRITICAL unless the first column of the first row is this text
    #[arg(long, value_name = "TEXT")]
    expect: Option<String>,
    /// CRITICAL unless this regular expression matches the first column of the first row
    #[arg(long, value_name = "REGEX", value_parser = regex)]
    regex: Option<regex_lite::Regex>,
    /// State if the value is NULL
    #[arg(long, value_name = "STATE", default_value = "unknown", value_parser = state)]
    null: State,
    /// State if there is no row
    #[arg(long, value_name = "STATE", default_value = "unknown", value_parser = state)]
    no_rows: State,
    /// WARNING when the number of rows leaves this range
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    rows_warning: Option<Range>,
    /// CRITICAL when the number of rows leaves this range
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    rows_critical: Option<Range>,
    /// WARNING when the login takes seconds outside this range
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    connect_warning: Option<Range>,
    /// CRITICAL when the login takes seconds outside this range
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    connect_critical: Option<Range>,
    /// WARNING when the query takes seconds outside this range
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    time_warning: Option<Range>,
    /// CRITICAL when the query takes seconds outside this range
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    time_critical: Option<Range>,
    /// Most rows that are read
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    max_rows: u32,
}

/// What was seen.
#[derive(Debug)]
pub struct Facts {
    server: String,
    answer: Result<Answer, Fault>,
}

/// An answered query.
#[derive(Debug)]
struct Answer {
    version: String,
    table: Table,
    connect: Duration,
    query: Duration,
}

fn regex(text: &str) -> Result<regex_lite::Regex, String> {
    regex_lite::Regex::new(text).map_err(|e| format!("\"{text}\" is no regular expression: {e}"))
}

impl Check for DbQuery {
    const TITLE: &'static str = "DB QUERY";
    type Facts = Facts;

    fn probe(&self, host: &dyn Host) -> Result<Facts, Blind> {
        stage("finding the server");
        let target = self.login.target(host)?;
        let text = self.query_file.as_deref().map_or_else(|| Ok(self.query.clone()), |path| host.read(path))?;
        let sql = text.trim().trim_end_matches(';').to_owned();
        let most = usize::try_from(self.max_rows).unwrap_or(usize::MAX);
        stage(format!("waiting for {}", target.label()));
        let server = target.label();
        let work = job(move |share, progress| {
            let start = boottime();
            let mut session = open(&target, share, progress)?;
            let connected = boottime();
            progress.stage("running the query");
            let table = session.read(&sql, most)?;
            let answered = boottime();
            progress.stage("asking for its version");
            let version = session.version()?;
            Ok(Answer { version, table, connect: connected.saturating_sub(start), query: answered.saturating_sub(connected) })
        });
        let answer = together(host, vec![work]).pop().unwrap_or_else(|| Err(Fault::Garbage("it was not asked".into())));
        Ok(Facts { server, answer })
    }

    fn evaluate(&self, facts: &Facts, report: &mut Report) {
        judge::judge(self, facts, report);
    }
}
