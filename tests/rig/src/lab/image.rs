//! The Debian image below both nodes: built once by `image.sh` into a cache folder outside the repository, keyed by the script's
//! hash. Concurrent labs wait for one builder; a half-built image never gets the final name.

use super::tool::{read, run};
use rustix::fs::{FlockOperation, flock};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const RECIPE: &str = include_str!("image.sh");

/// Folder for images and for the large files of running labs: `$TWINGUARD_LAB`, else `/var/cache/twinguard-lab`.
pub fn cache() -> PathBuf {
    std::env::var_os("TWINGUARD_LAB").map_or_else(|| PathBuf::from("/var/cache/twinguard-lab"), PathBuf::from)
}

/// The image, built if it is not there yet (about half a minute).
///
/// # Errors
/// The folder can't be written, or what `mmdebstrap` said last.
pub fn image() -> Result<PathBuf, String> {
    let folder = cache().join("images");
    let image = folder.join(key());
    let wrong = |e: std::io::Error| format!("cannot use {}: {e}; set TWINGUARD_LAB to a folder with 2 GB of space", folder.display());
    fs::create_dir_all(&folder).map_err(wrong)?;
    let lock = fs::File::create(folder.join("lock")).map_err(wrong)?;
    flock(&lock, FlockOperation::LockExclusive).map_err(|e| wrong(e.into()))?;
    if !image.exists() {
        let half = folder.join("half-built");
        let _ = run("rm", &["-rf", "--one-file-system", &half.to_string_lossy()]);
        build(&half)?;
        fs::rename(&half, &image).map_err(wrong)?;
    }
    Ok(image)
}

/// FNV-1a: a name for the recipe, not a protection.
fn key() -> String {
    let hash = RECIPE.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("bookworm-{hash:016x}")
}

fn build(root: &Path) -> Result<(), String> {
    let cannot = |e: std::io::Error| format!("cannot build the lab's image: {e}");
    let log = root.with_extension("log");
    let out = fs::File::create(&log).map_err(cannot)?;
    let mut child = Command::new("sh")
        .args(["-c", RECIPE, "image.sh"])
        .arg(root)
        .envs(proxy().map(|line| ("APT_PROXY", line)))
        .stdin(Stdio::piped())
        .stdout(out.try_clone().map_err(cannot)?)
        .stderr(out)
        .spawn()
        .map_err(cannot)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(sources().as_bytes()).map_err(cannot)?;
    }
    if child.wait().map_err(cannot)?.success() {
        let _ = fs::remove_file(&log);
        return Ok(());
    }
    let text = read(&log);
    let tail: Vec<&str> = text.lines().rev().take(8).collect();
    Err(format!("cannot build the lab's image: {}", tail.into_iter().rev().collect::<Vec<_>>().join("\n  ")))
}

/// The host's proxy for apt, as one option line.
fn proxy() -> Option<String> {
    run("apt-config", &["dump", "Acquire::http::Proxy"]).ok().filter(|text| text.contains("http")).map(|text| text.trim().to_owned())
}

/// The host's own Debian mirrors of this release, in the one-line form; Debian's own if the host names none.
fn sources() -> String {
    let mut text = read("/etc/apt/sources.list");
    let mut stanzas = String::new();
    for entry in fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten() {
        match entry.path().extension().and_then(|e| e.to_str()) {
            Some("list") => text.push_str(&read(entry.path())),
            Some("sources") => stanzas.extend([read(entry.path()), "\n\n".to_owned()]),
            _ => {}
        }
    }
    let mut found: Vec<(String, String)> = text.lines().filter_map(one_line).collect();
    found.extend(stanzas.split("\n\n").flat_map(stanza));
    if !found.iter().any(|(_, suite)| suite == "bookworm") {
        let own = |suite: &str, path: &str| (format!("http://deb.debian.org/{path}"), suite.to_owned());
        found = vec![own("bookworm", "debian"), own("bookworm-updates", "debian"), own("bookworm-security", "debian-security")];
    }
    let line = |(uri, suite): (String, String)| format!("deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {uri} {suite} main\n");
    found.into_iter().map(line).collect()
}

fn is_ours(suite: &str) -> bool {
    ["bookworm", "bookworm-updates", "bookworm-security"].contains(&suite)
}

/// `deb [options] URI SUITE COMPONENT …`
fn one_line(line: &str) -> Option<(String, String)> {
    let rest = line.trim().strip_prefix("deb ")?.trim();
    let rest = rest.strip_prefix('[').and_then(|r| r.split_once(']')).map_or(rest, |(_, after)| after);
    let mut words = rest.split_whitespace();
    let (uri, suite) = (words.next()?, words.next()?);
    (is_ours(suite) && words.any(|c| c == "main")).then(|| (uri.to_owned(), suite.to_owned()))
}

/// One stanza of a `.sources` file.
fn stanza(text: &str) -> Vec<(String, String)> {
    let field = |name: &str| text.lines().find_map(|l| l.strip_prefix(name)).unwrap_or_default();
    if !field("Types:").split_whitespace().any(|t| t == "deb") || !field("Components:").split_whitespace().any(|c| c == "main") {
        return Vec::new();
    }
    let Some(uri) = field("URIs:").split_whitespace().next() else { return Vec::new() };
    field("Suites:").split_whitespace().filter(|s| is_ours(s)).map(|s| (uri.to_owned(), s.to_owned())).collect()
}
