//! Text from outside is hostile: what Icinga, a plugin or a commenting person wrote is made harmless here, before it
//! reaches a header, a mail body or the mail library (whose display names panic on line breaks). Refuses to judge meaning.

use std::fmt::Write;

/// Most bytes of plugin output or details that one mail shows.
pub const BLOCK: usize = 16 * 1024;
/// Most characters of one value (a name, an address, a comment's line).
pub const LINE: usize = 400;

/// One line: line breaks, tabs and control characters become blanks, invisible and direction marks vanish, runs of
/// blanks shrink to one, at most `cap` characters.
pub fn line(text: &str, cap: usize) -> String {
    let mut out = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        let word: String = word.chars().filter(|c| !is_invisible(*c)).collect();
        if !word.is_empty() {
            if !out.is_empty() {
                out.push(' ');
            }
            out.push_str(&word);
        }
        // Enough is enough: 100 kB of output must not be walked for a subject of 100 characters.
        if out.len() > cap.saturating_mul(4) {
            break;
        }
    }
    shorten(&out, cap)
}

/// Several lines: any line break counts, blanks at the ends of lines and empty lines at the ends vanish, control
/// characters and direction marks too, a tab is four blanks. At most [`BLOCK`] bytes; what is left out is said.
pub fn block(text: &str) -> Vec<String> {
    let text = text.trim_end();
    let kept = prefix(text, BLOCK);
    let mut lines: Vec<String> = kept
        .replace("\r\n", "\n")
        .split(['\n', '\r', '\u{0b}', '\u{0c}', '\u{85}', '\u{2028}', '\u{2029}'])
        .map(|raw| {
            let raw = raw.replace('\t', "    ");
            let shown: String = raw.chars().filter(|c| !c.is_control() && !is_invisible(*c)).collect();
            shown.trim_end().to_owned()
        })
        .skip_while(String::is_empty)
        .collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    if kept.len() < text.len() {
        lines.push(format!("… ({} more bytes left out)", text.len() - kept.len()));
    }
    lines
}

/// Escapes for HTML text and for attribute values in double quotes.
pub fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// Percent-encodes one value of a URL's query (RFC 3986 section 2.3: all but the unreserved characters).
pub fn query(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// At most `cap` characters, an ellipsis in the place of the rest.
pub fn shorten(text: &str, cap: usize) -> String {
    if text.chars().count() <= cap {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(cap.saturating_sub(1)).collect();
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

/// The longest prefix of at most `cap` bytes that ends at a character.
fn prefix(text: &str, cap: usize) -> &str {
    let mut end = cap.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// Direction marks (they make text read as another one), zero-width characters and the byte order mark.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_line() {
        assert_eq!(line("disk\r\nBcc: evil@example.org\0\u{202e}x\u{2028}y \t z", 100), "disk Bcc: evil@example.org x y z");
        assert_eq!(line("  \r\n ", 100), "");
        assert_eq!(line("abcdef", 4), "abc…");
        assert_eq!(line("äöü", 3), "äöü");
    }

    #[test]
    fn a_block_keeps_its_lines_and_nothing_else() {
        assert_eq!(block("one\r\ntwo\rthree\n\n  four\tx\u{7}\u{1b}[31m  \n\n "), ["one", "two", "three", "", "  four    x[31m"]);
        assert_eq!(block("\n\n"), Vec::<String>::new());
        assert_eq!(block(""), Vec::<String>::new());
    }

    #[test]
    fn a_hundred_kilobytes_are_capped_and_the_rest_is_counted() {
        let lines = block(&"ä".repeat(50_000));
        assert_eq!(lines, ["ä".repeat(BLOCK / 2), "… (83616 more bytes left out)".to_owned()]);
    }

    #[test]
    fn markup_and_url_values_are_escaped() {
        assert_eq!(html("<a href=\"x\" id='y'>&</a>"), "&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;&lt;/a&gt;");
        assert_eq!(query("disk /&ü"), "disk%20%2F%26%C3%BC");
    }
}
