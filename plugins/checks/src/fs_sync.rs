//! `check_fs_sync`: are the listed trees the same on both nodes?
//!
//! Compares content, not whether a replicating daemon runs. Each node digests its own trees; only directories whose digests
//! differ cross the wire. Copies nothing, and asks the peer through a command of the administrator's choice.

mod cache;
mod compare;
mod entry;
mod filter;
mod forest;
mod judge;
mod look;
mod peer;
mod preset;
mod replicator;
mod serve;
mod walk;
mod wire;

use cache::Cache;
use forest::Forest;
use peer::Compared;
use plugin_core::cluster::Span;
use plugin_core::contract::paths;
use plugin_core::host::{Command, Conversation};
use plugin_core::run::stage;
use plugin_core::{Blind, Check, Host, Range, Report};
use preset::Preset;
use replicator::{Replicator, Waiting};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;
use wire::{Terms, Trees};

/// Content drift between the two nodes: type, bytes, mode, owner, link target, extended attributes.
///
/// The peer runs the same check with --serve, best as the forced command of an ssh key of its own:
/// `command="/usr/lib/nagios/plugins/check_fs_sync --serve --path /etc -t 300",restrict ssh-ed25519 ...`
///
/// A difference that is younger than --grace on either node is on its way, not drift. Run it as root (sudo) where others may
/// not read everything: what can't be read is UNKNOWN, never equal.
///
/// Example: `check_fs_sync -t 120 --path /srv/mail --exclude '*.tmp' --peer-command /usr/bin/ssh --peer-command pbx2-sync`
#[derive(Clone, Debug, clap::Args)]
#[command(verbatim_doc_comment)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct FsSync {
    /// Tree or file to compare (absolute); repeat
    #[arg(short, long, value_name = "PATH")]
    path: Vec<PathBuf>,
    /// Also the trees of this product, without what belongs to one node only
    #[arg(long, value_name = "PRODUCT")]
    preset: Option<Preset>,
    /// What to leave out, as rsync's --exclude with absolute paths (*.swp, /etc/hostname, tmp/); repeat
    #[arg(short = 'x', long, value_name = "PATTERN")]
    exclude: Vec<OsString>,
    /// Program and arguments, one each, of which standard input and output lead to the peer's --serve; repeat
    #[arg(long, value_name = "WORD", allow_hyphen_values = true, conflicts_with = "serve")]
    peer_command: Vec<OsString>,
    /// Answer a `check_fs_sync` on standard input and output; shows the named trees only
    #[arg(long)]
    serve: bool,
    /// Sizes and times stand for content: reads no file
    #[arg(long)]
    quick: bool,
    /// Modification times have to be the same, too
    #[arg(long)]
    times: bool,
    /// A younger difference is on its way
    #[arg(long, value_name = "TIME", default_value = "1m")]
    grace: Span,
    /// WARNING when the number of differences leaves this range
    #[arg(short, long, value_name = "RANGE", allow_hyphen_values = true)]
    warning: Option<Range>,
    /// CRITICAL when the number of differences leaves this range
    #[arg(short, long, value_name = "RANGE", allow_hyphen_values = true, default_value = "0")]
    critical: Range,
    #[command(flatten)]
    replicator: Replicator,
    /// Look for the paths below this folder (a snapshot, a container)
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// Threads that walk and read
    #[arg(long, value_name = "COUNT", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=64))]
    threads: u8,
    /// Read every file, whether it has changed or not
    #[arg(long)]
    no_cache: bool,
    /// Folder in which digests of unchanged files are remembered
    #[arg(long, value_name = "DIR", default_value = paths::MEMORY)]
    state_dir: PathBuf,
}

/// What was seen.
#[derive(Debug)]
pub enum Facts {
    /// This was the asked side.
    Served(u64),
    /// Both nodes' trees.
    Compared {
        /// What differs.
        compared: Box<Compared>,
        /// For everything.
        took: Duration,
        /// What the replicating program says.
        waiting: Waiting,
        /// What happened to the memory.
        notes: Vec<String>,
    },
}

