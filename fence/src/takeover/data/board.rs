//! What the agent's loop, the keeper and the workers know together about the groups' data. Locked for moments; no IO.

use super::freshness::{Copy, Stamp, Word};
use super::position::Position;
use plugin_core::contract::status::Role;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a node says about its data in each BEAT.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataBeat {
    /// Its boot time as it says this, ms: the other one repeats it.
    pub stamp_ms: u64,
    /// Its groups.
    pub groups: BTreeMap<String, Word>,
    /// Mirrors whose copy at the receiver is to be outdated: the sender goes on alone.
    #[serde(default)]
    pub outdate: BTreeSet<String>,
    /// Mirrors whose copy was outdated here, as the receiver wished, with the state of the disk.
    #[serde(default)]
    pub outdated: BTreeMap<String, String>,
}

/// One group, as far as the data's keeper needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// This node's role.
    pub role: Role,
    /// This node served it last, as far as it knows: its data are the data.
    pub own: bool,
    /// The peer's role, while its agent speaks.
    pub peer: Option<Role>,
}

/// The shared knowledge.
#[derive(Debug)]
pub struct Board {
    boot: String,
    inner: Mutex<Inner>,
    hands: Mutex<()>,
}

#[derive(Debug, Default)]
struct Inner {
    copies: BTreeMap<String, Copy>,
    places: BTreeMap<String, Place>,
    words: BTreeMap<String, Word>,
    peer_stamp: Option<Stamp>,
    peer_at: BTreeMap<String, Position>,
    heard_ms: Option<u64>,
    ended_ms: Option<u64>,
    /// Mirrors that the peer is asked to outdate, and when that was last wished for.
    wanted: BTreeMap<String, u64>,
    outdated: BTreeMap<String, String>,
    peer_wants: BTreeSet<String>,
    peer_outdated: BTreeMap<String, String>,
}

/// The peer's agent counts as speaking for so long after its last BEAT, ms.
const SPEAKS_MS: u64 = 2_000;

