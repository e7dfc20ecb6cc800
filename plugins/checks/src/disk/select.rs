//! Which file systems, with which thresholds: what the order of the options means. Pure.
//!
//! As the stock `check_disk`: thresholds stand for the paths after them, `-C` ends a part; a part that names no path stands
//! for all file systems. Unlike it, a threshold or a group that comes too late still stands for the paths before it.

use super::mounts::{self, Mount};
use super::words::{Slot, Word};
use plugin_core::{Limits, Range};
use std::path::{Path, PathBuf};

/// The thresholds of one file system.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    /// Of the free percent.
    pub percent: Limits,
    /// Of the free space, in units of `-u`.
    pub units: Limits,
    /// Of the free inodes in percent.
    pub inodes: Limits,
}

/// One file system to look at.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    /// Its mount point, or what was asked for and is not mounted.
    pub path: PathBuf,
    /// The mount there.
    pub mount: Option<Mount>,
    /// Its thresholds.
    pub rules: Rules,
    /// The group with which it is judged.
    pub group: Option<String>,
    /// Whether it answers is all that is asked (`-L`).
    pub touch: bool,
}

/// What is asked of all of them.
#[derive(Clone, Debug, Default, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is one option of the stock check")]
pub struct Filter {
    /// Only these types of file systems; repeat
    #[arg(short = 'N', long, value_name = "TYPE")]
    include_type: Vec<String>,
    /// Type of file system to leave out; repeat
    #[arg(short = 'X', long, value_name = "TYPE")]
    exclude_type: Vec<String>,
    /// Mount point or device to leave out; repeat
    #[arg(short = 'x', long, visible_alias = "exclude_device", value_name = "PATH")]
    exclude_path: Vec<PathBuf>,
    /// No file systems of other machines
    #[arg(short, long)]
    local: bool,
    /// File systems of other machines have to answer; their space is theirs
    #[arg(short = 'L', long)]
    stat_remote_fs: bool,
    /// A path is a mount point or a device (the default; for those who know the stock check)
    #[arg(short = 'E', long, conflicts_with = "best_match")]
    exact_match: bool,
    /// A path stands for the file system that it lies on, as in the stock check without -E: a missing mount is not seen
    #[arg(long)]
    best_match: bool,
}

/// The file systems, and the patterns that match none.
pub fn select(words: &[Word], table: &[Mount], filter: &Filter) -> (Vec<Chosen>, Vec<String>) {
    let mut chosen: Vec<Chosen> = Vec::new();
    let mut lost = Vec::new();
    let parts: Vec<&[Word]> = words.split(|w| matches!(w, Word::Clear)).collect();
    for (n, part) in parts.iter().enumerate() {
        let first = part.iter().position(|w| matches!(w, Word::Path(_) | Word::Match(_)));
        if first.is_none() && !(part.is_empty() && n > 0) {
            for mount in mounts::by_default(table, &filter.include_type) {
                put(&mut chosen, Some(mount), &mount.path, part, part.len());
            }
        }
        for (at, word) in part.iter().enumerate() {
            match word {
                Word::Path(path) => {
                    let mount = mounts::named(table, path, filter.best_match);
                    put(&mut chosen, mount, mount.map_or(path, |m| &m.path), part, at);
                }
                Word::Match(regex) => {
                    let mut found = mounts::visible(table).into_iter().filter(|m| regex.is_match(&m.source) || on_path(regex, &m.path)).peekable();
                    if found.peek().is_none() {
                        lost.push(regex.as_str().to_owned());
                    }
                    for mount in found {
                        put(&mut chosen, Some(mount), &mount.path, part, at);
                    }
                }
                Word::Ignore(regex) if first.is_none_or(|first| first < at) => drop_matching(&mut chosen, regex),
                Word::Ignore(_) | Word::Limit(..) | Word::Group(_) | Word::Clear => (),
            }
        }
        for word in part.iter().take(first.unwrap_or(0)) {
            if let Word::Ignore(regex) = word {
                drop_matching(&mut chosen, regex);
            }
        }
    }
    chosen.retain(|c| kept(c, filter));
    for each in &mut chosen {
        each.touch = filter.stat_remote_fs && each.mount.as_ref().is_some_and(Mount::remote);
    }
    (chosen, lost)
}

