//! Words of the Icinga 2 configuration language, with their lines.

/// One word.
#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    /// A name, dots included: `host.vars.x`.
    Name(String),
    /// A string.
    Text(String),
    /// A number; lengths of time in seconds, as Icinga counts them.
    Number(f64),
    /// Any other sign: `{`, `+=`, `&&`.
    Sign(&'static str),
    /// The end of a line, which ends an attribute.
    End,
    /// A comment that stands alone.
    Comment(String),
}

const SIGNS: [&str; 19] = ["+=", "=>", "==", "!=", "&&", "||", "{", "}", "[", "]", "(", ")", ",", ";", "=", "!", "+", "<", ">"];

/// Splits `text` into words, each with its line.
pub fn tokens(text: &str) -> Result<Vec<(usize, Token)>, String> {
    let mut found = Vec::new();
    let (mut line, mut rest) = (1, text);
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '\n' => (Some(Token::End), 1),
            c if c.is_whitespace() => (None, c.len_utf8()),
            '"' => string(rest).ok_or_else(|| format!("{line}: the string does not end"))?,
            _ if rest.starts_with("/*") => {
                let length = rest.find("*/").ok_or_else(|| format!("{line}: the comment does not end"))? + 2;
                (Some(Token::Comment(comment(&rest[2..length - 2]))), length)
            }
            _ if rest.starts_with("//") || first == '#' => (None, rest.find('\n').unwrap_or(rest.len())),
            c if c.is_ascii_digit() || (c == '-' && rest[1..].starts_with(|d: char| d.is_ascii_digit())) => {
                number(rest).map_err(|e| format!("{line}: {e}"))?
            }
            c if c.is_alphabetic() || c == '_' => {
                let length = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')).unwrap_or(rest.len());
                (Some(Token::Name(rest[..length].to_owned())), length)
            }
            _ => {
                let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign)).ok_or_else(|| format!("{line}: \"{first}\" is not understood"))?;
                (Some(Token::Sign(sign)), sign.len())
            }
        };
        found.extend(token.map(|token| (line, token)));
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    Ok(found)
}

/// The text of a comment without the stars of its layout.
fn comment(text: &str) -> String {
    text.lines().map(|l| l.trim().trim_start_matches('*').trim()).filter(|l| !l.is_empty()).collect::<Vec<_>>().join(" ")
}

fn string(rest: &str) -> Option<(Option<Token>, usize)> {
    let mut text = String::new();
    let mut signs = rest.char_indices().skip(1);
    while let Some((at, c)) = signs.next() {
        match c {
            '"' => return Some((Some(Token::Text(text)), at + 1)),
            '\\' => match signs.next()?.1 {
                'n' => text.push('\n'),
                't' => text.push('\t'),
                other => text.push(other),
            },
            c => text.push(c),
        }
    }
    None
}

fn number(rest: &str) -> Result<(Option<Token>, usize), String> {
    let length = rest.find(|c: char| !(c.is_alphanumeric() || c == '.' || c == '-')).unwrap_or(rest.len());
    let (digits, unit) = rest[..length].split_at(rest[..length].find(char::is_alphabetic).unwrap_or(length));
    let factor = match unit {
        "" | "s" => 1.0,
        "ms" => 0.001,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        _ => return Err(format!("\"{unit}\" is no unit")),
    };
    let value: f64 = digits.parse().map_err(|_| format!("\"{digits}\" is no number"))?;
    Ok((Some(Token::Number(value * factor)), length))
}
