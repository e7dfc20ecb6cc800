#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends at the first surprise")]

use super::*;
use crate::master_alive::plan::Link;
use plugin_core::contract::Refusal;
use plugin_core::contract::status::{GateStatus, RefusalStatus, Role};

fn status(life: Life) -> Status {
    let mut status = crate::ready_made::status("pbx2", &[("pbx", Role::Slave)]);
    status.peer.life = life;
    status
}

fn blind(reason: &str) -> Blind {
    Blind::Net { target: "192.0.2.11".into(), reason: reason.into() }
}

type Pings = Vec<Result<Option<Duration>, Blind>>;

const ALIVE: Option<Duration> = Some(Duration::from_micros(200));

fn link(name: &str, pings: Pings, touch: &Result<Touch, Blind>, carrier: Option<bool>) -> LinkSight {
    let address = if name == "lan" { "192.0.2.11" } else { "192.168.250.1" };
    let touches = vec![touch.clone(); pings.len()];
    LinkSight { link: Link { name: name.into(), address: address.parse().unwrap(), interface: None }, carrier, pings, touches }
}

fn alive(name: &str) -> LinkSight {
    link(name, vec![Ok(ALIVE), Ok(ALIVE)], &Ok(Touch::Banner("SSH-2.0-x".into())), Some(true))
}

fn dead(name: &str) -> LinkSight {
    link(name, vec![Ok(None), Ok(None)], &Ok(Touch::Silent), Some(true))
}

fn mute_link(name: &str) -> LinkSight {
    link(name, vec![Ok(ALIVE), Ok(ALIVE)], &Ok(Touch::Accepted), Some(true))
}

fn sight(links: Vec<LinkSight>) -> Sight {
    Sight { status: Ok(status(Life::Alive)), rounds: 2, links, witnesses: vec![("ping:192.0.2.1".into(), Ok(true))], need: 1 }
}

fn twin(failover: bool) -> Twin {
    Twin { failover, rta: Limits::default(), loss: Limits::default() }
}

/// State and first line without performance data.
fn first(sight: &Sight, failover: bool) -> (State, String) {
    let mut report = Report::default();
    judge(sight, &twin(failover), &mut report);
    let text = report.render("MASTER ALIVE", 0);
    (report.state(), text.lines().next().unwrap().split(" | ").next().unwrap().to_owned())
}

#[test]
fn a_living_master_is_named_with_its_links() {
    let mut report = Report::default();
    judge(&sight(vec![alive("heartbeat"), alive("lan")]), &twin(true), &mut report);
    assert_eq!(
        report.render("MASTER ALIVE", 0),
        "MASTER ALIVE OK - pbx1 answers on heartbeat 0.2 ms, lan 0.2 ms | 'heartbeat_rta'=0.0002s;;;0; 'heartbeat_loss'=0%;;;0;100 'lan_rta'=0.0002s;;;0; 'lan_loss'=0%;;;0;100\n\
         link heartbeat: 192.168.250.1 over any interface, carrier: answers, its server speaks; 2 of 2 pings\n\
         link lan: 192.0.2.11 over any interface, carrier: answers, its server speaks; 2 of 2 pings\n\
         witness ping:192.0.2.1: answers\n"
    );
}

#[test]
fn one_dead_link_is_a_notice_and_never_a_failover() {
    let seen = sight(vec![alive("heartbeat"), dead("lan")]);
    let text = "pbx1 answers on heartbeat 0.2 ms; degraded: no answer on lan (192.0.2.11)";
    assert_eq!(first(&seen, true), (State::Ok, format!("MASTER ALIVE OK - {text}")));
    assert_eq!(first(&seen, false), (State::Warning, format!("MASTER ALIVE WARNING - {text}")));
}

#[test]
fn silence_on_every_link_is_critical_with_a_witness() {
    let text = "MASTER ALIVE CRITICAL - pbx1 is silent on heartbeat (192.168.250.1), lan (192.0.2.11); 2 of 2 rounds agree, 1 of 1 witnesses answer";
    for failover in [true, false] {
        assert_eq!(first(&sight(vec![dead("heartbeat"), dead("lan")]), failover), (State::Critical, text.to_owned()));
    }
}

#[test]
fn one_answer_in_one_round_on_one_link_is_life() {
    for lucky in [
        link("lan", vec![Ok(None), Ok(ALIVE)], &Ok(Touch::Silent), Some(true)),
        link("lan", vec![Ok(None), Ok(None)], &Ok(Touch::Refused), Some(true)),
        link("lan", vec![Ok(None), Ok(None)], &Ok(Touch::Accepted), None),
    ] {
        let (state, text) = first(&sight(vec![dead("heartbeat"), lucky]), true);
        assert_eq!(state, State::Ok, "{text}");
    }
}

#[test]
fn an_isolated_node_accuses_nobody() {
    let links = || vec![dead("heartbeat"), dead("lan")];
    let no_witness_answers = Sight { witnesses: vec![("ping:192.0.2.1".into(), Ok(false))], ..sight(links()) };
    let too_few =
        Sight { witnesses: vec![("a".into(), Ok(true)), ("b".into(), Ok(false)), ("c".into(), Err(blind("no")))], need: 2, ..sight(links()) };
    let none_named = Sight { witnesses: vec![], ..sight(links()) };
    let need_nobody = Sight { need: 0, ..Sight { witnesses: vec![("a".into(), Ok(false))], ..sight(links()) } };
    let unplugged = Sight { links: links().into_iter().map(|l| LinkSight { carrier: Some(false), ..l }).collect(), ..sight(vec![]) };
    for (seen, said) in [
        (no_witness_answers, "but this node is isolated: 0 of 1 witnesses answer, 1 must"),
        (too_few, "1 of 3 witnesses answer, 2 must (cannot reach 192.0.2.11: no)"),
        (none_named, "no witness is named"),
        (need_nobody, "0 of 1 witnesses answer, 1 must"),
        (unplugged, "no carrier on any link"),
    ] {
        let (state, text) = first(&seen, true);
        assert_eq!(state, State::Unknown, "{text}");
        assert!(text.contains(said), "{text}");
    }
}

