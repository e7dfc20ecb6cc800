//! The command line of `notify_mail`. Every value may be empty, may begin with a dash, and need not be UTF-8: Icinga
//! passes what a plugin wrote. Refuses positional arguments.

use clap::{Parser, ValueEnum};
use plugin_core::contract::paths;
use std::ffi::OsString;
use std::path::PathBuf;

/// Mails about Icinga's notifications and the cluster's events.
///
/// Four ways to call it:
///   with Icinga's flags (those of its stock mail scripts): puts the notification into the spool and returns at once;
///   with --preview and the same flags: prints the mail and sends nothing;
///   with --deliver: takes in what the spool holds and hands it to the relays of cluster.toml;
///   with --test: tries each relay and each channel and says what came of it.
///
/// Exit codes: 0 done (spooled durably; or: nothing is wrong with configuration and spool, a mail may still wait
/// for a relay), 1 it could not be spooled or the spool or configuration can't be used, 3 usage, help and version.
///
/// Example: `notify_mail` -t PROBLEM -l pbx1 -e twinguard-disk -s CRITICAL -o "DISK CRITICAL - / 97% used" -r admin@example.org
#[derive(Debug, Parser)]
#[command(name = "notify_mail", version, about, verbatim_doc_comment, args_override_self = true)]
pub struct Args {
    /// Take in what the spool holds and deliver it
    #[arg(long, conflicts_with_all = ["preview", "kind"])]
    pub deliver: bool,
    /// With --deliver: try every waiting mail now, whatever its next time
    #[arg(long, requires = "deliver")]
    pub flush: bool,
    /// With --deliver or --test: most seconds for one mail with one relay; three times as many for the reply to a whole message
    #[arg(long, value_name = "SECS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=50))]
    pub timeout: u64,
    /// Send a test message over each relay and each channel, past the spool, and report each; 1 if one did not take it
    #[arg(long, conflicts_with_all = ["deliver", "preview", "kind"])]
    pub test: bool,
    /// Print the mail instead of spooling it: text, html, or eml (as it would be sent)
    #[arg(long, value_name = "FORM", num_args = 0..=1, require_equals = true, default_missing_value = "text")]
    pub preview: Option<Form>,
    /// The cluster's configuration; only [notify] and name are read
    #[arg(long, value_name = "FILE", default_value = paths::CONFIG)]
    pub config: PathBuf,
    /// What the agent publishes; its view of both nodes is shown in Icinga's mails
    #[arg(long, value_name = "FILE", default_value = paths::STATUS)]
    pub status: PathBuf,
    /// The spool
    #[arg(long, value_name = "DIR", default_value = paths::SPOOL)]
    pub spool: PathBuf,

    /// Type of the notification (`$notification.type$`)
    #[arg(short = 't', long = "type", value_name = "TYPE", allow_hyphen_values = true, required_unless_present_any = ["deliver", "test"])]
    pub kind: Option<OsString>,
    /// Host name (`$host.name$`)
    #[arg(short = 'l', long, value_name = "NAME", allow_hyphen_values = true, required_unless_present_any = ["deliver", "test"])]
    pub host: Option<OsString>,
    /// Host as people call it (`$host.display_name$`)
    #[arg(short = 'n', long, value_name = "NAME", allow_hyphen_values = true)]
    pub host_display: Option<OsString>,
    /// Service name (`$service.name$`); without it the notification is about the host
    #[arg(short = 'e', long, value_name = "NAME", allow_hyphen_values = true)]
    pub service: Option<OsString>,
    /// Service as people call it (`$service.display_name$`)
    #[arg(short = 'u', long, value_name = "NAME", allow_hyphen_values = true)]
    pub service_display: Option<OsString>,
    /// State (`$host.state$` or `$service.state$`)
    #[arg(short = 's', long, value_name = "STATE", allow_hyphen_values = true, required_unless_present_any = ["deliver", "test"])]
    pub state: Option<OsString>,
    /// What the plugin said (`$host.output$` or `$service.output$`)
    #[arg(short = 'o', long, value_name = "TEXT", allow_hyphen_values = true)]
    pub output: Option<OsString>,
    /// Time as Icinga writes it (`$icinga.long_date_time$`)
    #[arg(short = 'd', long, value_name = "TIME", allow_hyphen_values = true)]
    pub date: Option<OsString>,
    /// Recipient (`$user.email$`), several by commas; default: [notify] to
    #[arg(short = 'r', long = "to", value_name = "ADDRESS", allow_hyphen_values = true)]
    pub to: Option<OsString>,
    /// Sender; default: [notify] from
    #[arg(short = 'f', long = "from", value_name = "ADDRESS", allow_hyphen_values = true)]
    pub from: Option<OsString>,
    /// IPv4 address of the host (`$address$`)
    #[arg(short = '4', long = "address", value_name = "ADDRESS", allow_hyphen_values = true)]
    pub address: Option<OsString>,
    /// IPv6 address of the host (`$address6$`)
    #[arg(short = '6', long = "address6", value_name = "ADDRESS", allow_hyphen_values = true)]
    pub address6: Option<OsString>,
    /// Who acknowledged, commented or set the downtime (`$notification.author$`)
    #[arg(short = 'b', long, value_name = "NAME", allow_hyphen_values = true)]
    pub author: Option<OsString>,
    /// What that person wrote (`$notification.comment$`)
    #[arg(short = 'c', long, value_name = "TEXT", allow_hyphen_values = true)]
    pub comment: Option<OsString>,
    /// Address of Icinga Web 2, for a link
    #[arg(short = 'i', long, value_name = "URL", allow_hyphen_values = true)]
    pub icingaweb: Option<OsString>,
    /// Notes of the host (`$host.notes$`)
    #[arg(short = 'X', long, value_name = "TEXT", allow_hyphen_values = true)]
    pub host_notes: Option<OsString>,
    /// Notes of the service (`$service.notes$`)
    #[arg(short = 'x', long, value_name = "TEXT", allow_hyphen_values = true)]
    pub service_notes: Option<OsString>,
    /// true: say on standard error what was spooled (the stock scripts' logging to syslog)
    #[arg(short = 'v', long = "log", value_name = "BOOL", allow_hyphen_values = true)]
    pub log: Option<OsString>,
}

/// How `--preview` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// Subject and text part.
    Text,
    /// The HTML part, for a browser.
    Html,
    /// The whole message as it would be sent.
    Eml,
}
