//! One notification of Icinga or Nagios as it waits in the spool: the facts as they were passed, not yet cleaned (the
//! deliverer cleans them when it words the mail, so that a fault there can't lose a notification). Refuses to interpret.

use crate::args::Args;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;

/// The spool file's content. The key `notification` tells it from a cluster event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notification {
    /// `PROBLEM`, `RECOVERY`, `ACKNOWLEDGEMENT`, `DOWNTIMESTART` …; anything else is shown as it is.
    pub notification: String,
    /// Shape of this file; 1.
    pub schema: u32,
    /// Unique and stable: becomes the Message-ID.
    pub id: String,
    /// Unix time in milliseconds at which `notify_mail` was called.
    pub at_ms: i64,
    /// The host.
    pub host: Named,
    /// The service; absent for a host notification.
    pub service: Option<Named>,
    /// IPv4 address of the host, or empty.
    pub address: String,
    /// IPv6 address of the host, or empty.
    pub address6: String,
    /// State of the host or service.
    pub state: String,
    /// What the plugin said.
    pub output: String,
    /// Icinga's own time stamp.
    pub date: String,
    /// Who acknowledged or commented.
    pub author: String,
    /// What that person wrote.
    pub comment: String,
    /// Address of Icinga Web 2, or empty.
    pub icingaweb: String,
    /// Recipients as given, or empty.
    pub to: String,
    /// Sender as given, or empty.
    pub from: String,
}

/// A host or a service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// Icinga's name.
    pub name: String,
    /// The name for people, or empty.
    pub display: String,
    /// Notes, or empty.
    pub notes: String,
}

impl Named {
    /// What people call it.
    pub fn shown(&self) -> &str {
        if self.display.trim().is_empty() { &self.name } else { &self.display }
    }
}

impl Notification {
    /// From the command line. `id` and `at_ms` are the caller's.
    pub fn new(args: &Args, id: String, at_ms: i64) -> Self {
        let service = args.service.as_ref().filter(|s| !s.is_empty()).map(|name| Named {
            name: lossy(Some(name)),
            display: lossy(args.service_display.as_ref()),
            notes: lossy(args.service_notes.as_ref()),
        });
        Notification {
            notification: lossy(args.kind.as_ref()),
            schema: 1,
            id,
            at_ms,
            host: Named { name: lossy(args.host.as_ref()), display: lossy(args.host_display.as_ref()), notes: lossy(args.host_notes.as_ref()) },
            service,
            address: lossy(args.address.as_ref()),
            address6: lossy(args.address6.as_ref()),
            state: lossy(args.state.as_ref()),
            output: lossy(args.output.as_ref()),
            date: lossy(args.date.as_ref()),
            author: lossy(args.author.as_ref()),
            comment: lossy(args.comment.as_ref()),
            icingaweb: lossy(args.icingaweb.as_ref()),
            to: lossy(args.to.as_ref()),
            from: lossy(args.from.as_ref()),
        }
    }

    /// The object that the notification is about: one incident is open for it at most.
    pub fn object(&self) -> String {
        match &self.service {
            Some(service) => format!("{}!{}", self.host.name, service.name),
            None => self.host.name.clone(),
        }
    }
}

/// Invalid UTF-8 becomes replacement characters: half a text is better than no mail.
fn lossy(value: Option<&OsString>) -> String {
    value.map(|v| v.to_string_lossy().into_owned()).unwrap_or_default()
}