impl Board {
    /// A board of this boot, with what an earlier run of the agent knew.
    pub fn new(boot: &str, copies: BTreeMap<String, Copy>) -> Self {
        Self { boot: boot.to_owned(), inner: Mutex::new(Inner { copies, ..Inner::default() }), hands: Mutex::default() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whoever starts or stops receivers and databases holds this: the keeper of a slave and the steps of a takeover never overlap.
    pub fn hands(&self) -> MutexGuard<'_, ()> {
        self.hands.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The roles have changed, or may have.
    pub fn placed(&self, group: &str, role: Role, own: bool) {
        let mut inner = self.inner();
        let peer = inner.places.get(group).and_then(|p| p.peer);
        inner.places.insert(group.to_owned(), Place { role, own, peer });
    }

    /// What this node says now.
    pub fn say(&self, now_ms: u64) -> DataBeat {
        let inner = self.inner();
        let outdate = inner.wanted.iter().filter(|(_, at)| now_ms.saturating_sub(**at) <= SPEAKS_MS).map(|(r, _)| r.clone()).collect();
        DataBeat { stamp_ms: now_ms, groups: inner.words.clone(), outdate, outdated: inner.outdated.clone() }
    }

    /// What the peer said; `roles` are its roles.
    pub fn hear(&self, beat: &DataBeat, peer_boot: &str, roles: impl Iterator<Item = (String, Role)>, now_ms: u64) {
        let mut inner = self.inner();
        inner.peer_stamp = Some(Stamp { boot: peer_boot.to_owned(), ms: beat.stamp_ms });
        inner.heard_ms = Some(now_ms);
        inner.ended_ms = None;
        inner.peer_wants.clone_from(&beat.outdate);
        inner.peer_outdated.clone_from(&beat.outdated);
        inner.outdated.retain(|resource, _| beat.outdate.contains(resource));
        for (group, role) in roles {
            if let Some(place) = inner.places.get_mut(&group) {
                place.peer = Some(role);
            }
        }
        for (group, word) in &beat.groups {
            match &word.at {
                Some(at) => inner.peer_at.insert(group.clone(), at.clone()),
                None => inner.peer_at.remove(group),
            };
            let serves = inner.places.get(group).is_some_and(|p| p.peer == Some(Role::Master));
            if serves {
                let copy = inner.copies.entry(group.clone()).or_default();
                copy.accepted = None;
                copy.told(word, &self.boot, now_ms);
            }
        }
    }

    /// The peer is proven to be off: when that was first known (a proof that is made again after a resume is no later end).
    pub fn ended(&self, now_ms: u64) -> u64 {
        *self.inner().ended_ms.get_or_insert(now_ms)
    }

    /// The group's place; the peer's role only while it speaks.
    pub fn place(&self, group: &str, now_ms: u64) -> Option<Place> {
        let inner = self.inner();
        let speaks = inner.heard_ms.is_some_and(|at| now_ms.saturating_sub(at) <= SPEAKS_MS);
        inner.places.get(group).map(|p| Place { peer: p.peer.filter(|_| speaks), ..p.clone() })
    }

    /// The peer's last stamp: to be read *before* the machine is looked at.
    pub fn peer_stamp(&self) -> Option<Stamp> {
        self.inner().peer_stamp.clone()
    }

    /// How far the peer is.
    pub fn peer_at(&self, group: &str) -> Option<Position> {
        self.inner().peer_at.get(group).cloned()
    }

    /// What this node will say about a group.
    pub fn word(&self, group: &str, word: Word) {
        self.inner().words.insert(group.to_owned(), word);
    }

    /// Changes what is known of a group's copy.
    pub fn copy(&self, group: &str, change: impl FnOnce(&mut Copy)) {
        change(self.inner().copies.entry(group.to_owned()).or_default());
    }

    /// What is known of every copy.
    pub fn copies(&self) -> BTreeMap<String, Copy> {
        self.inner().copies.clone()
    }

    /// Wishes that the peer outdates its copy of a mirror; the state of that copy, once it did. To be called again while it is wished.
    pub fn outdate(&self, resource: &str, now_ms: u64) -> Option<String> {
        let mut inner = self.inner();
        let before = inner.wanted.insert(resource.to_owned(), now_ms);
        // An answer from before the wish is none.
        if before.is_none_or(|at| now_ms.saturating_sub(at) > SPEAKS_MS) {
            inner.peer_outdated.remove(resource);
        }
        let speaks = inner.heard_ms.is_some_and(|at| now_ms.saturating_sub(at) <= SPEAKS_MS);
        inner.peer_outdated.get(resource).filter(|_| speaks).cloned()
    }

    /// The peer wishes that this node's copy of a mirror is outdated.
    pub fn wants_outdated(&self, resource: &str) -> bool {
        self.inner().peer_wants.contains(resource)
    }

    /// It is, or was worse already.
    pub fn is_outdated(&self, resource: &str, disk: String) {
        self.inner().outdated.insert(resource.to_owned(), disk);
    }

    /// Id of this boot.
    pub fn boot(&self) -> &str {
        &self.boot
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn at(lsn: u64) -> Position {
        Position::Wal { system: "7".into(), timeline: 1, lsn }
    }

    /// Two boards and a wire between them: the round trip that proves freshness.
    #[test]
    fn a_stamp_goes_to_the_master_and_comes_back_with_its_place() {
        let (master, slave) = (Board::new("m", BTreeMap::new()), Board::new("s", BTreeMap::new()));
        master.placed("pbx", Role::Master, true);
        slave.placed("pbx", Role::Slave, false);
        let says = |board: &Board, boot: &str, role, now, to: &Board, at| to.hear(&board.say(now), boot, [("pbx".to_owned(), role)].into_iter(), at);
        says(&slave, "s", Role::Slave, 5_000, &master, 900);
        let echo = master.peer_stamp();
        master.word("pbx", Word { echo, at: Some(at(100)), strict: false });
        says(&master, "m", Role::Master, 950, &slave, 5_400);
        slave.copy("pbx", |c| c.reached(Some(&at(100)), true, 5_500));
        assert_eq!(slave.copies().get("pbx").unwrap().database_ms, Some(5_000));
        assert_eq!(slave.place("pbx", 5_500).unwrap().peer, Some(Role::Master));
        assert_eq!(slave.place("pbx", 9_000).unwrap().peer, None, "it has not spoken for a while");
    }

    /// Row 11: the replication's link is lost, the agents still speak.
    #[test]
    fn row_11_a_wish_to_outdate_goes_there_and_its_answer_back() {
        let (master, slave) = (Board::new("m", BTreeMap::new()), Board::new("s", BTreeMap::new()));
        let tell = |from: &Board, to: &Board, now| to.hear(&from.say(now), "x", std::iter::empty(), now);
        assert_eq!(master.outdate("r0", 1_000), None);
        tell(&master, &slave, 1_100);
        assert!(slave.wants_outdated("r0") && !slave.wants_outdated("r1"));
        slave.is_outdated("r0", "Outdated".to_owned());
        tell(&slave, &master, 1_200);
        assert_eq!(master.outdate("r0", 1_300).as_deref(), Some("Outdated"));
        // Much later it is wished for anew, and an old answer does not count.
        tell(&master, &slave, 9_000);
        assert!(!slave.wants_outdated("r0"), "nobody wishes it any more");
        assert_eq!(master.outdate("r0", 9_100), None);
    }

    #[test]
    fn only_a_master_tells_how_far_the_data_are() {
        let slave = Board::new("s", BTreeMap::new());
        slave.placed("pbx", Role::Slave, false);
        let word = Word { echo: Some(Stamp { boot: "s".into(), ms: 10 }), at: Some(at(1)), strict: false };
        let beat = DataBeat { stamp_ms: 1, groups: [("pbx".to_owned(), word)].into(), ..DataBeat::default() };
        slave.hear(&beat, "m", [("pbx".to_owned(), Role::Standby)].into_iter(), 20);
        slave.copy("pbx", |c| c.reached(Some(&at(1)), true, 30));
        assert_eq!(slave.copies().get("pbx").unwrap().database_ms, None);
        assert_eq!(slave.peer_at("pbx"), Some(at(1)));
    }
}