/// This node's trees after the walk.
struct Woods {
    forest: Forest,
    trees: Trees,
    notes: Vec<String>,
}

impl FsSync {
    /// What is compared.
    fn terms(&self) -> Result<Terms, Blind> {
        let bytes = |path: &PathBuf| path.as_os_str().as_encoded_bytes().to_vec();
        let preset = self.preset.iter().flat_map(|p| p.paths()).map(|path| path.as_bytes().to_vec());
        let excludes = self.exclude.iter().map(|pattern| pattern.as_encoded_bytes().to_vec());
        let per_node = self.preset.iter().flat_map(|p| p.excludes()).map(|pattern| pattern.as_bytes().to_vec());
        let paths: Vec<Vec<u8>> = self.path.iter().map(bytes).chain(preset).collect();
        let wrong = |reason: String| Blind::Parse { what: "the arguments".into(), reason };
        if paths.is_empty() {
            return Err(wrong("give --path or --preset".into()));
        }
        if let Some(relative) = self.path.iter().find(|path| !path.is_absolute()) {
            return Err(wrong(format!("--path {} is not absolute", relative.display())));
        }
        // Without times and without reading, nothing would tell a changed file of the same size.
        Ok(Terms { quick: self.quick, times: self.times || self.quick, paths, excludes: excludes.chain(per_node).collect() })
    }

    /// Where digests are remembered, apart for each set of trees.
    fn cache(&self, terms: &Terms) -> Option<PathBuf> {
        let subject = blake3::hash(&[self.root.as_os_str().as_encoded_bytes(), &terms.paths.join(&0)].join(&0)).to_hex();
        (!self.no_cache && !terms.quick).then(|| self.state_dir.join(format!("fs_sync-{}.cache", subject.get(..16).unwrap_or_default())))
    }
}

impl Woods {
    fn walk(args: &FsSync, terms: &Terms, host: &dyn Host) -> Self {
        stage("walking the trees here");
        let place = args.cache(terms);
        let cache = place.as_deref().map(Cache::load).unwrap_or_default();
        let forest = Forest::open(terms, &args.root, host.wall_ms().saturating_mul(1_000_000), cache);
        let (trees, harvests) = walk::walk(&forest, usize::from(args.threads));
        let mut notes = Vec::new();
        if let Some(place) = place
            && let Err(error) = forest.remember(&place, &harvests)
        {
            let folder = args.state_dir.display();
            notes.push(format!("nothing is remembered, so all is read again next time: {}: {error}; run: install -d {folder}", place.display()));
        }
        Self { forest, trees, notes }
    }
}

impl Check for FsSync {
    const TITLE: &'static str = "FS SYNC";
    type Facts = Facts;

    fn probe(&self, host: &dyn Host) -> Result<Facts, Blind> {
        if self.serve {
            return serve::serve(self, host).map(Facts::Served);
        }
        let terms = self.terms()?;
        let Some((program, args)) = self.peer_command.split_first() else {
            return Err(Blind::Parse { what: "the arguments".into(), reason: "give --peer-command or --serve".into() });
        };
        let begun = host.now();
        let mut talk = Conversation::start(host, &Command::new(program).args(args))?;
        peer::begin(&mut talk, &terms);
        let woods = Woods::walk(self, &terms, host);
        let grace = u32::try_from(self.grace.or_forever().as_secs()).unwrap_or(u32::MAX);
        let compared = peer::finish(&mut talk, &woods.forest, woods.trees, grace)?;
        let waiting = self.replicator.look(host);
        Ok(Facts::Compared { compared: Box::new(compared), took: host.now().saturating_sub(begun), waiting, notes: woods.notes })
    }

    fn evaluate(&self, facts: &Facts, report: &mut Report) {
        judge::judge(self, facts, report);
    }
}
