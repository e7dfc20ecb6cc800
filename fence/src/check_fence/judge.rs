//! From answers to findings. Pure.

use super::{Answer, Asked, Facts};
use plugin_core::report::Metric;
use plugin_core::{Report, State, Unit};
use std::collections::BTreeSet;

/// Judges.
pub fn judge(facts: &Facts, single: bool, report: &mut Report) {
    for target in &facts.targets {
        let devices: Vec<&Asked> = facts.devices.iter().filter(|d| d.target == *target).collect();
        let levels: BTreeSet<u8> = devices.iter().map(|d| d.level).collect();
        match levels.len() {
            0 => report.say(State::Critical, format!("no fence device switches {target}: automatic takeover is refused (BM8)")),
            1 if !single => report.say(
                State::Warning,
                format!("{target} has one fence level only: a device that loses its power together with the node proves nothing (--single-level accepts it)"),
            ),
            _ => {}
        }
        for device in devices {
            one(device, report);
        }
    }
    if let Some(age) = facts.age {
        report.note(format!("the devices were asked {} s ago", age.as_secs()));
    }
    for note in &facts.notes {
        report.note(note.clone());
    }
}

fn one(device: &Asked, report: &mut Report) {
    let place = format!("level {} of {}: {}", device.level, device.target, device.name);
    match &device.answer {
        Answer::Good { on: true } => report.say(State::Ok, format!("{place} answers, power ON")),
        Answer::Good { on: false } => report.say(State::Warning, format!("{place} answers, power OFF: who switched {} off?", device.target)),
        Answer::Foreign { shown, wanted } => {
            report.say(State::Critical, format!("{place} shows {shown}, the configuration says {wanted}: it would switch off another machine"));
        }
        Answer::Silent(text) | Answer::Denied(text) | Answer::Odd(text) => {
            report.say(State::Critical, format!("level {} of {}: {text}", device.level, device.target));
        }
        // Not the device's fault, and nothing was asked of it: nobody knows.
        Answer::Unusable(text) => report.say(State::Unknown, text.clone()),
    }
    if device.took_ms > 0 {
        report.export(Metric::new(format!("{} {}", device.target, device.level), device.took_ms as f64 / 1000.0, Unit::Seconds));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;
    use std::time::Duration;

    fn device(level: u8, answer: Answer) -> Asked {
        Asked { target: "pbx1".into(), level, name: format!("ipmi 198.51.100.{level} port 623"), answer, took_ms: 16 }
    }

    fn said(devices: Vec<Asked>, single: bool) -> String {
        let facts = Facts { targets: vec!["pbx1".into()], devices, age: None, notes: vec![] };
        let mut report = Report::default();
        judge(&facts, single, &mut report);
        report.render("FENCE", 0).lines().next().unwrap().split(" | ").next().unwrap().to_owned()
    }

    const ON: Answer = Answer::Good { on: true };

    #[test]
    fn each_answer_has_its_state_and_words() {
        assert_eq!(
            said(vec![device(1, ON), device(2, ON)], false),
            "FENCE OK - level 1 of pbx1: ipmi 198.51.100.1 port 623 answers, power ON, level 2 of pbx1: ipmi 198.51.100.2 port 623 answers, power ON"
        );
        assert_eq!(
            said(vec![device(1, Answer::Good { on: false })], true),
            "FENCE WARNING - level 1 of pbx1: ipmi 198.51.100.1 port 623 answers, power OFF: who switched pbx1 off?"
        );
        let foreign = Answer::Foreign { shown: "guid:b".into(), wanted: "guid:a".into() };
        assert_eq!(
            said(vec![device(1, foreign)], true),
            "FENCE CRITICAL - level 1 of pbx1: ipmi 198.51.100.1 port 623 shows guid:b, the configuration says guid:a: it would switch off another machine"
        );
        for answer in [Answer::Silent("cannot x".into()), Answer::Denied("cannot x".into()), Answer::Odd("cannot x".into())] {
            assert_eq!(said(vec![device(1, answer), device(2, ON)], false), "FENCE CRITICAL - level 1 of pbx1: cannot x");
        }
        assert_eq!(said(vec![device(0, Answer::Unusable("cannot x".into()))], true), "FENCE UNKNOWN - cannot x");
    }

    #[test]
    fn bm8_none_is_critical_and_one_level_is_a_warning_unless_it_is_accepted() {
        assert_eq!(said(vec![], false), "FENCE CRITICAL - no fence device switches pbx1: automatic takeover is refused (BM8)");
        let one = "FENCE WARNING - pbx1 has one fence level only: a device that loses its power together with the node proves nothing (--single-level accepts it)";
        assert_eq!(said(vec![device(1, ON)], false), one);
        assert!(said(vec![device(1, ON)], true).starts_with("FENCE OK"));
    }

    #[test]
    fn remembered_answers_say_their_age() {
        let facts = Facts { targets: vec![], devices: vec![], age: Some(Duration::from_secs(12)), notes: vec!["a note".into()] };
        let mut report = Report::default();
        judge(&facts, false, &mut report);
        assert!(report.render("FENCE", 0).ends_with("\nthe devices were asked 12 s ago\na note\n"));
    }
}
