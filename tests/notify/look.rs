//! The mails as readers see them: a real browser lays the HTML part out at a phone's width without a scroll bar, and a text reader
//! shows its words. With `TWINGUARD_LOOK=FOLDER` (`tests/run notify-look`) pictures and texts are kept there for people to look at.

use crate::desk::Desk;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The mails that are looked at: name, HTML, text.
fn mails(desk: &Desk) -> Vec<(&'static str, String, String)> {
    let now = plugin_core::host::system::boottime();
    let status = json!({
        "schema": 1, "cluster": "pbx", "node": "pbx2", "boottime_ms": u64::try_from(now.as_millis()).unwrap(), "boot_id": "b", "automatic": true,
        "armed": false, "frozen": null, "witnesses": {}, "attempt": null,
        "groups": [{"name": "pbx", "role": "SLAVE", "epoch": 1, "degraded": null}],
        "peer": {"node": "pbx1", "life": "alive", "record": "OK", "roles": {"pbx": "MASTER"}, "links": []},
        "gates": [], "refusal": {"code": "DEVICE_SILENT", "text": "198.51.100.11 does not answer", "since_ms": 1}
    });
    fs::write(desk.path("status.json"), status.to_string()).unwrap();
    desk.event("a1.1", |e| {
        e["details"] = json!([
            "pbx1 silent on lan and heartbeat for 2.1 s",
            "witnesses: arp:192.0.2.1 answers, tcp:192.0.2.25:25 answers",
            "198.51.100.11 read OFF at +3.1 s and +3.4 s"
        ]);
        e["timeline"] = json!([
            ["peer confirmed dead", 2100],
            ["power off sent", 2140],
            ["seen off twice", 3400],
            ["file system checked", 3610],
            ["failover IP up", 3640],
            ["serving", 4200]
        ]);
    });
    let output = "RAID CRITICAL - unit u0 is degraded, drive p3 failed (WDC WD4003FZEX-00Z4SA0, serial WD-WMC130E7CTR7)\nport p0: OK\nport p3: DEVICE-ERROR, 1.82 TB, /dev/disk/by-id/wwn-0x50014ee2b5d8a1c3-part1-a-name-that-is-too-long-for-any-phone\n|failed=1;;0";
    let problem = [
        "-t",
        "PROBLEM",
        "-l",
        "pbx1",
        "-n",
        "pbx1.example.org",
        "-e",
        "twinguard-raid",
        "-u",
        "RAID",
        "-s",
        "CRITICAL",
        "-o",
        output,
        "-4",
        "192.0.2.11",
    ];
    desk.tell(
        &[
            &problem[..],
            &["-i", "https://mon.example.org/icingaweb2", "-x", "Spare drives are in the cupboard behind rack 2", "-r", "jd@example.net"],
        ]
        .concat(),
    );
    for n in 0..14 {
        let state = ["CRITICAL", "WARNING", "UNKNOWN"][n % 3];
        desk.tell(&[
            "-t",
            "PROBLEM",
            "-l",
            "pbx1",
            "-e",
            &format!("service-{n}"),
            "-s",
            state,
            "-o",
            &format!("SERVICE {state} - no answer from 192.0.2.11 port {}", 5060 + n),
        ]);
    }
    desk.deliver();
    let mails = desk.sink.mails();
    let find = |name: &'static str, said: &str| {
        let mail = mails.iter().find(|m| m.subject().contains(said)).unwrap_or_else(|| panic!("no mail about {said}"));
        (name, mail.html().to_owned(), format!("Subject: {}\n\n{}", mail.subject(), mail.text()))
    };
    vec![find("takeover", "took over"), find("problem", "RAID"), find("digest", "14 notifications")]
}

