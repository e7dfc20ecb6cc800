//! The mails in a terminal: mutt with its own defaults lists them as threads and shows the words, the nodes and the timeline. With
//! `TWINGUARD_LOOK=FOLDER` (`tests/run notify-look`) the screens are kept there for people to look at.

use crate::desk::Desk;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A terminal of 100 columns with mutt in it.
struct Terminal {
    socket: PathBuf,
}

impl Terminal {
    /// Opens a mailbox, read only, sorted by threads.
    fn open(folder: &Path, mailbox: &Path) -> Self {
        let terminal = Self { socket: folder.join("tmux") };
        let settings = folder.join("muttrc");
        fs::write(&settings, format!("set sort=threads\nset folder={}\n", folder.display())).unwrap();
        let mutt = ["/usr/bin/mutt", "-n", "-R", "-F", settings.to_str().unwrap(), "-f", mailbox.to_str().unwrap()];
        let size = ["new-session", "-d", "-x", "100", "-y", "70"];
        let done = terminal.tmux(&[&size[..], &["/usr/bin/env", "-i", "TERM=screen", "LC_ALL=C.UTF-8", "TZ=UTC"], &mutt].concat());
        assert!(done.status.success(), "{done:?}");
        terminal
    }

    fn tmux(&self, args: &[&str]) -> Output {
        let mut command = Command::new("/usr/bin/tmux");
        command.args(["-f", "/dev/null", "-S"]).arg(&self.socket).args(args);
        command.env_clear().env("LC_ALL", "C.UTF-8").env("TERM", "screen").stdin(Stdio::null());
        command.output().expect("tmux; tests/run installs it")
    }

    fn press(&self, key: &str) {
        assert!(self.tmux(&["send-keys", key]).status.success());
    }

    /// The screen as soon as it shows this.
    fn shows(&self, words: &str) -> String {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let done = self.tmux(&["capture-pane", "-p"]);
            let screen = String::from_utf8(done.stdout).unwrap();
            if screen.contains(words) {
                return screen;
            }
            assert!(Instant::now() < end, "mutt never shows {words:?} but\n{screen}\n{}", String::from_utf8_lossy(&done.stderr));
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.tmux(&["kill-server"]);
    }
}

/// A maildir with what the sink received.
fn maildir(desk: &Desk) -> PathBuf {
    let folder = desk.path("mailbox");
    for part in ["cur", "new", "tmp"] {
        fs::create_dir_all(folder.join(part)).unwrap();
    }
    for (number, mail) in desk.sink.mails().iter().enumerate() {
        // As mail programs deliver it, with this system's line ends.
        let text = String::from_utf8(mail.raw.clone()).unwrap().replace("\r\n", "\n");
        fs::write(folder.join(format!("cur/{number:03}.test:2,S")), text).unwrap();
    }
    folder
}

#[test]
fn a_terminal_shows_threads_words_nodes_and_the_timeline() {
    let desk = Desk::new();
    desk.event("a1.1", |e| {
        e["kind"] = "fence-sent".into();
        e["summary"] = "pbx1 is being fenced".into();
        e["timeline"] = json!([]);
    });
    desk.event("a1.2", |e| e["at_ms"] = 1_795_300_868_123_i64.into());
    desk.deliver();
    for (kind, state) in [("PROBLEM", "CRITICAL"), ("RECOVERY", "OK")] {
        desk.tell(&["-t", kind, "-l", "pbx1", "-e", "raid", "-u", "RAID", "-s", state, "-o", "RAID - Größe ✓ unit u0"]);
        desk.deliver();
    }
    let terminal = Terminal::open(&desk.folder, &maildir(&desk));
    let index = terminal.shows("RAID on pbx1: recovered");
    let line = |words: &str| index.lines().position(|line| line.contains(words)).unwrap_or_else(|| panic!("no {words:?} in\n{index}"));
    for (first, second) in
        [("[pbx CRITICAL] pbx1 is being fenced", "[pbx CRITICAL] pbx2 took over from pbx1"), ("[pbx CRITICAL] RAID", "[pbx OK] RAID")]
    {
        // The answer stands below, with the arrow that mutt draws for a thread.
        assert_eq!(line(second), line(first) + 1, "{index}");
        assert!(index.lines().nth(line(second)).unwrap().contains("─>[pbx "), "{index}");
        assert!(!index.lines().nth(line(first)).unwrap().contains("─>"), "{index}");
    }

    let keep = std::env::var_os("TWINGUARD_LOOK").map(PathBuf::from);
    let look = |name: &str, screen: &str| {
        if let Some(folder) = &keep {
            fs::write(folder.join(format!("mutt-{name}.txt")), screen).unwrap();
        }
    };
    look("index", &index);
    // By the number that stands before it.
    terminal.press(index.lines().nth(line("pbx2 took over")).unwrap().split_whitespace().next().unwrap());
    terminal.press("Enter");
    terminal.press("Enter");
    // Its last words, so that the screen is complete.
    let mail = terminal.shows("cluster pbx, event a1.2");
    look("takeover", &mail);
    for said in [
        "Subject: [pbx CRITICAL] pbx2 took over from pbx1\n",
        "CRITICAL: pbx2 took over from pbx1\n",
        "  198.51.100.11 read OFF twice\n",
        "  ssh pbx1 journalctl -b -1\n",
        "  [red]   pbx1  STANDBY, off\n",
        "  [green] pbx2  MASTER\n",
        "  confirmed  ████████████████                  +2.1 s = 2.1 s\n",
        "  serving                             ███████  +800 ms = 4.2 s\n",
        "timeline.svg",
    ] {
        assert!(mail.contains(said), "{said:?} is missing in\n{mail}");
    }
    assert!(!mail.contains("<html") && !mail.contains("text/html"), "the text part has to be the one that is shown\n{mail}");
    terminal.press("q");
}
