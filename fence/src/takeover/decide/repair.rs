//! The end of a split brain: a person named the survivor. The other node gives up what it serves before anything else happens to its data,
//! and becomes STANDBY; no data are touched in here.

use super::{Action, Draft};
use crate::takeover::journal::Record;
use plugin_core::contract::Refusal;
use plugin_core::contract::status::Role;

impl Draft<'_> {
    pub(super) fn repair(&mut self, who: String, survivor: &str) {
        let refusal = if survivor != self.policy.me && survivor != self.policy.peer {
            Some((Refusal::NameMismatch, format!("\"{survivor}\" is neither {} nor {}", self.policy.me, self.policy.peer)))
        } else if self.state.frozen.is_none() {
            Some((Refusal::Role, "automation is not frozen: there is nothing to repair".to_owned()))
        } else {
            self.state.attempt.as_ref().map(|a| (Refusal::AttemptOpen, format!("attempt {} is open", a.id)))
        };
        if let Some((code, text)) = refusal {
            return self.act(Action::Tell(Err(format!("{code}: {text} ({})", code.advice()))));
        }
        self.journal(Record::Operator { who, what: format!("repairs the split brain, {survivor} survives") });
        self.state.frozen = None;
        self.state.case = None;
        if survivor == self.policy.me {
            return self.act(Action::Tell(Ok(format!("{survivor} survives: its data stay"))));
        }
        let served: Vec<String> = self.state.groups.iter().filter(|(_, g)| g.role == Role::Master).map(|(name, _)| name.clone()).collect();
        for group in self.state.groups.values_mut() {
            group.role = Role::Standby;
            group.data_owner = Some(survivor.to_owned());
        }
        self.act(Action::Tell(Ok(format!("{} gives everything up and is STANDBY: {survivor} survives", self.policy.me))));
        if !served.is_empty() {
            self.act(Action::Undo { groups: served });
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use crate::takeover::decide::{Action, Event, Policy, decide};
    use crate::takeover::durable::Durable;
    use plugin_core::contract::status::Role;

    fn repaired(frozen: bool, survivor: &str) -> (Durable, Vec<Action>) {
        let policy = Policy { me: "n1".into(), peer: "n2".into(), groups: vec![("web".into(), "n1".into())], demote_ms: 0 };
        let mut state = Durable::blank("n1", ["web"]);
        state.groups.get_mut("web").unwrap().role = Role::Master;
        state.frozen = frozen.then(|| "two masters".to_owned());
        decide(&policy, &state, Event::Repair { who: "alice".into(), survivor: survivor.into() })
    }

    #[test]
    fn rx16_the_named_survivor_stays_and_the_other_gives_up() {
        let (survivor, actions) = repaired(true, "n1");
        assert_eq!((survivor.frozen, survivor.groups.get("web").unwrap().role), (None, Role::Master));
        assert!(!actions.iter().any(|a| matches!(a, Action::Undo { .. })));
        let (victim, actions) = repaired(true, "n2");
        assert_eq!((victim.frozen, victim.groups.get("web").unwrap().role), (None, Role::Standby));
        assert!(actions.contains(&Action::Undo { groups: vec!["web".into()] }));
    }

    #[test]
    fn without_a_split_brain_or_with_a_wrong_name_nothing_changes() {
        for (frozen, survivor) in [(false, "n2"), (true, "n3"), (true, "")] {
            let (state, actions) = repaired(frozen, survivor);
            assert_eq!((state.frozen.is_some(), state.groups.get("web").unwrap().role), (frozen, Role::Master), "{survivor}");
            assert!(matches!(actions.as_slice(), [Action::Tell(Err(_))]), "{actions:?}");
        }
    }
}
