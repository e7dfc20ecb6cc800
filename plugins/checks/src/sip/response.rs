//! A SIP response, read leniently: real servers send compact header names, odd blanks, folded lines and bodies. Pure.

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Status code.
    pub code: u16,
    /// Its words.
    pub reason: String,
    headers: Vec<(String, String)>,
}

/// Where the first message in a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// More has to come.
    More,
    /// That many bytes are keep-alives (RFC 5626 section 3.5.1).
    KeepAlive(usize),
    /// That many bytes are one message.
    Message(usize),
}

/// Longest message that is believed.
const MOST: usize = 64 << 10;

/// Splits the first message off a stream: by its head and Content-Length (RFC 3261 section 18.3).
///
/// # Errors
/// It can't be a SIP message.
pub fn frame(bytes: &[u8]) -> Result<Frame, String> {
    let blank = bytes.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
    if blank > 0 {
        return Ok(Frame::KeepAlive(blank));
    }
    let start: Vec<u8> = bytes.iter().take(4).copied().collect();
    if !b"SIP/".starts_with(&start) || bytes.len() > MOST {
        return Err(sample(bytes));
    }
    let Some(head) = bytes.windows(4).position(|w| w == b"\r\n\r\n") else { return Ok(Frame::More) };
    let response = Response::parse(bytes)?;
    let body = response.header("content-length").map_or(Some(0), |length| length.parse().ok()).filter(|l| *l <= MOST);
    let end = head + 4 + body.ok_or_else(|| sample(bytes))?;
    Ok(if bytes.len() < end { Frame::More } else { Frame::Message(end) })
}

/// The beginning of what came, as a person can read it.
fn sample(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().take(40).map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
}

impl Response {
    /// Reads the head of a message.
    ///
    /// # Errors
    /// The beginning of something that is no SIP response.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let wrong = || sample(bytes);
        let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or(bytes.len());
        let text = String::from_utf8_lossy(bytes.get(..end).unwrap_or_default());
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.strip_prefix("SIP/2.0 ")).ok_or_else(wrong)?;
        let (code, reason) = status.split_once(' ').unwrap_or((status, ""));
        let code = code.parse().ok().filter(|c| (100..700).contains(c)).ok_or_else(wrong)?;
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in lines {
            if line.starts_with([' ', '\t']) {
                // Folded: it belongs to the header before.
                if let Some((_, value)) = headers.last_mut() {
                    value.push(' ');
                    value.push_str(line.trim());
                }
            } else if let Some((name, value)) = line.split_once(':') {
                headers.push((long_name(name.trim()), value.trim().to_owned()));
            }
        }
        Ok(Self { code, reason: reason.trim().to_owned(), headers })
    }

    /// The first header of that lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// All headers of that lower-case name.
    pub fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Is this the answer to the request with that branch, sequence number and Call-ID? The text of Via, To and From may have
    /// been rewritten and says nothing (RFC 3261 section 17.1.3).
    pub fn answers(&self, branch: &str, sequence: u32, method: &str, call: &str) -> bool {
        let via = self.header("via").and_then(|via| via.split(',').next()).unwrap_or_default();
        let ours =
            via.split(';').any(|part| part.trim().strip_prefix("branch").is_some_and(|b| b.trim_start().trim_start_matches('=').trim() == branch));
        let mut cseq = self.header("cseq").unwrap_or_default().split_whitespace();
        ours && cseq.next().and_then(|n| n.parse().ok()) == Some(sequence) && cseq.next() == Some(method) && self.header("call-id") == Some(call)
    }
}

/// Lower case; compact names (RFC 3261 section 7.3.3) in their long form.
fn long_name(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    match name.as_str() {
        "v" => "via".into(),
        "i" => "call-id".into(),
        "l" => "content-length".into(),
        "f" => "from".into(),
        "t" => "to".into(),
        "m" => "contact".into(),
        _ => name,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;

    const COMPACT: &[u8] = b"SIP/2.0 200 OK\r\nv: SIP/2.0/UDP 127.0.0.1:4711;rport=4711;received=127.0.0.1 ; branch = z9hG4bKabc\r\n\
        i: 0123\r\nf: <sip:mon@pbx>;tag=0123\r\nt: <sip:pbx>;tag=z9hG4bKabc\r\nCSEQ:   1  OPTIONS\r\nAllow: OPTIONS,\r\n INVITE\r\nl:  3\r\n\r\nv=0";

    #[test]
    fn compact_names_odd_blanks_and_folded_lines_are_read() {
        let response = Response::parse(COMPACT).unwrap();
        assert_eq!((response.code, response.reason.as_str()), (200, "OK"));
        assert_eq!(response.header("allow"), Some("OPTIONS, INVITE"));
        assert!(response.answers("z9hG4bKabc", 1, "OPTIONS", "0123"));
        for (branch, sequence, method, call) in [
            ("z9hG4bKab", 1, "OPTIONS", "0123"),
            ("z9hG4bKabc", 2, "OPTIONS", "0123"),
            ("z9hG4bKabc", 1, "REGISTER", "0123"),
            ("z9hG4bKabc", 1, "OPTIONS", "012"),
        ] {
            assert!(!response.answers(branch, sequence, method, call), "a late answer to another question");
        }
    }

    #[test]
    fn only_the_topmost_via_counts() {
        let text = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=other, SIP/2.0/UDP b;branch=mine\r\nCSeq: 1 OPTIONS\r\nCall-ID: c\r\n\r\n";
        let response = Response::parse(text).unwrap();
        assert!(response.answers("other", 1, "OPTIONS", "c") && !response.answers("mine", 1, "OPTIONS", "c"));
    }

    #[test]
    fn a_stream_is_cut_into_messages_wherever_it_breaks() {
        for cut in 0..COMPACT.len() {
            assert_eq!(frame(&COMPACT[..cut]), Ok(Frame::More), "cut at {cut}");
        }
        let two = [COMPACT, b"\r\n\r\n", COMPACT].concat();
        assert_eq!(frame(&two), Ok(Frame::Message(COMPACT.len())));
        assert_eq!(frame(&two[COMPACT.len()..]), Ok(Frame::KeepAlive(4)));
        assert_eq!(frame(b"SSH-2.0-OpenSSH_9.2\r\n"), Err("SSH-2.0-OpenSSH_9.2".into()));
        assert!(frame(b"SIP/2.0 200 OK\r\nl: 99999999\r\n\r\n").is_err(), "a length that nobody can mean");
    }

    #[test]
    fn no_bytes_make_the_parser_panic() {
        let mut seed = 1_u64;
        for _ in 0..5_000 {
            let mut bytes = COMPACT.to_vec();
            for _ in 0..3 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = usize::try_from(seed >> 33).unwrap() % bytes.len();
                bytes[at] = seed.to_be_bytes()[1];
            }
            let parsed = Response::parse(&bytes);
            assert!(parsed.is_err() || bytes.starts_with(b"SIP/2.0 "), "{bytes:?}");
            let _ = frame(&bytes);
        }
    }
}
