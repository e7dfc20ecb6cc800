//! A relay of `cluster.toml`. Refuses every network form without TLS and every form that carries a password.

use std::path::PathBuf;

/// How TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// By STARTTLS, which is required (RFC 3207).
    StartTls,
    /// With the first byte (RFC 8314).
    Implicit,
}

/// Where a mail is handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Relay {
    /// An SMTP server.
    Smtp(Server),
    /// This machine's own mail program, by its absolute path; the last way, since it says "queued", not "delivered".
    Sendmail(PathBuf),
}

/// An SMTP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Name or address; the certificate has to carry it.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How TLS begins.
    pub tls: Tls,
}

impl Relay {
    /// Reads `smtp://HOST[:PORT]` (port 25), `smtps://HOST[:PORT]` (port 465) or `sendmail:/PATH`.
    ///
    /// # Errors
    /// One sentence that says what is wrong; it doesn't repeat what may be a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("sendmail:") {
            return if path.starts_with('/') { Ok(Relay::Sendmail(path.into())) } else { Err(format!("{text}: sendmail: needs an absolute path")) };
        }
        let (tls, rest, default) = if let Some(rest) = text.strip_prefix("smtp://") {
            (Tls::StartTls, rest, 25)
        } else if let Some(rest) = text.strip_prefix("smtps://") {
            (Tls::Implicit, rest, 465)
        } else {
            return Err("a relay is smtp://HOST[:PORT] (STARTTLS), smtps://HOST[:PORT] or sendmail:/PATH".to_owned());
        };
        if rest.contains('@') {
            return Err("a relay carries no user or password: write user = and secret = in [notify]".to_owned());
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.strip_prefix('[') {
            Some(v6) => v6.split_once(']').map(|(host, tail)| (host, tail.strip_prefix(':').or(if tail.is_empty() { None } else { Some(tail) }))),
            None => Some(rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port)))),
        }
        .ok_or_else(|| format!("{text}: the bracket is not closed"))?;
        let port = match port {
            None => default,
            Some(port) => port.parse().ok().filter(|p| *p != 0).ok_or_else(|| format!("{text}: \"{port}\" is no port"))?,
        };
        if host.is_empty() || !host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '_')) {
            return Err(format!("{text}: \"{host}\" is no host name or address"));
        }
        Ok(Relay::Smtp(Server { host: host.to_owned(), port, tls }))
    }
}

impl std::fmt::Display for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Server { host, port, tls } = match self {
            Relay::Smtp(server) => server,
            Relay::Sendmail(path) => return write!(f, "sendmail:{}", path.display()),
        };
        let scheme = if *tls == Tls::Implicit { "smtps" } else { "smtp" };
        if host.contains(':') { write!(f, "{scheme}://[{host}]:{port}") } else { write!(f, "{scheme}://{host}:{port}") }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_forms_and_their_ports() {
        for (text, printed) in [
            ("smtp://192.0.2.25", "smtp://192.0.2.25:25"),
            ("smtps://relay.example.net", "smtps://relay.example.net:465"),
            ("smtp://relay.example.net:587/", "smtp://relay.example.net:587"),
            ("smtp://[2001:db8::25]:2525", "smtp://[2001:db8::25]:2525"),
            ("smtps://[2001:db8::25]", "smtps://[2001:db8::25]:465"),
            ("sendmail:/usr/sbin/sendmail", "sendmail:/usr/sbin/sendmail"),
        ] {
            let relay = Relay::parse(text).unwrap();
            assert_eq!(relay.to_string(), printed);
            assert_eq!(Relay::parse(printed).unwrap(), relay);
        }
    }

    #[test]
    fn everything_else_is_refused_and_a_password_is_not_repeated() {
        for wrong in [
            "192.0.2.25",
            "http://x",
            "smtp://",
            "smtp://h:0",
            "smtp://h:x",
            "smtp://[::1",
            "smtp://[::1]x",
            "smtp://a b",
            "smtp+plain://x",
            "sendmail:x",
        ] {
            assert!(Relay::parse(wrong).is_err(), "{wrong}");
        }
        assert!(!Relay::parse("smtps://me:geheim@relay.example.net").unwrap_err().contains("geheim"));
    }
}
