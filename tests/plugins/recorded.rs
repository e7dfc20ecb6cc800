//! A recorded machine: a folder tree made from one transcript, whose tools print what was written down and whose files say what they
//! said. A transcript has comments (`#`), calls (`$ /path/to/tool ARGUMENTS`, then `! EXITCODE`, `2> LINE` of standard error, and the
//! output), and files (`@ /path`, then their text).

use rig::process::{Done, binary, run};
use std::collections::BTreeMap;
use std::fs::{create_dir_all, read_to_string, remove_dir_all, set_permissions, write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// The tree; it goes away also after a failed test.
pub struct Recorded(pub PathBuf);

impl Recorded {
    /// From `tests/fixtures/NAME.txt`.
    pub fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../tests/fixtures/{name}.txt"));
        Self::from_text(&read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
    }

    /// From a transcript.
    pub fn from_text(text: &str) -> Self {
        let recorded = Self(std::env::temp_dir().join(format!("twinguard-recorded-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst))));
        create_dir_all(&recorded.0).unwrap();
        let mut sections: Vec<(&str, Vec<&str>)> = Vec::new();
        for line in text.lines().filter(|line| !line.starts_with("# ")) {
            if line.starts_with("$ ") || line.starts_with("@ ") {
                sections.push((line, vec![]));
            } else if let Some((_, lines)) = sections.last_mut() {
                lines.push(line);
            }
        }
        let mut tools: BTreeMap<&str, String> = BTreeMap::new();
        for (number, (head, lines)) in sections.iter().enumerate() {
            match head.split_at(2) {
                ("@ ", path) => recorded.file(path, &joined(lines)),
                (_, call) => {
                    let (program, args) = call.split_once(' ').unwrap_or((call, ""));
                    let script = tools.entry(program).or_insert_with(|| "#!/bin/sh\n".to_owned());
                    script.push_str(&recorded.call(number, args, lines));
                }
            }
        }
        for (program, script) in tools {
            recorded.tool(program, &format!("{script}echo \"this call was not recorded: $*\" >&2\nexit 64\n"));
        }
        recorded
    }

    /// What a tool's script does on one call.
    fn call(&self, number: usize, args: &str, lines: &[&str]) -> String {
        let code = lines.iter().find_map(|line| line.strip_prefix("! ")).unwrap_or("0");
        let errors: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("2> ")).collect();
        let output: Vec<&str> = lines.iter().filter(|line| !line.starts_with("! ") && !line.starts_with("2> ")).copied().collect();
        let place = |end: &str| self.0.join(format!("{number}.{end}"));
        write(place("err"), joined(&errors)).unwrap();
        write(place("out"), joined(&output)).unwrap();
        let says = format!("cat {} >&2; cat {}; exit {code}", place("err").display(), place("out").display());
        let says = if errors.is_empty() && code == "0" { format!("exec cat {}", place("out").display()) } else { says };
        format!("if [ \"$*\" = '{args}' ]; then {says}; fi\n")
    }

    /// Writes a file.
    pub fn file(&self, path: &str, text: &str) {
        let path = self.at(path);
        create_dir_all(path.parent().unwrap()).unwrap();
        write(path, text).unwrap();
    }

    /// The place of an absolute path.
    pub fn at(&self, path: &str) -> PathBuf {
        self.0.join(path.trim_start_matches('/'))
    }

    /// Installs a script as a tool.
    pub fn tool(&self, program: &str, script: &str) {
        self.file(program, script);
        set_permissions(self.at(program), PermissionsExt::from_mode(0o755)).unwrap();
    }

    /// Runs a check on this machine.
    pub fn check(&self, name: &str, more: &[&str]) -> Done {
        let done = run(&binary(name), &[&["--sysroot", self.0.to_str().unwrap()][..], more].concat());
        assert_eq!(done.stderr, "", "{}", done.stdout);
        // The place of the tree is nobody's business.
        Done { stdout: done.stdout.replace(self.0.to_str().unwrap(), ""), ..done }
    }
}

impl Drop for Recorded {
    fn drop(&mut self) {
        let _ = remove_dir_all(&self.0);
    }
}

fn joined(lines: &[&str]) -> String {
    lines.iter().flat_map(|line| [line, "\n"]).collect()
}

/// The first line without performance data.
pub fn verdict(done: &Done) -> String {
    done.stdout.lines().next().unwrap_or_default().split(" | ").next().unwrap_or_default().to_owned()
}

/// The exit code that belongs to the state in a first line.
pub fn code_of(line: &str) -> Option<i32> {
    [" OK - ", " WARNING - ", " CRITICAL - ", " UNKNOWN - "].iter().position(|state| line.contains(state)).and_then(|code| i32::try_from(code).ok())
}
