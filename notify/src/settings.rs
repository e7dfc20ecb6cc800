//! What the mailer needs of `cluster.toml`: the cluster's name and `[notify]`. Refuses to look at the rest, so that a
//! mistake in a fence device can't silence the mail that reports it.

use crate::clean::{LINE, line};
use crate::relay::Relay;
use lettre::message::Mailbox;
use plugin_core::cluster::{Notify, fingerprint};
use plugin_core::{Host, secret, secret::Secret};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// What to do about a file that can't be read.
const USER: &str = "the mailer runs as user twinguard, which has to be able to read it (chown twinguard)";

#[derive(Deserialize)]
struct File {
    name: String,
    notify: Notify,
}

/// The mailer's settings.
pub struct Settings {
    /// Cluster name.
    pub cluster: String,
    /// Sender.
    pub from: Mailbox,
    /// Recipients, at least one.
    pub to: Vec<Mailbox>,
    /// Relays in the order in which they are tried, at least one.
    pub relays: Vec<Relay>,
    /// SHA-256 of the certificates that a relay may show; empty: an authority decides.
    pub pins: Vec<[u8; 32]>,
    /// Further ways: programs with arguments.
    pub channels: Vec<Vec<String>>,
    /// More new notifications than this at once become one mail.
    pub burst: usize,
    /// Most follow-ups in ten minutes.
    pub rate: usize,
    /// Where the mailer's own state goes.
    pub passive: Option<PathBuf>,
    /// PEM of the relays' certificate authority; `None`: the system's.
    pub ca: Option<String>,
    /// User and password for AUTH.
    pub login: Option<(String, Secret)>,
}

impl Settings {
    /// Reads everything, secrets and certificates too.
    ///
    /// # Errors
    /// One sentence that names the file or key and what is wrong with it.
    pub fn read(host: &dyn Host, config: &Path) -> Result<Self, String> {
        let mut settings = Self::read_public(host, config)?;
        let notify = Self::file(host, config)?.notify;
        settings.ca = notify.ca.map(|path| host.read(&path).map_err(|e| format!("[notify] ca: cannot {e}; {USER}"))).transpose()?;
        settings.login = match (notify.user, notify.secret) {
            (Some(user), Some(path)) => Some((user, secret::read(host, &path).map_err(|e| format!("[notify] secret: cannot {e}; {USER}"))?)),
            (None, None) => None,
            _ => return Err("[notify]: user and secret belong together: write both or neither".to_owned()),
        };
        Ok(settings)
    }

    /// What a preview needs: no secret, no certificate.
    ///
    /// # Errors
    /// One sentence, as above.
    pub fn read_public(host: &dyn Host, config: &Path) -> Result<Self, String> {
        let File { name, notify } = Self::file(host, config)?;
        notify.validate()?;
        let from = mailbox(&notify.from).ok_or_else(|| format!("[notify] from = \"{}\" is no mail address", line(&notify.from, LINE)))?;
        let to = notify
            .to
            .iter()
            .map(|text| mailbox(text).ok_or_else(|| format!("[notify] to: \"{}\" is no mail address", line(text, LINE))))
            .collect::<Result<Vec<_>, _>>()?;
        let relays =
            notify.relays.iter().map(|text| Relay::parse(text).map_err(|e| format!("[notify] relays: {e}"))).collect::<Result<Vec<_>, _>>()?;
        let pins = notify.pin.iter().map(|pin| fingerprint(pin)).collect::<Result<Vec<_>, _>>()?;
        let cluster = line(&name, LINE);
        let Notify { channels, burst, rate, passive, .. } = notify;
        Ok(Settings { cluster, from, to, relays, pins, channels, burst, rate, passive, ca: None, login: None })
    }

    fn file(host: &dyn Host, config: &Path) -> Result<File, String> {
        let text = host.read(config).map_err(|e| format!("cannot {e}"))?;
        toml::from_str(&text).map_err(|e| format!("{}: {}", config.display(), line(&e.to_string(), LINE)))
    }
}

/// `a@example.org` or `Name <a@example.org>`, cleaned; `None` if it is neither.
pub fn mailbox(text: &str) -> Option<Mailbox> {
    line(text, LINE).parse().ok()
}
