//! Words many notifications in one. Refuses to leave one out silently.

use super::{Light, Setting, Story, status};
use crate::clean::{BLOCK, LINE, line};
use crate::spool::Told;
use chrono::DateTime;
use std::collections::BTreeMap;

/// The story of a digest; `held` says that they waited for the limit instead of coming at once.
pub fn digest(told: &[Told], held: bool, setting: &Setting<'_>) -> Story {
    let mut words: BTreeMap<&str, usize> = BTreeMap::new();
    for one in told {
        *words.entry(&one.word).or_default() += 1;
    }
    let mut words: Vec<(&str, usize)> = words.into_iter().collect();
    words.sort_by_key(|(word, _)| rank(Light::of_state(word)));
    let worst = words.first().map_or("UNKNOWN", |(word, _)| word);
    let counts: Vec<String> = words.iter().map(|(word, count)| format!("{count} {word}")).collect();
    let meaning = if held {
        "These follow-ups came faster than the limit of [notify] allows, so they are told together. The first mail of each problem was not held back."
    } else {
        "So many notifications came at once that they are told together: often they have one cause."
    };
    let time = |ms: i64| DateTime::from_timestamp_millis(ms).unwrap_or_default().with_timezone(&setting.at.timezone());
    let span = told.iter().map(|t| t.at_ms).min().zip(told.iter().map(|t| t.at_ms).max());
    let mut facts = Vec::new();
    if let Some((from, to)) = span {
        facts.push(("From".to_owned(), Setting::stamp(time(from))));
        facts.push(("To".to_owned(), Setting::stamp(time(to))));
    }
    facts.push(("Notifications".to_owned(), told.len().to_string()));
    facts.push(("Cluster".to_owned(), line(setting.cluster, LINE)));
    Story {
        word: worst.to_owned(),
        light: Light::of_state(worst),
        headline: format!("{} notifications: {}", told.len(), counts.join(", ")),
        meaning: vec![meaning.to_owned()],
        facts,
        seen_title: "What they say",
        seen: lines(told, |ms| time(ms).format("%H:%M:%S").to_string()),
        actions: Vec::new(),
        nodes: setting.status.map(status::nodes).unwrap_or_default(),
        timeline: Vec::new(),
        link: None,
        footer: format!("Icinga on {}, cluster {}", setting.node, setting.cluster),
    }
}

/// One line each, in the order of time; what does not fit is counted.
fn lines(told: &[Told], clock: impl Fn(i64) -> String) -> Vec<String> {
    let (mut lines, mut size) = (Vec::new(), 0);
    for (place, one) in told.iter().enumerate() {
        let text = format!("{}  {:<8}  {}", clock(one.at_ms), one.word, one.headline);
        size += text.len();
        if size > BLOCK {
            lines.push(format!("… and {} more; Icinga Web lists them", told.len() - place));
            break;
        }
        lines.push(text);
    }
    lines
}

/// The worst first.
const fn rank(light: Light) -> u8 {
    match light {
        Light::Red => 0,
        Light::Violet => 1,
        Light::Amber => 2,
        Light::Green => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(word: &str, headline: &str) -> Told {
        Told { at_ms: 1_795_300_867_123, word: word.into(), headline: headline.into(), first: true }
    }

    fn story(told: &[Told]) -> Story {
        let at = DateTime::from_timestamp_millis(1_795_300_870_000).unwrap_or_default().fixed_offset();
        digest(told, false, &Setting { cluster: "pbx", node: "pbx2", at, since: None, status: None })
    }

    #[test]
    fn the_worst_word_leads_and_all_are_counted() {
        let story =
            story(&[told("OK", "Disk on pbx1: recovered"), told("CRITICAL", "SIP on pbx1: no answer"), told("OK", "Load on pbx1: recovered")]);
        assert_eq!((story.word.as_str(), story.headline.as_str()), ("CRITICAL", "3 notifications: 1 CRITICAL, 2 OK"));
        assert_eq!(
            story.seen,
            [
                "22:41:07  OK        Disk on pbx1: recovered",
                "22:41:07  CRITICAL  SIP on pbx1: no answer",
                "22:41:07  OK        Load on pbx1: recovered"
            ]
        );
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let many: Vec<Told> = (0..1000).map(|n| told("WARNING", &format!("Service {n} on pbx1: a text of the usual length"))).collect();
        let seen = story(&many).seen;
        let last = seen.last().cloned().unwrap_or_default();
        assert_eq!(last, format!("… and {} more; Icinga Web lists them", 1000 - (seen.len() - 1)));
        assert!(seen.iter().map(String::len).sum::<usize>() <= BLOCK + 100, "{}", seen.len());
    }
}
