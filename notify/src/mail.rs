//! A finished mail and its form on the wire (RFC 5322, MIME). Deterministic: the same mail gives the same bytes, so that a
//! repeated delivery is recognised by its Message-ID. Refuses to send.

use crate::backoff::fnv;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Body, Mailbox, Message, MultiPart, MultiPartKind, SinglePart};
use std::time::{Duration, SystemTime};

/// How a mail hangs together with others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Thread {
    /// Message-ID of the incident's first mail, without angle brackets; `None` for that first mail itself.
    pub first: Option<String>,
}

/// One mail, the same for each of its recipients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Left side of the Message-ID: the event's id.
    pub id: String,
    /// Sender.
    pub from: Mailbox,
    /// Recipients.
    pub to: Vec<Mailbox>,
    /// Subject.
    pub subject: String,
    /// Plain text part.
    pub text: String,
    /// HTML part.
    pub html: String,
    /// When the event happened, Unix time in milliseconds.
    pub at_ms: i64,
    /// Its thread.
    pub thread: Thread,
    /// Shown as important.
    pub urgent: bool,
    /// The measured timeline as an SVG file, if there is one.
    pub chart: Option<String>,
    /// State word, for digests.
    pub word: String,
    /// One sentence, for digests.
    pub headline: String,
    /// Cluster name, for filters.
    pub cluster: String,
    /// Kind of event, for filters.
    pub kind: String,
}

impl Mail {
    /// The Message-ID without angle brackets (RFC 5322 section 3.6.4).
    pub fn message_id(&self) -> String {
        format!("{}@{}", self.id, self.from.email.domain())
    }

    /// What a channel's program gets: the subject, a blank line, the text.
    pub fn plain(&self) -> String {
        format!("{}\n\n{}", self.subject, self.text)
    }

    /// The message as it is sent: headers, text and HTML as multipart/alternative, beside them the chart; ASCII only.
    ///
    /// # Errors
    /// A sentence, if the mail library refuses the message.
    pub fn message(&self) -> Result<Vec<u8>, String> {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(self.at_ms).unwrap_or(0));
        let mut message =
            Message::builder().from(self.from.clone()).subject(self.subject.clone()).date(at).message_id(Some(format!("<{}>", self.message_id())));
        for to in &self.to {
            message = message.to(to.clone());
        }
        if let Some(first) = &self.thread.first {
            message = message.in_reply_to(format!("<{first}>")).references(format!("<{first}>"));
        }
        // RFC 3834: no vacation notice answers this. X-Auto-Response-Suppress says the same to Exchange.
        let mut fields = vec![
            ("Auto-Submitted", "auto-generated"),
            ("X-Auto-Response-Suppress", "All"),
            ("X-Twinguard-Cluster", &self.cluster),
            ("X-Twinguard-Event", &self.kind),
        ];
        if self.urgent {
            fields.extend([("Importance", "high"), ("X-Priority", "1")]);
        }
        for (name, value) in fields {
            let name = HeaderName::new_from_ascii(name.to_owned()).map_err(|e| format!("header {name}: {e}"))?;
            message = message.raw_header(HeaderValue::new(name, value.to_owned()));
        }
        // Quoted-printable turns every '=' into "=3D", so no body can contain this boundary.
        let boundary = format!("=_twinguard_{:016x}", fnv(&self.id));
        let texts = MultiPart::builder()
            .kind(MultiPartKind::Alternative)
            .boundary(boundary.clone())
            .singlepart(part(ContentType::TEXT_PLAIN, &self.text)?)
            .singlepart(part(ContentType::TEXT_HTML, &self.html)?);
        let parts = match &self.chart {
            None => texts,
            Some(svg) => {
                let svg =
                    Attachment::new("timeline.svg".to_owned()).body(svg.clone(), "image/svg+xml".parse::<ContentType>().map_err(|e| e.to_string())?);
                MultiPart::builder().kind(MultiPartKind::Mixed).boundary(format!("{boundary}_mixed")).multipart(texts).singlepart(svg)
            }
        };
        message.multipart(parts).map(|m| m.formatted()).map_err(|e| format!("build the message: {e}"))
    }
}

fn part(kind: ContentType, text: &str) -> Result<SinglePart, String> {
    let body = Body::new_with_encoding(text.replace('\n', "\r\n"), ContentTransferEncoding::QuotedPrintable)
        .map_err(|_| "encode a part as quoted-printable".to_owned())?;
    Ok(SinglePart::builder().header(kind).body(body))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn mail() -> Mail {
        Mail {
            id: "a1.3".into(),
            from: "twinguard <twinguard@example.org>".parse().unwrap(),
            to: vec!["admin@example.org".parse().unwrap(), "Second Admin <second@example.org>".parse().unwrap()],
            subject: "[pbx CRITICAL] pbx2 took over from pbx1".into(),
            text: "CRITICAL: ü = 1\n.\nFrom here\n".into(),
            html: "<p>ü</p>\n".into(),
            at_ms: 1_795_300_867_123,
            thread: Thread { first: Some("a1.1@example.org".into()) },
            urgent: true,
            chart: None,
            word: "CRITICAL".into(),
            headline: "pbx2 took over from pbx1".into(),
            cluster: "pbx".into(),
            kind: "takeover".into(),
        }
    }

    #[test]
    fn the_message_line_by_line() {
        let bytes = mail().message().unwrap();
        let said = String::from_utf8(bytes.clone()).unwrap();
        let boundary = format!("=_twinguard_{:016x}", fnv("a1.3"));
        let want = [
            "From: twinguard <twinguard@example.org>",
            "Subject: [pbx CRITICAL] pbx2 took over from pbx1",
            "Date: Sat, 21 Nov 2026 22:41:07 +0000",
            "Message-ID: <a1.3@example.org>",
            "To: admin@example.org, \"Second Admin\" <second@example.org>",
            "In-Reply-To: <a1.1@example.org>",
            "References: <a1.1@example.org>",
            "Auto-Submitted: auto-generated",
            "X-Auto-Response-Suppress: All",
            "X-Twinguard-Cluster: pbx",
            "X-Twinguard-Event: takeover",
            "Importance: high",
            "X-Priority: 1",
            "MIME-Version: 1.0",
            &format!("Content-Type: multipart/alternative; boundary=\"{boundary}\""),
            "",
            &format!("--{boundary}"),
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: quoted-printable",
            "",
            "CRITICAL: =C3=BC =3D 1",
            ".",
            "From here",
            "",
            &format!("--{boundary}"),
            "Content-Type: text/html; charset=utf-8",
            "Content-Transfer-Encoding: quoted-printable",
            "",
            "<p>=C3=BC</p>",
            "",
            &format!("--{boundary}--"),
            "",
        ];
        assert_eq!(said.split("\r\n").collect::<Vec<_>>(), want);
        assert_eq!(bytes, mail().message().unwrap(), "the same mail gives the same bytes");
    }

    #[test]
    fn a_first_mail_answers_nothing_and_good_news_are_not_urgent() {
        let said = String::from_utf8(Mail { thread: Thread::default(), urgent: false, ..mail() }.message().unwrap()).unwrap();
        assert!(!said.contains("In-Reply-To") && !said.contains("References") && !said.contains("Importance"), "{said}");
    }

    #[test]
    fn a_line_break_that_slipped_through_ends_no_header() {
        let said = String::from_utf8(Mail { subject: "x\r\nBcc: evil@example.org".into(), ..mail() }.message().unwrap()).unwrap();
        assert!(!said.contains("\nBcc"), "{said}");
    }
}
