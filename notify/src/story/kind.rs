//! The words for each kind of cluster event: a title, what it means, and what to type when the agent names no command.
//! Refuses to repeat the agent's facts.

use plugin_core::contract::MailKind;

/// The words of one kind.
pub(super) struct Words {
    /// As the mail's `Event` line.
    pub title: &'static str,
    /// What twinguard did or refused, and why.
    pub meaning: &'static str,
    /// Commands, when the event brings none.
    pub actions: &'static [&'static str],
}

const LOOK: &[&str] = &["twinguard status"];
const MAINTENANCE: &[&str] = &["twinguard status", "twinguard maintenance off"];
const JOURNAL: &[&str] = &["twinguard status", "journalctl -u twinguard.service --since -1h"];

/// The words for `kind`.
pub(super) const fn words(kind: MailKind) -> Words {
    let (title, meaning, actions) = match kind {
        MailKind::Founded => ("pair founded", "The two nodes know each other. From now on twinguard watches them.", LOOK),
        MailKind::Takeover => (
            "takeover done",
            "The other node failed, was seen switched off, and this node serves now. The cluster has no standby until the other node is repaired and rejoined.",
            JOURNAL,
        ),
        MailKind::Refused => (
            "takeover refused",
            "A takeover was asked for and twinguard refused it: without the proofs that it needs, two masters would be worse than none. It tries again by itself while the reason lasts.",
            JOURNAL,
        ),
        MailKind::FenceSent => {
            ("power off sent", "The other node's fence device was told to switch it off. Nothing is taken over before it reads OFF.", LOOK)
        }
        MailKind::FenceConfirmed => ("seen off", "The fence device read OFF twice. The takeover goes on.", LOOK),
        MailKind::FenceFailed => (
            "fence failed",
            "No fence device could switch the other node off, so nothing is taken over: it may still serve. twinguard goes on trying.",
            JOURNAL,
        ),
        MailKind::TakeoverHeld => (
            "takeover held",
            "The other node is off, but a step of the takeover failed. twinguard holds what it has and starts nothing more by itself.",
            JOURNAL,
        ),
        MailKind::TakeoverFailed => {
            ("takeover failed", "The takeover could not be completed and was rolled back: no node serves. A person has to act.", JOURNAL)
        }
        MailKind::Standby => ("node is standby", "The node is back and starts nothing by itself. It can't take over until it is rejoined.", LOOK),
        MailKind::SplitBrain => (
            "split brain",
            "Two masters, or data that diverged. twinguard has frozen its automation and will not choose a survivor: a person has to.",
            LOOK,
        ),
        MailKind::Demoted => ("master gave up", "This node stopped its groups and gave them to the other one, which takes them now.", LOOK),
        MailKind::Rejoined => ("node rejoined", "The node is slave again: it follows the master and can take over.", LOOK),
        MailKind::Maintenance => (
            "maintenance forgotten",
            "Somebody works on the pair for longer than was planned. Until the maintenance is ended nothing is automatic: no takeover, whatever fails.",
            MAINTENANCE,
        ),
        MailKind::Trouble => ("agent in trouble", "The agent can't do its work. Until this is repaired no automatic takeover will happen.", JOURNAL),
    };
    Words { title, meaning, actions }
}
