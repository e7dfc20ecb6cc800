//! What is left out: patterns as rsync's `--exclude` has them, with absolute paths.
//!
//! `*.swp` a name anywhere; `/etc/hostname` that path; `cache/tmp` the end of a path; `*` and `?` stop at a slash, `**` does
//! not; a slash at the end means directories only.

/// One pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    glob: Vec<u8>,
    /// Only directories.
    folder: bool,
    /// It starts at the root.
    whole: bool,
    /// It holds a slash, so it is matched against paths, not names.
    path: bool,
}

/// All patterns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter(Vec<Pattern>);

impl Filter {
    /// From their text form; empty ones match nothing.
    pub fn new(patterns: &[Vec<u8>]) -> Self {
        let pattern = |text: &Vec<u8>| {
            let (glob, folder) = text.strip_suffix(b"/").map_or((text.as_slice(), false), |head| (head, true));
            let whole = glob.starts_with(b"/");
            Pattern { glob: glob.to_vec(), folder, whole, path: glob.contains(&b'/') || glob.windows(2).any(|pair| pair == b"**") }
        };
        Self(patterns.iter().map(pattern).filter(|p| !p.glob.is_empty()).collect())
    }

    /// Is the entry left out? `folder` is the absolute path of the directory that holds it.
    pub fn leaves_out(&self, folder: &[u8], name: &[u8], is_folder: bool) -> bool {
        self.0.iter().any(|pattern| {
            if pattern.folder && !is_folder {
                return false;
            }
            if !pattern.path {
                return matches(&pattern.glob, name);
            }
            let path = [folder, b"/", name].concat();
            if pattern.whole {
                return matches(&pattern.glob, &path);
            }
            // Not at the root: any tail that begins after a slash.
            path.iter().enumerate().any(|(at, byte)| *byte == b'/' && matches(&pattern.glob, path.get(at + 1..).unwrap_or_default()))
        })
    }
}

/// Glob matching without backtracking into more than the last star of each kind.
fn matches(glob: &[u8], text: &[u8]) -> bool {
    match glob {
        [] => text.is_empty(),
        [b'*', b'*', rest @ ..] => (0..=text.len()).any(|at| matches(rest, text.get(at..).unwrap_or_default())),
        [b'*', rest @ ..] => {
            let reach = text.iter().position(|byte| *byte == b'/').unwrap_or(text.len());
            (0..=reach).any(|at| matches(rest, text.get(at..).unwrap_or_default()))
        }
        [b'?', rest @ ..] => text.split_first().is_some_and(|(byte, tail)| *byte != b'/' && matches(rest, tail)),
        [letter, rest @ ..] => text.split_first().is_some_and(|(byte, tail)| byte == letter && matches(rest, tail)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out(pattern: &str, path: &str) -> bool {
        let is_folder = path.ends_with('/');
        let (folder, name) = path.trim_end_matches('/').rsplit_once('/').unwrap_or_default();
        Filter::new(&[pattern.into()]).leaves_out(folder.as_bytes(), name.as_bytes(), is_folder)
    }

    #[test]
    fn patterns_as_in_rsync() {
        for (pattern, path, expected) in [
            ("*.swp", "/etc/a/.x.swp", true),
            ("*.swp", "/etc/a.swp/x", false),
            ("/etc/hostname", "/etc/hostname", true),
            ("/etc/hostname", "/srv/etc/hostname", false),
            ("/etc/ssh/ssh_host_*", "/etc/ssh/ssh_host_rsa_key", true),
            ("/etc/*", "/etc/a/b", false),
            ("/etc/**", "/etc/a/b", true),
            ("/etc/**/x", "/etc/a/b/x", true),
            ("cache/tmp", "/srv/cache/tmp", true),
            ("cache/tmp", "/srv/mycache/tmp", false),
            ("tmp/", "/srv/tmp/", true),
            ("tmp/", "/srv/tmp", false),
            ("a?c", "/x/abc", true),
            ("a?c", "/x/ac", false),
            ("", "/x", false),
            ("/", "/x", false),
        ] {
            assert_eq!(out(pattern, path), expected, "{pattern} on {path}");
        }
    }
}
