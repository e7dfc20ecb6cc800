//! What can go wrong between a check and a database server, and what each of it means.

use plugin_core::State;
use std::time::Duration;

/// A failure. The texts of [`Fault::verdict`] read after the server's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nobody accepts the connection.
    Down(String),
    /// Connected, and then no answer in the check's share of time.
    Hung {
        /// What was asked last.
        stage: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// An answer that is no answer of such a server, or a connection that breaks.
    Garbage(String),
    /// TLS was asked for and there is none, or none that can be trusted.
    Tls(String),
    /// The server says no, with its own code: MariaDB error number or SQLSTATE.
    Server {
        /// `1045`, `28P01`.
        code: String,
        /// The server's words.
        text: String,
    },
}

/// Classes of server errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Login,
    Privilege,
    Missing,
    Full,
    Starting,
    Slow,
    Writing,
    Mistake,
    Other,
}

/// MariaDB error numbers and SQLSTATEs (PostgreSQL appendix A); they can't be confused, one has four signs, the other five.
fn class(code: &str) -> Class {
    match code {
        "1045" | "1130" | "1251" | "1698" | "1820" | "1862" | "3118" | "4151" | "28000" | "28P01" => Class::Login,
        "1044" | "1142" | "1143" | "1227" | "1370" | "42501" => Class::Privilege,
        "1049" | "1146" | "1932" | "3D000" | "42P01" => Class::Missing,
        "1040" | "1203" | "1226" | "53300" => Class::Full,
        "1053" | "57P01" | "57P03" => Class::Starting,
        "1205" | "1317" | "1969" | "3024" | "55P03" | "57014" => Class::Slow,
        "1290" | "1792" | "1836" | "25006" => Class::Writing,
        "1046" | "1054" | "1064" | "1065" | "1295" | "0A000" | "42601" | "42703" | "42883" => Class::Mistake,
        _ => Class::Other,
    }
}

impl Fault {
    /// A server error of the kind "you may not see this".
    pub fn is_privilege(&self) -> bool {
        matches!(self, Fault::Server { code, .. } if class(code) == Class::Privilege)
    }

    /// State and words. UNKNOWN where the check's own configuration is what has to be corrected.
    pub fn verdict(&self) -> (State, String) {
        match self {
            Fault::Down(why) => (State::Critical, why.clone()),
            Fault::Hung { stage, after } => {
                (State::Critical, format!("hangs: no answer while {stage} within {:.1} s, its kernel still accepts connections", after.as_secs_f64()))
            }
            Fault::Garbage(what) => (State::Critical, format!("does not answer like a database server: {what}")),
            Fault::Tls(why) => (State::Critical, format!("gives no trusted TLS: {why}")),
            Fault::Server { code, text } => {
                let text = format!("({code}: {})", text.trim_end_matches('.'));
                match class(code) {
                    Class::Login => (State::Unknown, format!("refuses the login {text}; correct user and password file")),
                    Class::Privilege => (State::Unknown, format!("refuses to show it {text}; grant the account this right")),
                    Class::Missing => (State::Critical, format!("lacks what is asked for {text}")),
                    Class::Full => (State::Critical, format!("has no connection left {text}")),
                    Class::Starting => (State::Critical, format!("is starting or stopping {text}")),
                    Class::Slow => (State::Critical, format!("does not finish the query in time {text}")),
                    Class::Writing => (State::Unknown, format!("refuses to write {text}; this check only reads, correct the query")),
                    Class::Mistake => (State::Unknown, format!("does not understand the query {text}; correct it")),
                    Class::Other => (State::Critical, format!("fails {text}")),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(code: &str) -> (State, String) {
        Fault::Server { code: code.into(), text: "Words.".into() }.verdict()
    }

    #[test]
    fn what_the_administrator_of_the_check_must_correct_is_unknown_and_the_rest_is_critical() {
        for code in ["1045", "28P01", "1142", "42501", "1792", "25006", "1064", "42601"] {
            assert_eq!(server(code).0, State::Unknown, "{code}");
        }
        for code in ["1049", "3D000", "1146", "42P01", "1040", "53300", "57P03", "1969", "57014", "1194", "XX000"] {
            assert_eq!(server(code).0, State::Critical, "{code}");
        }
        assert_eq!(server("28P01").1, "refuses the login (28P01: Words); correct user and password file");
    }

    #[test]
    fn a_mute_server_is_critical_and_says_what_was_asked() {
        let hung = Fault::Hung { stage: "logging in".into(), after: Duration::from_millis(1500) };
        assert_eq!(hung.verdict().1, "hangs: no answer while logging in within 1.5 s, its kernel still accepts connections");
    }
}