#[test]
fn a_pulled_heartbeat_cable_does_not_make_this_node_isolated() {
    let heartbeat = LinkSight { carrier: Some(false), ..dead("heartbeat") };
    let (state, text) = first(&sight(vec![heartbeat, dead("lan")]), true);
    assert_eq!(state, State::Critical, "the master died with its end of the crossover cable: {text}");
    assert!(text.contains("heartbeat (no carrier here), lan (192.0.2.11)"), "{text}");
}

#[test]
fn probes_that_could_not_be_sent_show_nothing() {
    let unsent = link("lan", vec![Err(blind("needs cap_net_raw")), Err(blind("needs cap_net_raw"))], &Ok(Touch::Silent), Some(true));
    let (state, text) = first(&sight(vec![dead("heartbeat"), unsent]), true);
    assert_eq!(state, State::Unknown);
    assert_eq!(text, "MASTER ALIVE UNKNOWN - link lan could not be probed: cannot reach 192.0.2.11: needs cap_net_raw");
}

#[test]
fn a_node_that_does_not_know_its_role_knows_nothing() {
    let blind = Blind::Read { path: "/run/x".into(), reason: "gone".into() };
    let seen = Sight { status: Err(blind), ..sight(vec![dead("heartbeat"), dead("lan")]) };
    assert_eq!(first(&seen, true), (State::Unknown, "MASTER ALIVE UNKNOWN - this node's role is not known: cannot read /run/x: gone".into()));
}

#[test]
fn a_mute_kernel_is_hung_only_when_the_agent_says_so_too() {
    for (life, failover, expected) in [
        (Life::Mute, true, State::Critical),
        (Life::Silent, true, State::Critical),
        (Life::Mute, false, State::Critical),
        (Life::Alive, true, State::Ok),
        (Life::Unknown, true, State::Ok),
        (Life::Alive, false, State::Warning),
    ] {
        let seen = Sight { status: Ok(status(life)), ..sight(vec![mute_link("heartbeat"), dead("lan")]) };
        let (state, text) = first(&seen, failover);
        assert_eq!(state, expected, "{life:?} {text}");
        assert!(text.contains("its kernel answers on heartbeat 0.2 ms"), "{text}");
    }
    let unasked = link("lan", vec![Ok(ALIVE)], &Err(blind("no handles")), Some(true));
    assert_eq!(first(&Sight { status: Ok(status(Life::Mute)), ..sight(vec![unasked]) }, true).0, State::Ok, "who did not ask can't call it mute");
}

#[test]
fn the_second_line_is_what_stops_the_takeover() {
    let second = |status: Status| {
        let mut report = Report::default();
        judge(&Sight { status: Ok(status), ..sight(vec![dead("lan")]) }, &twin(true), &mut report);
        report.render("MASTER ALIVE", 0).lines().nth(1).unwrap().to_owned()
    };
    let standing = Some(RefusalStatus { code: Refusal::DeviceSilent, text: "ipmi 198.51.100.11: no answer".into(), since_ms: 0 });
    assert_eq!(
        second(Status { refusal: standing, ..status(Life::Silent) }),
        format!("automatic takeover refused: DEVICE_SILENT - ipmi 198.51.100.11: no answer; {}", Refusal::DeviceSilent.advice())
    );
    let gate = |gate: &str, refusal| GateStatus { gate: gate.into(), refusal, evidence: "seen".into() };
    let gates = vec![gate("G0", Some(Refusal::Soft)), gate("G3", Some(Refusal::PeerAlive)), gate("G4", None), gate("G7", Some(Refusal::NoStonith))];
    assert_eq!(
        second(Status { gates: gates.clone(), armed: false, ..status(Life::Silent) }),
        format!("automatic takeover would be refused: NO_STONITH - seen; {}", Refusal::NoStonith.advice())
    );
    assert_eq!(second(Status { frozen: Some("two masters".into()), ..status(Life::Silent) }), "automatic takeover is frozen: two masters");
    assert!(second(status(Life::Silent)).starts_with("link lan: "), "nothing stops it");
}

#[test]
fn a_slow_or_lossy_link_is_a_warning_of_the_notify_twin_and_nothing_for_the_failover_service() {
    let said = |pings: Pings, failover: bool| {
        let warning = |text: &str| Limits { warning: text.parse().ok(), critical: None };
        let twin = Twin { failover, rta: warning("0.1"), loss: warning("40") };
        let mut report = Report::default();
        judge(&sight(vec![link("lan", pings, &Ok(Touch::Banner("SSH-2.0-x".into())), Some(true))]), &twin, &mut report);
        report.render("MASTER ALIVE", 0).split(" | ").next().unwrap().to_owned()
    };
    let slow = || vec![Ok(Some(Duration::from_millis(100))), Ok(Some(Duration::from_millis(200)))];
    assert_eq!(said(slow(), false), "MASTER ALIVE WARNING - lan_rta 150.0 ms (warning at 0.1)");
    assert_eq!(said(slow(), true), "MASTER ALIVE OK - pbx1 answers on lan 150.0 ms");
    assert_eq!(said(vec![Ok(ALIVE), Ok(None)], false), "MASTER ALIVE WARNING - lan_loss 50.0% (warning at 40)");
    assert_eq!(said(vec![Ok(ALIVE), Ok(None)], true), "MASTER ALIVE OK - pbx1 answers on lan 0.2 ms");
}
