//! The agent and the administrator's command.

use clap::{Parser, Subcommand};
use fence::takeover::agent::{self, Act, Order, Places};
use fence::takeover::peer::{self, Keys};
use fence::{dissolve, words};
use plugin_core::Host;
use plugin_core::cluster::Cluster;
use plugin_core::contract::paths;
use plugin_core::contract::status::read_status;
use plugin_core::host::{System, nodename};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::io::{IsTerminal, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Two-node failover: the agent, and what an administrator does with it.
///
/// Exit codes: 0 done, 1 failed, 2 refused, 3 usage.
#[derive(Parser)]
#[command(version, name = "twinguard")]
struct Args {
    /// The configuration, the same bytes on both nodes
    #[arg(long, default_value = paths::CONFIG, global = true)]
    config: PathBuf,
    /// Folder of the status file and the sockets
    #[arg(long, default_value = paths::RUN, global = true)]
    run_dir: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the agent (root, by systemd)
    Agent {
        /// Folder of the durable state and the journal
        #[arg(long, default_value = paths::STATE)]
        state_dir: PathBuf,
        /// The mailer's spool
        #[arg(long, default_value = paths::SPOOL)]
        spool: PathBuf,
        /// Private ssh key for the peer channel
        #[arg(long, default_value = "/etc/twinguard/secret/peer_key")]
        peer_key: String,
        /// Host keys of the nodes, under the nodes' names
        #[arg(long, default_value = "/etc/twinguard/known_hosts")]
        known_hosts: String,
    },
    /// Join standard input and output with the agent (the forced command of the peer's ssh key)
    Peer,
    /// Found the pair: this node becomes master of the groups whose home it is
    Create,
    /// Show what a takeover would do and what would refuse it now
    Plan,
    /// Move one group, or all of this master's, to the peer, gracefully (run it on the master)
    Migrate {
        /// The group; all of this master's without it
        group: Option<String>,
        /// This node's name, typed as a confirmation; asked for on a terminal
        #[arg(long)]
        confirm: Option<String>,
    },
    /// Put this slave aside, for one group or all: it takes nothing over until it is rejoined
    Standby {
        /// The group; all of which this node is slave without it
        group: Option<String>,
    },
    /// Go on with a takeover that is held or has failed, after its cause was repaired; the peer is proven off, or asked, again
    Retry {
        /// The group
        group: String,
        /// This node's name, typed as a confirmation; asked for on a terminal
        #[arg(long)]
        confirm: Option<String>,
    },
    /// Give up a takeover that is held or has failed: what runs of the group here is stopped, this node becomes STANDBY for it
    Abandon {
        /// The group
        group: String,
        /// This node's name, typed as a confirmation; asked for on a terminal
        #[arg(long)]
        confirm: Option<String>,
    },
    /// End the pair: this node goes on alone, the other one retires for good (run it on the master)
    Dissolve {
        /// The node that goes on: the one with the data that count
        #[arg(long)]
        survivor: String,
        /// This node's name, typed as a confirmation; asked for on a terminal
        #[arg(long)]
        confirm: Option<String>,
    },
    /// Make this STANDBY node slave again
    Rejoin,
    /// Begin or end maintenance: nothing is automatic meanwhile
    Maintenance {
        #[command(subcommand)]
        switch: Switch,
    },
    /// Attest that the peer is off, after looking at it: the takeover then goes on without a fence
    ConfirmFenced {
        /// The peer's name
        node: String,
    },
    /// Become master while the peer is away; its power has to read OFF
    AssumeMaster {
        /// This node's name, typed as a confirmation; asked for on a terminal
        #[arg(long)]
        confirm: Option<String>,
    },
    /// `drill fence NODE`: switch the peer off on purpose and on again, measured and recorded. Only while it serves nothing, or in
    /// a maintenance
    Drill {
        /// What is drilled
        #[arg(value_parser = ["fence"])]
        what: String,
        /// The peer's name
        node: String,
        /// Level of the fence devices that are used
        #[arg(long, default_value_t = 1)]
        level: u8,
        /// The peer's name, typed as a confirmation; asked for on a terminal
        #[arg(long)]
        confirm: Option<String>,
    },
    /// Accept what this node's copy of the data lacks, after the master is gone for good: the takeover then goes on (run it on the slave)
    AcceptDataLoss {
        /// This node's name, typed as a confirmation; asked for on a terminal
        #[arg(long)]
        confirm: Option<String>,
    },
    /// Repair a split brain towards the named survivor: on the other node first, whose data are given up, then on the survivor
    Repair {
        /// The node whose data stay
        #[arg(long)]
        survivor: String,
        /// The data of the other node were saved, or are not worth it
        #[arg(long)]
        saved: bool,
        /// This node's name, typed as a confirmation; asked for on a terminal
        #[arg(long)]
        confirm: Option<String>,
    },
    /// DRBD's handler fence-peer: outdate the peer's copy over any link. Exit codes 3 to 7 as in drbd.conf(5)
    FencePeer {
        /// The resource; without it the one that DRBD names in the environment
        resource: Option<String>,
    },
    /// DRBD's handler split-brain: freeze and mail
    SplitBrain {
        /// The resource; without it the one that DRBD names in the environment
        resource: Option<String>,
    },
    /// Show what the agent knows
    Status {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Check the configuration
    Validate,
    /// `notify test`: send a test message over each relay and each channel of the mailer and report each
    Notify {
        /// What the mailer does
        #[arg(value_parser = ["test"])]
        what: String,
    },
}

#[derive(Subcommand)]
enum Switch {
    /// Begin
    On {
        /// Planned end in minutes; afterwards it is mailed that it was forgotten, but it never ends by itself
        #[arg(long, default_value_t = 120)]
        minutes: u64,
    },
    /// End
    Off,
}

/// How it ended, when not well.
enum Failure {
    /// It could not be done: exit 1.
    Failed(String),
    /// It was refused: exit 2.
    Refused(String),
    /// The exit code says it all.
    Code(u8),
}

fn load(path: &Path) -> Result<(Cluster, String), Failure> {
    let text = System::new(None).read(path).map_err(|b| Failure::Failed(format!("cannot {b}")))?;
    let cluster = Cluster::parse(&text).map_err(|e| Failure::Refused(format!("{}: {e}", path.display())))?;
    let mut hash = String::new();
    for byte in Sha256::digest(text.as_bytes()) {
        let _ = write!(hash, "{byte:02x}");
    }
    Ok((cluster, hash))
}

fn run(args: Args) -> Result<String, Failure> {
    let run_dir = args.run_dir;
    match args.command {
        Command::Agent { state_dir, spool, peer_key, known_hosts } => {
            let (cluster, hash) = load(&args.config)?;
            let places = Places { state: state_dir, run: run_dir, spool, keys: Keys { identity: peer_key, known_hosts } };
            agent::run(cluster, hash, places).map(|()| String::new()).map_err(Failure::Failed)
        }
        Command::Peer => peer::proxy(&run_dir.join("control.sock").to_string_lossy()).map(|()| String::new()).map_err(Failure::Failed),
        Command::Create => operate(&run_dir, Act::Create),
        Command::Drill { node, level, confirm, .. } => {
            confirmed(confirm, &node, &format!("This switches {node} off.")).and_then(|()| operate(&run_dir, Act::Drill { node, level }))
        }
        Command::Migrate { group, confirm } => confirmed_here(confirm).and_then(|()| operate(&run_dir, Act::Migrate { group })),
        Command::Standby { group } => operate(&run_dir, Act::Standby { group }),
        Command::Retry { group, confirm } => confirmed_here(confirm).and_then(|()| operate(&run_dir, Act::Retry { group })),
        Command::Abandon { group, confirm } => confirmed_here(confirm).and_then(|()| operate(&run_dir, Act::Abandon { group })),
        Command::Dissolve { survivor, confirm } => {
            let cluster = load(&args.config)?.0;
            dissolve::not_over_failover_ip(&cluster, std::env::var("SSH_CONNECTION").ok().as_deref()).map_err(Failure::Refused)?;
            confirmed_here(confirm)?;
            Ok(operate(&run_dir, Act::Dissolve { survivor })? + &dissolve::checklist(&cluster, &nodename()))
        }
        Command::Rejoin => operate(&run_dir, Act::Rejoin),
        Command::Maintenance { switch: Switch::On { minutes } } => operate(&run_dir, Act::Maintenance { minutes: Some(minutes) }),
        Command::Maintenance { switch: Switch::Off } => operate(&run_dir, Act::Maintenance { minutes: None }),
        Command::ConfirmFenced { node } => operate(&run_dir, Act::ConfirmFenced { node }),
        Command::AssumeMaster { confirm } => confirmed_here(confirm).and_then(|()| operate(&run_dir, Act::AssumeMaster)),
        Command::AcceptDataLoss { confirm } => confirmed_here(confirm).and_then(|()| operate(&run_dir, Act::AcceptDataLoss)),
        Command::Repair { survivor, saved, confirm } => confirmed_here(confirm).and_then(|()| {
            let cluster = load(&args.config)?.0;
            fence::drbd::repair(&cluster, &survivor, saved, &|act| asked(&run_dir, act)).map(|text| format!("{text}\n")).map_err(Failure::Refused)
        }),
        Command::FencePeer { resource } => {
            Err(Failure::Code(fence::drbd::fence_peer(&System::new(None), &resource_of(resource)?, &|act| asked(&run_dir, act))))
        }
        Command::SplitBrain { resource } => operate(&run_dir, Act::SplitBrain { resource: resource_of(resource)? }),
        Command::Plan => {
            let host = System::new(Some(Duration::from_secs(5)));
            let status = read_status(&host, &run_dir.join("status.json")).map_err(|b| Failure::Failed(format!("cannot {b}")))?;
            Ok(words::plan(&load(&args.config)?.0, &status))
        }
        Command::Status { json } => {
            let path = run_dir.join("status.json");
            let host = System::new(Some(Duration::from_secs(5)));
            if json {
                return host.read(&path).map_err(|b| Failure::Failed(format!("cannot {b}")));
            }
            let status = read_status(&host, &path).map_err(|b| Failure::Failed(format!("cannot {b}; is twinguard.service running?")))?;
            Ok(words::status(&status))
        }
        Command::Notify { .. } => fence::mailer::try_ways(&args.config).map_err(Failure::Failed),
        Command::Validate => {
            let (cluster, _) = load(&args.config)?;
            let lacks: Vec<&str> = cluster.nodes.keys().filter(|n| cluster.devices_of(n).is_empty()).map(String::as_str).collect();
            let mut text = format!("{}: good\n", args.config.display());
            if !lacks.is_empty() {
                let _ = writeln!(text, "warning: no fence device for {}: automatic takeover is refused (BM8)", lacks.join(", "));
            }
            if cluster.witness.hosts.is_empty() {
                text.push_str("warning: no witness: automatic takeover is refused\n");
            }
            Ok(text)
        }
    }
}

/// The typed name of this node.
fn confirmed_here(typed: Option<String>) -> Result<(), Failure> {
    confirmed(typed, &nodename(), "This changes who serves; it is about this node.")
}

/// The typed name of a node: by option, or asked for on a terminal.
fn confirmed(typed: Option<String>, node: &str, what: &str) -> Result<(), Failure> {
    let typed = match typed {
        Some(typed) => typed,
        None if std::io::stdin().is_terminal() => {
            let _ = write!(std::io::stderr(), "{what} Type its name ({node}) to go on: ");
            let mut line = String::new();
            let _ = std::io::stdin().read_line(&mut line);
            line.trim().to_owned()
        }
        None => return Err(Failure::Refused(format!("NAME_MISMATCH: repeat with --confirm {node}"))),
    };
    if typed == node { Ok(()) } else { Err(Failure::Refused(format!("NAME_MISMATCH: \"{typed}\" is not {node}"))) }
}

/// Who gives the order: the person behind sudo, else the user.
fn who() -> String {
    let uid = nix::unistd::getuid();
    let login = || nix::unistd::User::from_uid(uid).ok().flatten().map(|user| user.name);
    std::env::var("SUDO_USER").ok().filter(|n| !n.is_empty()).or_else(login).unwrap_or_else(|| format!("uid {uid}"))
}

/// The resource that a handler was called for.
fn resource_of(given: Option<String>) -> Result<String, Failure> {
    given.or_else(|| std::env::var("DRBD_RESOURCE").ok()).ok_or_else(|| Failure::Refused("no resource: DRBD names it in DRBD_RESOURCE".to_owned()))
}

/// As [`operate`], for callers that only want the words.
fn asked(run_dir: &Path, act: Act) -> Result<String, String> {
    operate(run_dir, act).map_err(|failure| match failure {
        Failure::Failed(text) | Failure::Refused(text) => text,
        Failure::Code(code) => format!("exit code {code}"),
    })
}

/// Hands an operator's command to the agent and waits for its end.
fn operate(run_dir: &Path, act: Act) -> Result<String, Failure> {
    let path = run_dir.join("control.sock");
    let wrong = |e: std::io::Error| Failure::Failed(format!("cannot reach the agent at {}: {e}; is twinguard.service running?", path.display()));
    let mut stream = UnixStream::connect(&path).map_err(wrong)?;
    let order = serde_json::to_string(&Order { who: who(), act }).map_err(|e| Failure::Failed(e.to_string()))?;
    stream.write_all(format!("{order}\n").as_bytes()).map_err(wrong)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(wrong)?;
    match answer.split_once(' ') {
        Some(("ok", text)) => Ok(format!("{text}\n")),
        Some(("refused", text)) => Err(Failure::Refused(text.to_owned())),
        _ => Err(Failure::Failed("the agent ended before it answered: look at its journal".to_owned())),
    }
}

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let usage = error.use_stderr();
            let text = error.to_string();
            let _ = if usage { write!(std::io::stderr(), "{text}") } else { write!(std::io::stdout(), "{text}") };
            // To DRBD 3 is "the peer's copy is worse": a misspelt handler must not say that.
            let wrong = if std::env::args().any(|arg| arg == "fence-peer") { 1 } else { 3 };
            return ExitCode::from(if usage { wrong } else { 0 });
        }
    };
    let (text, code) = match run(args) {
        Ok(text) => return if write!(std::io::stdout(), "{text}").is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE },
        Err(Failure::Failed(text)) => (text, 1),
        Err(Failure::Refused(text)) => (text, 2),
        Err(Failure::Code(code)) => return ExitCode::from(code),
    };
    let word = if code == 2 { "refused" } else { "failed" };
    let _ = writeln!(std::io::stderr(), "twinguard: {word}: {text}");
    ExitCode::from(code)
}
