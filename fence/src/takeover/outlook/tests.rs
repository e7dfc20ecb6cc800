#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
use super::*;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn round(at: u64, lag: u64, seen: LinkSeen) -> Round {
    Round {
        planned: ms(at),
        started: ms(at + lag),
        ended: ms(at + lag + 250),
        full: true,
        links: [("lan".to_owned(), seen), ("heartbeat".to_owned(), LinkSeen::default())].into(),
        carriers: BTreeMap::new(),
        witnesses: BTreeMap::new(),
        serves: false,
    }
}

const DEAD: LinkSeen = LinkSeen { kernel: false, banner: false, ping: false };
const KERNEL: LinkSeen = LinkSeen { kernel: true, banner: false, ping: true };
const BANNER: LinkSeen = LinkSeen { kernel: true, banner: true, ping: true };

#[test]
fn three_punctual_silent_rounds_over_a_second_are_needed() {
    let mut view = Outlook::new(ms(0));
    view.heard("lan", ms(1000));
    assert_eq!(view.life(ms(1100)), Life::Alive);
    for at in [2000, 2500, 3000] {
        assert!(!view.silent_rounds(ms(at), 3));
        view.round(round(at, 0, DEAD));
    }
    assert_eq!(view.life(ms(3300)), Life::Silent);
    assert!(view.silent_rounds(ms(3300), 3));
    assert_eq!(view.silent_for(ms(3300)), ms(2300));
    assert!(!view.silent_rounds(ms(9000), 3), "old rounds are no view of now");
}

#[test]
fn rounds_too_close_together_do_not_count_as_a_second() {
    let mut view = Outlook::new(ms(0));
    for at in [100, 200, 300, 400] {
        view.round(round(at, 0, DEAD));
    }
    assert!(!view.silent_rounds(ms(500), 3));
}

#[test]
fn row_64_a_stunned_node_starts_again() {
    let mut view = Outlook::new(ms(0));
    for at in [1000, 1500, 2000] {
        view.round(round(at, 0, DEAD));
    }
    view.round(round(2500, 150, DEAD));
    assert!(!view.silent_rounds(ms(2900), 3));
    assert_eq!(view.life(ms(2900)), Life::Unknown, "an unpunctual round proves nothing");
}

#[test]
fn a_sign_on_one_link_or_from_the_channel_ends_the_silence() {
    for sign in [KERNEL, BANNER] {
        let mut view = Outlook::new(ms(0));
        for at in [1000, 1500, 2000] {
            view.round(round(at, 0, DEAD));
        }
        view.round(round(2500, 0, sign));
        assert!(!view.silent_rounds(ms(2800), 3));
        assert!(view.silent_for(ms(2800)) < ms(100));
    }
    let mut view = Outlook::new(ms(0));
    for at in [1000, 1500, 2000] {
        view.round(round(at, 0, DEAD));
    }
    view.heard("heartbeat", ms(2100));
    assert_eq!(view.life(ms(2200)), Life::Alive);
    assert!(!view.silent_rounds(ms(2200), 3));
}

#[test]
fn row_68_only_the_kernel_answers_is_mute_not_silent() {
    let mut view = Outlook::new(ms(0));
    view.heard("lan", ms(0));
    for at in [1500, 2000, 2500, 3000] {
        view.round(round(at, 0, KERNEL));
    }
    assert_eq!(view.life(ms(3300)), Life::Mute);
    assert!(view.mute_rounds(ms(3300), 3));
    assert_eq!(view.mute_for(ms(3300)), ms(3300));
    assert!(!view.silent_rounds(ms(3300), 3));
}

#[test]
fn an_agent_that_just_started_knows_nothing() {
    let view = Outlook::new(ms(5000));
    assert_eq!(view.life(ms(5000)), Life::Unknown);
    assert_eq!(view.silent_for(ms(5000)), ms(0));
    assert!(view.fresh_round(ms(5000)).is_none());
}