/// A page that shows the mail in a frame of this width and says the width that it needs in its title.
fn framed(html: &str, width: u32, dark: bool) -> String {
    let scheme = if dark { "dark" } else { "light" };
    let inner = html.replace("<meta name=\"color-scheme\" content=\"light dark\">", &format!("<meta name=\"color-scheme\" content=\"{scheme}\">"));
    let escaped = inner.replace('&', "&amp;").replace('"', "&quot;");
    format!(
        "<!DOCTYPE html><html><head><meta charset=\"utf-8\"><title>?</title></head><body style=\"margin:0\">\
         <iframe id=\"f\" style=\"width:{width}px;border:0;display:block\" srcdoc=\"{escaped}\"></iframe>\
         <script>f.onload=()=>{{const d=f.contentDocument.documentElement;document.title=d.scrollWidth+'x'+d.scrollHeight;f.style.height=d.scrollHeight+'px'}}</script>\
         </body></html>"
    )
}

fn chromium(desk: &Desk, args: &[String]) -> String {
    let mut command = Command::new("/usr/bin/chromium");
    command.env("HOME", &desk.folder).args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        "--no-first-run",
        "--disable-breakpad",
    ]);
    command.arg(format!("--user-data-dir={}", desk.path("browser").display())).args(args);
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().expect("chromium; tests/run installs it");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The size that the mail needs in a frame of this width.
fn size(desk: &Desk, page: &Path) -> (u32, u32) {
    let dom = chromium(desk, &["--dump-dom".to_owned(), "--virtual-time-budget=2000".to_owned(), format!("file://{}", page.display())]);
    let title = dom.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>")).unwrap_or_else(|| panic!("no page: {dom}")).0;
    let (width, height) = title.split_once('x').unwrap_or_else(|| panic!("it was not measured: {title}"));
    (width.parse().unwrap(), height.parse().unwrap())
}

#[test]
fn a_browser_and_a_text_reader_show_the_mails() {
    let desk = Desk::new();
    let keep = std::env::var_os("TWINGUARD_LOOK").map(PathBuf::from);
    for (name, html, text) in mails(&desk) {
        let file = desk.path(&format!("{name}.html"));
        fs::write(&file, &html).unwrap();
        let reader = Command::new("/usr/bin/w3m").args(["-dump", "-T", "text/html", "-cols", "78", "-O", "UTF-8"]).arg(&file).output().unwrap();
        let read = String::from_utf8(reader.stdout).unwrap();
        let headline = text.lines().find_map(|l| l.strip_prefix("Subject: ")).unwrap().split_once("] ").unwrap().1;
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
        assert!(words(&read).contains(&words(headline)), "{headline}\nis missing in\n{read}");
        assert!(text.lines().all(|l| l.starts_with("Subject: ") || l.starts_with("  ") || l.chars().count() <= 100), "{text}");
        for (width, dark) in [(360, false), (360, true), (1000, false), (1000, true)] {
            // The default run measures the narrow one; the pictures are for people.
            if keep.is_none() && (width, dark) != (360, false) {
                continue;
            }
            let page = desk.path("page.html");
            fs::write(&page, framed(&html, width, dark)).unwrap();
            let (needs, height) = size(&desk, &page);
            assert!(needs <= width, "{name} needs {needs} pixels and has {width}");
            if let Some(folder) = &keep {
                let picture = folder.join(format!("{name}-{width}-{}.png", if dark { "dark" } else { "light" }));
                let window = format!("--window-size={},{}", width.max(500), height + 20);
                chromium(
                    &desk,
                    &[
                        format!("--screenshot={}", picture.display()),
                        window,
                        "--virtual-time-budget=2000".to_owned(),
                        format!("file://{}", page.display()),
                    ],
                );
                assert!(fs::metadata(&picture).is_ok_and(|m| m.len() > 5000), "{} was not drawn", picture.display());
                eprintln!("{}", picture.display());
            }
        }
        if let Some(folder) = &keep {
            fs::write(folder.join(format!("{name}.txt")), &text).unwrap();
            fs::write(folder.join(format!("{name}-w3m.txt")), &read).unwrap();
        }
    }
}
