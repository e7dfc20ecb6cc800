//! The options whose order counts, as in the stock `check_disk`: thresholds stand for the paths after them, `-C` begins
//! anew. This module reads the order; `select` knows what it means.

use super::bound::{Bound, share};
use clap::{ArgMatches, Command, Error, FromArgMatches};
use plugin_core::Range;
use regex_lite::{Regex, RegexBuilder};
use std::path::PathBuf;

/// One option, at its place.
#[derive(Clone, Debug)]
pub enum Word {
    /// A threshold.
    Limit(Slot, Range),
    /// A mount point or a block device.
    Path(PathBuf),
    /// All mounts whose path or device matches.
    Match(Regex),
    /// Drops what is selected so far and matches.
    Ignore(Regex),
    /// What is selected is judged as one.
    Group(String),
    /// Forget thresholds and group.
    Clear,
}

/// Which threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// WARNING by the free percent.
    WarningPercent,
    /// CRITICAL by the free percent.
    CriticalPercent,
    /// WARNING by the free space.
    WarningUnits,
    /// CRITICAL by the free space.
    CriticalUnits,
    /// WARNING by the free inodes in percent.
    WarningInodes,
    /// CRITICAL by the free inodes in percent.
    CriticalInodes,
}

/// What was asked for, in the order of the command line.
#[derive(Clone, Debug)]
pub struct Words(pub Vec<Word>);

/// The options; their order counts.
#[derive(Debug, clap::Args)]
struct Flags {
    /// WARNING when no more is free than this: 10%, or 100 in the unit of -u; or a range of the free space (10%:, 50:)
    #[arg(short, long, value_name = "FREE", allow_hyphen_values = true)]
    warning: Vec<Bound>,
    /// CRITICAL when no more is free than this
    #[arg(short, long, value_name = "FREE", allow_hyphen_values = true)]
    critical: Vec<Bound>,
    /// WARNING when no more percent of the inodes are free than this
    #[arg(short = 'W', long, value_name = "FREE", value_parser = share, allow_hyphen_values = true)]
    iwarning: Vec<Range>,
    /// CRITICAL when no more percent of the inodes are free than this
    #[arg(short = 'K', long, value_name = "FREE", value_parser = share, allow_hyphen_values = true)]
    icritical: Vec<Range>,
    /// Mount point or block device; repeat. Default: all, without pseudo file systems and second views of the same device
    #[arg(short, long, visible_alias = "partition", value_name = "PATH")]
    path: Vec<PathBuf>,
    /// Mounts whose path or device matches; repeat
    #[arg(short = 'r', long, alias = "ereg-partition", value_name = "REGEX")]
    ereg_path: Vec<Regex>,
    /// As -r, in upper or lower case; repeat
    #[arg(short = 'R', long, alias = "eregi-partition", value_name = "REGEX", value_parser = any_case)]
    eregi_path: Vec<Regex>,
    /// Drop what is selected so far and matches; repeat
    #[arg(short = 'i', long, alias = "ignore-ereg-partition", value_name = "REGEX")]
    ignore_ereg_path: Vec<Regex>,
    /// As -i, in upper or lower case; repeat
    #[arg(short = 'I', long, alias = "ignore-eregi-partition", value_name = "REGEX", value_parser = any_case)]
    ignore_eregi_path: Vec<Regex>,
    /// All mounts, as -R '.*'
    #[arg(short = 'A', long, num_args = 0, default_missing_value = "")]
    all: Vec<String>,
    /// Judge the paths after it as one, under this name
    #[arg(short, long, value_name = "NAME")]
    group: Vec<String>,
    /// Forget thresholds and group; what follows is for the paths after it
    #[arg(short = 'C', long, num_args = 0, default_missing_value = "")]
    clear: Vec<String>,
}

fn any_case(text: &str) -> Result<Regex, String> {
    RegexBuilder::new(text).case_insensitive(true).build().map_err(|e| e.to_string())
}

impl clap::Args for Words {
    fn augment_args(command: Command) -> Command {
        Flags::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Flags::augment_args_for_update(command)
    }
}

impl FromArgMatches for Words {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut placed = Vec::new();
        let mut add = |id: &str, words: &mut dyn Iterator<Item = Word>| placed.extend(matches.indices_of(id).into_iter().flatten().zip(words));
        // The types are proven once, by the derived struct; the places come from clap.
        let flags = Flags::from_arg_matches(matches)?;
        let space = |percent: Slot, units: Slot| {
            move |bound: Bound| match bound {
                Bound::Percent(range) => Word::Limit(percent, range),
                Bound::Units(range) => Word::Limit(units, range),
            }
        };
        add("warning", &mut flags.warning.into_iter().map(space(Slot::WarningPercent, Slot::WarningUnits)));
        add("critical", &mut flags.critical.into_iter().map(space(Slot::CriticalPercent, Slot::CriticalUnits)));
        add("iwarning", &mut flags.iwarning.into_iter().map(|r| Word::Limit(Slot::WarningInodes, r)));
        add("icritical", &mut flags.icritical.into_iter().map(|r| Word::Limit(Slot::CriticalInodes, r)));
        add("path", &mut flags.path.into_iter().map(Word::Path));
        add("ereg_path", &mut flags.ereg_path.into_iter().map(Word::Match));
        add("eregi_path", &mut flags.eregi_path.into_iter().map(Word::Match));
        add("ignore_ereg_path", &mut flags.ignore_ereg_path.into_iter().map(Word::Ignore));
        add("ignore_eregi_path", &mut flags.ignore_eregi_path.into_iter().map(Word::Ignore));
        // The empty pattern matches everything.
        let all = any_case("").map_err(|e| Error::raw(clap::error::ErrorKind::ValueValidation, e))?;
        add("all", &mut flags.all.into_iter().map(|_| Word::Match(all.clone())));
        add("group", &mut flags.group.into_iter().map(Word::Group));
        add("clear", &mut flags.clear.into_iter().map(|_| Word::Clear));
        placed.sort_by_key(|(at, _)| *at);
        Ok(Self(placed.into_iter().map(|(_, word)| word).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
pub mod tests {
    use super::*;
    use clap::Args;

    /// The words of a command line.
    pub fn words(line: &str) -> Vec<Word> {
        let command = Words::augment_args(Command::new("x").no_binary_name(true));
        Words::from_arg_matches(&command.try_get_matches_from(line.split(' ').filter(|w| !w.is_empty())).unwrap()).unwrap().0
    }

    #[test]
    fn the_order_of_the_command_line_is_kept() {
        let shape: Vec<String> = words("-w 10% -p / -C -w 5 -K 3 -g db -A -i ^/tmp -C -R HOME")
            .iter()
            .map(|word| match word {
                Word::Limit(slot, range) => format!("{slot:?} {range}"),
                Word::Path(path) => path.display().to_string(),
                Word::Match(regex) => format!("~{regex}"),
                Word::Ignore(regex) => format!("!{regex}"),
                Word::Group(name) => format!("[{name}]"),
                Word::Clear => "-C".into(),
            })
            .collect();
        assert_eq!(shape, ["WarningPercent @10", "/", "-C", "WarningUnits @5", "CriticalInodes @3", "[db]", "~", "!^/tmp", "-C", "~HOME"]);
    }
}