fn on_path(regex: &regex_lite::Regex, path: &Path) -> bool {
    regex.is_match(&path.to_string_lossy())
}

fn drop_matching(chosen: &mut Vec<Chosen>, regex: &regex_lite::Regex) {
    chosen.retain(|c| !(on_path(regex, &c.path) || c.mount.as_ref().is_some_and(|m| regex.is_match(&m.source))));
}

/// Adds one, or gives it other thresholds.
fn put(chosen: &mut Vec<Chosen>, mount: Option<&Mount>, path: &Path, part: &[Word], at: usize) {
    let group = before_or_after(part, at, |word| if let Word::Group(name) = word { Some(name.clone()) } else { None });
    let new = Chosen { path: path.to_owned(), mount: mount.cloned(), rules: rules(part, at), group, touch: false };
    match chosen.iter_mut().find(|c| c.path == path) {
        Some(old) => *old = new,
        None => chosen.push(new),
    }
}

/// The last one before `at`, else the first one after it.
fn before_or_after<T>(part: &[Word], at: usize, pick: impl Fn(&Word) -> Option<T>) -> Option<T> {
    let (before, after) = part.split_at(at.min(part.len()));
    before.iter().rev().find_map(&pick).or_else(|| after.iter().find_map(&pick))
}

fn rules(part: &[Word], at: usize) -> Rules {
    let range = |slot: Slot| -> Option<Range> {
        before_or_after(part, at, |word| match word {
            Word::Limit(of, range) if *of == slot => Some(range.clone()),
            _ => None,
        })
    };
    let limits = |warning: Slot, critical: Slot| Limits { warning: range(warning), critical: range(critical) };
    Rules {
        percent: limits(Slot::WarningPercent, Slot::CriticalPercent),
        units: limits(Slot::WarningUnits, Slot::CriticalUnits),
        inodes: limits(Slot::WarningInodes, Slot::CriticalInodes),
    }
}

