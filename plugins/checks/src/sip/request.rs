//! A SIP request as text (RFC 3261 section 8.1.1). Pure.

use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};

/// How the request travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// UDP, repeated until answered.
    Udp,
    /// TCP.
    Tcp,
    /// TCP under TLS.
    Tls,
}

impl Transport {
    /// The word of the Via header.
    const fn name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        }
    }

    /// What it is called in SRV records (RFC 3263 section 4.2).
    pub const fn service(self) -> &'static str {
        match self {
            Self::Udp => "_sip._udp",
            Self::Tcp => "_sip._tcp",
            Self::Tls => "_sips._tcp",
        }
    }

    /// The usual port.
    pub const fn port(self) -> u16 {
        if matches!(self, Self::Tls) { 5061 } else { 5060 }
    }
}

impl std::str::FromStr for Transport {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "udp" => Ok(Self::Udp),
            "tcp" => Ok(Self::Tcp),
            "tls" => Ok(Self::Tls),
            _ => Err(format!("\"{text}\" is no transport: write udp, tcp or tls")),
        }
    }
}

/// What stays the same while one question is asked, also when it is asked again with a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialog {
    /// `OPTIONS` or `REGISTER`.
    pub method: &'static str,
    /// Request URI.
    pub uri: String,
    /// Our user: in From, and for REGISTER in To.
    pub user: String,
    /// Host of that user: the domain for REGISTER.
    pub domain: String,
    /// How it travels.
    pub transport: Transport,
    /// Our end of the socket.
    pub local: SocketAddr,
    /// Call-ID, and the tag of From.
    pub id: String,
}

/// One transaction of a dialog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Branch of our Via: what an answer is known by.
    pub branch: String,
    /// Sequence number.
    pub sequence: u32,
    /// `Authorization: …` or `Proxy-Authorization: …`.
    pub login: Option<String>,
}

impl Dialog {
    /// The request. A REGISTER carries no Contact: it asks for the registrations and changes none (RFC 3261 section 10.2.3).
    pub fn request(&self, turn: &Turn) -> String {
        let Self { method, uri, user, domain, transport, local, id } = self;
        let to = if *method == "REGISTER" { format!("sip:{user}@{domain}") } else { uri.clone() };
        let mut text = format!(
            "{method} {uri} SIP/2.0\r\n\
             Via: SIP/2.0/{} {local};branch={};rport\r\n\
             Max-Forwards: 70\r\n\
             From: <sip:{user}@{domain}>;tag={id}\r\n\
             To: <{to}>\r\n\
             Call-ID: {id}\r\n\
             CSeq: {} {method}\r\n",
            transport.name(),
            turn.branch,
            turn.sequence
        );
        if *method != "REGISTER" {
            let _ = write!(text, "Contact: <sip:{user}@{local}>\r\nAccept: application/sdp\r\n");
        }
        if let Some(login) = &turn.login {
            let _ = write!(text, "{login}\r\n");
        }
        text.push_str("User-Agent: twinguard\r\nContent-Length: 0\r\n\r\n");
        text
    }
}

/// A host as a URI carries it: IPv6 in brackets.
pub fn uri_host(host: &str) -> String {
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V6(v6)) => format!("[{v6}]"),
        _ => host.to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;

    fn dialog(method: &'static str, local: &str) -> Dialog {
        Dialog {
            method,
            uri: "sip:pbx.example.org".into(),
            user: "mon".into(),
            domain: "pbx.example.org".into(),
            transport: Transport::Udp,
            local: local.parse().unwrap(),
            id: "0123".into(),
        }
    }

    #[test]
    fn options_has_what_rfc_3261_demands() {
        let turn = Turn { branch: "z9hG4bKabc".into(), sequence: 1, login: None };
        assert_eq!(
            dialog("OPTIONS", "[fd00::12]:4711").request(&turn),
            "OPTIONS sip:pbx.example.org SIP/2.0\r\nVia: SIP/2.0/UDP [fd00::12]:4711;branch=z9hG4bKabc;rport\r\nMax-Forwards: 70\r\n\
             From: <sip:mon@pbx.example.org>;tag=0123\r\nTo: <sip:pbx.example.org>\r\nCall-ID: 0123\r\nCSeq: 1 OPTIONS\r\n\
             Contact: <sip:mon@[fd00::12]:4711>\r\nAccept: application/sdp\r\nUser-Agent: twinguard\r\nContent-Length: 0\r\n\r\n"
        );
    }

    #[test]
    fn register_asks_without_changing_a_registration() {
        let turn = Turn { branch: "z9hG4bKabc".into(), sequence: 2, login: Some("Authorization: Digest x".into()) };
        let text = dialog("REGISTER", "192.0.2.12:4711").request(&turn);
        assert!(text.contains("\r\nTo: <sip:mon@pbx.example.org>\r\n") && text.contains("\r\nCSeq: 2 REGISTER\r\n"), "{text}");
        assert!(text.contains("\r\nAuthorization: Digest x\r\n") && !text.contains("Contact:"), "{text}");
        assert_eq!((uri_host("fd00::1"), uri_host("pbx1")), ("[fd00::1]".into(), "pbx1".into()));
    }
}
