#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use super::*;
use crate::ready_made::status;
use plugin_core::State;
use plugin_core::contract::Refusal;
use plugin_core::contract::status::{GateStatus, RefusalStatus};

/// A pair in which this node is `here` and the other one `there`.
fn pair(here: Role, there: Option<Role>) -> Status {
    let mut status = status("pbx1", &[("pbx", here)]);
    status.peer.roles = there.map(|role| ("pbx".to_owned(), role)).into_iter().collect();
    status
}

/// The findings: to the administrator, to a takeover, in words.
fn found(status: &Status) -> Vec<(State, State, String)> {
    judge(status).findings.into_iter().map(|finding| (finding.admin, finding.failover, finding.text)).collect()
}

#[test]
fn each_pair_of_roles_has_its_verdict_and_none_of_them_moves_anything() {
    for (here, there, admin, text) in [
        (Role::Master, Some(Role::Slave), State::Ok, "pbx: pbx1 MASTER, pbx2 SLAVE, epoch 7"),
        (Role::Slave, Some(Role::Master), State::Ok, "pbx: pbx1 SLAVE, pbx2 MASTER, epoch 7"),
        (Role::Master, Some(Role::Master), State::Critical, "two masters of pbx: pbx1 MASTER, pbx2 MASTER, epoch 7"),
        (Role::Standby, Some(Role::Slave), State::Critical, "nobody serves pbx: pbx1 STANDBY, pbx2 SLAVE, epoch 7"),
        (Role::Inert, Some(Role::Inert), State::Critical, "nobody serves pbx: pbx1 INERT, pbx2 INERT, epoch 7"),
        (Role::Failed, Some(Role::Slave), State::Critical, "pbx: pbx1 FAILED, pbx2 SLAVE, epoch 7; a step failed here, see twinguard status"),
        (Role::Standby, Some(Role::Master), State::Warning, "pbx: pbx1 STANDBY, pbx2 MASTER, epoch 7"),
        (Role::Taking, Some(Role::Standby), State::Warning, "pbx: pbx1 TAKING, pbx2 STANDBY, epoch 7"),
        (Role::Master, None, State::Warning, "pbx: pbx1 MASTER, role of pbx2 not known, epoch 7"),
        (Role::Slave, None, State::Warning, "pbx: pbx1 SLAVE, role of pbx2 not known, epoch 7"),
    ] {
        assert_eq!(found(&pair(here, there)), [(admin, State::Ok, text.to_owned())], "{here:?} {there:?}");
    }
}

#[test]
fn only_a_degraded_group_of_the_master_is_cured_by_a_move() {
    let mut status = pair(Role::Master, Some(Role::Slave));
    status.groups.first_mut().unwrap().degraded = Some("asterisk.service did not start".into());
    let text = "pbx is degraded here: asterisk.service did not start".to_owned();
    assert_eq!(found(&status).pop().unwrap(), (State::Critical, State::Critical, text.clone()));
    status.groups.first_mut().unwrap().role = Role::Slave;
    assert_eq!(found(&status).pop().unwrap(), (State::Critical, State::Ok, text));
}

#[test]
fn what_is_wrong_with_the_pair_is_told_and_moves_nothing() {
    let healthy = || pair(Role::Slave, Some(Role::Master));
    let gates = vec![GateStatus { gate: "G7".into(), refusal: Some(Refusal::NoStonith), evidence: "no device".into() }];
    let refusal = RefusalStatus { code: Refusal::DeviceSilent, text: "no answer".into(), since_ms: 0 };
    let mut dead_link = healthy();
    dead_link.peer.links.first_mut().unwrap().channel = false;
    let peer = |change: fn(&mut Status)| {
        let mut status = healthy();
        change(&mut status);
        status
    };
    for (status, admin, text) in [
        (Status { frozen: Some("two masters".into()), ..healthy() }, State::Critical, "automatic takeover is frozen: two masters"),
        (peer(|s| s.peer.life = Life::Silent), State::Warning, "pbx2 is lost, there is no redundancy"),
        (peer(|s| s.peer.life = Life::Mute), State::Warning, "pbx2 hangs: only its kernel answers"),
        (peer(|s| s.peer.record = PeerRecord::Standby), State::Warning, "pbx2 was fenced or put aside; rejoin it: twinguard rejoin"),
        (dead_link, State::Warning, "pbx2 is not heard over heartbeat"),
        (Status { armed: false, gates, ..healthy() }, State::Warning, "automatic takeover would be refused: NO_STONITH - no device"),
        (Status { refusal: Some(refusal), ..healthy() }, State::Warning, "automatic takeover refused: DEVICE_SILENT - no answer"),
    ] {
        let (state, failover, said) = found(&status).pop().unwrap();
        assert_eq!((state, failover), (admin, State::Ok), "{said}");
        assert!(said.starts_with(text), "{said}");
    }
}