fn kept(chosen: &Chosen, filter: &Filter) -> bool {
    if filter.exclude_path.contains(&chosen.path) {
        return false;
    }
    let Some(mount) = &chosen.mount else { return true };
    let listed = |types: &[String]| types.contains(&mount.kind);
    !filter.exclude_path.iter().any(|x| x == Path::new(&mount.source))
        && !listed(&filter.exclude_type)
        && (filter.include_type.is_empty() || listed(&filter.include_type))
        && !(filter.local && mount.remote())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests {
    use super::super::words::tests::words;
    use super::*;

    const TABLE: &str = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n\
                         2 1 8:2 / /srv/a rw - ext4 /dev/sdb1 rw\n\
                         3 1 8:3 / /srv/b rw - xfs /dev/sdb2 rw\n\
                         4 1 0:9 / /nas rw - nfs4 nas:/x rw\n\
                         5 1 0:7 / /run rw - tmpfs tmpfs rw\n\
                         6 1 0:5 / /proc rw - proc proc rw\n";

    /// `path warning%/critical%/warning-units [group]`.
    fn said_with(line: &str, filter: &Filter) -> Vec<String> {
        let (chosen, lost) = select(&words(line), &mounts::parse(TABLE).unwrap(), filter);
        let text = |range: &Option<Range>| range.as_ref().map_or("-", super::super::bound::written).to_owned();
        let one = |c: &Chosen| {
            let group = c.group.as_ref().map_or(String::new(), |g| format!(" [{g}]"));
            let rules = [&c.rules.percent.warning, &c.rules.percent.critical, &c.rules.units.warning].map(text).join("/");
            format!("{}{} {rules}{group}", if c.mount.is_some() { "" } else { "?" }, c.path.display())
        };
        chosen.iter().map(one).chain(lost.into_iter().map(|l| format!("lost {l}"))).collect()
    }

    fn said(line: &str) -> Vec<String> {
        said_with(line, &Filter::default())
    }

    #[test]
    fn thresholds_stand_for_the_paths_after_them_and_c_begins_anew() {
        assert_eq!(said("-w 10% -c 5% -p / -p /srv/a -C -w 100 -p /srv/b"), ["/ 10/5/-", "/srv/a 10/5/-", "/srv/b -/-/100"]);
        assert_eq!(said("-w 10% -p / -w 20% -p /srv/a"), ["/ 10/-/-", "/srv/a 20/-/-"]);
        assert_eq!(said("-p / -c 5% -w 10%"), ["/ 10/5/-"], "a late threshold still counts");
        assert_eq!(said("-w 9% -C -w 1000 -p /srv/a -C -w 5% -p /srv/b"), ["/ 9/-/-", "/nas 9/-/-", "/srv/a -/-/1000", "/srv/b 5/-/-"]);
        assert_eq!(said("-w 9% -p / -C"), ["/ 9/-/-"], "nothing follows the last -C");
    }

    #[test]
    fn groups_patterns_devices_and_what_is_not_there() {
        assert_eq!(said("-w 9% -g data -r ^/srv -C -w 1% -p /"), ["/srv/a 9/-/- [data]", "/srv/b 9/-/- [data]", "/ 1/-/-"]);
        assert_eq!(said("-p / -g late"), ["/ -/-/- [late]"]);
        assert_eq!(said("-R SDB -i b$"), ["/srv/a -/-/-"], "by device, then dropped by path");
        assert_eq!(said("-i b$ -R SDB"), ["/srv/a -/-/-"], "also the other way round");
        assert_eq!(said("-A -i ^/srv"), ["/ -/-/-", "/nas -/-/-", "/run -/-/-"], "-A wants also what lies in memory");
        assert_eq!(said("-i nas"), ["/ -/-/-", "/srv/a -/-/-", "/srv/b -/-/-"]);
        assert_eq!(said("-p /dev/sdb2 -p /gone -r nothing"), ["/srv/b -/-/-", "?/gone -/-/-", "lost nothing"]);
        assert_eq!(said("-p /srv/a/mail"), ["?/srv/a/mail -/-/-"], "a directory is no mount");
        let best = Filter { best_match: true, ..Filter::default() };
        assert_eq!(said_with("-p /srv/a/mail -p /srv", &best), ["/srv/a -/-/-", "/ -/-/-"]);
    }

    #[test]
    fn filters_by_type_path_device_and_machine() {
        let types = vec!["ext4".to_owned(), "tmpfs".to_owned()];
        let paths = vec![PathBuf::from("/srv/a"), PathBuf::from("/dev/sda1")];
        assert_eq!(said_with("", &Filter { exclude_type: types.clone(), ..Filter::default() }), ["/nas -/-/-", "/srv/b -/-/-"]);
        assert_eq!(said_with("", &Filter { include_type: types, ..Filter::default() }), ["/ -/-/-", "/run -/-/-", "/srv/a -/-/-"]);
        assert_eq!(said_with("", &Filter { exclude_path: paths, ..Filter::default() }), ["/nas -/-/-", "/srv/b -/-/-"]);
        assert_eq!(said_with("-R ^/[ns]", &Filter { local: true, ..Filter::default() }), ["/srv/a -/-/-", "/srv/b -/-/-"]);
        let (chosen, _) = select(&words(""), &mounts::parse(TABLE).unwrap(), &Filter { stat_remote_fs: true, ..Filter::default() });
        assert_eq!(chosen.iter().filter(|c| c.touch).map(|c| c.path.to_str().unwrap()).collect::<Vec<_>>(), ["/nas"]);
    }
}
