//! A mail as the sink kept it: raw, and as Python's `email` package understands it (a parser that is not ours).

use serde::Deserialize;
use std::fs;
use std::path::Path;

/// One received mail with its envelope.
#[derive(Clone, Debug, Deserialize)]
pub struct Received {
    /// Envelope sender.
    pub from: String,
    /// Envelope recipients.
    pub to: Vec<String>,
    /// It came over TLS.
    pub tls: bool,
    /// Who authenticated.
    pub user: Option<String>,
    /// Name given with EHLO.
    pub hello: String,
    /// Content type of the whole.
    #[serde(rename = "type")]
    pub kind: String,
    /// Headers, decoded, in order.
    pub headers: Vec<(String, String)>,
    /// Content type and decoded content of each leaf.
    pub parts: Vec<(String, String)>,
    /// What the parser complained about.
    pub defects: Vec<String>,
    /// The `run` of the sink's behaviour when it came.
    pub run: u64,
    /// The client was not told that it is kept.
    pub lost: bool,
    /// The client went on in an orderly way, so it has read that the mail is kept.
    #[serde(skip)]
    pub known: bool,
    /// The bytes.
    #[serde(skip)]
    pub raw: Vec<u8>,
}

impl Received {
    /// The only header of that name; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        let mut found = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        let first = found.next();
        assert!(found.next().is_none(), "the header {name} stands there twice: {:?}", self.headers);
        first.map_or("", |(_, value)| value)
    }

    /// The subject, decoded.
    pub fn subject(&self) -> &str {
        self.header("Subject")
    }

    /// The plain text part.
    pub fn text(&self) -> &str {
        self.part("text/plain")
    }

    /// The HTML part.
    pub fn html(&self) -> &str {
        self.part("text/html")
    }

    fn part(&self, kind: &str) -> &str {
        self.parts.iter().find(|(k, _)| k == kind).map_or("", |(_, content)| content)
    }
}

/// The mails in a sink's folder.
pub(super) fn read(folder: &Path) -> Vec<Received> {
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().flatten().map(|e| e.path()).filter(|p| is_envelope(p)).collect();
    names.sort();
    names
        .iter()
        .map(|path| {
            let mut mail: Received = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
            mail.known = path.with_extension("known").exists();
            mail.raw = fs::read(path.with_extension("eml")).unwrap();
            mail
        })
        .collect()
}

/// `000001.json`; the eml file beside it was complete before.
fn is_envelope(path: &Path) -> bool {
    let digits = path.file_stem().and_then(|s| s.to_str()).is_some_and(|s| s.bytes().all(|b| b.is_ascii_digit()));
    digits && path.extension().is_some_and(|e| e == "json")
}
