//! How often did each unit restart lately? A crash loop looks healthy at most moments (`active`, `running`): only the
//! number of automatic restarts, seen over several runs, tells it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// What is kept: for each unit when (milliseconds since boot) how many restarts were counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Past {
    /// The boot to which the times belong: `/proc/sys/kernel/random/boot_id`.
    boot: String,
    units: BTreeMap<String, Vec<(u64, u64)>>,
}

/// Automatic restarts and the time over which they were counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// How many.
    pub restarts: u64,
    /// Within this time, at most the window.
    pub within: Duration,
}

impl Past {
    /// The past of this boot; another boot's is forgotten.
    pub fn of_boot(self, boot: &str) -> Self {
        if self.boot == boot { self } else { Past { boot: boot.to_owned(), units: BTreeMap::new() } }
    }

    /// Adds what `unit` shows now and counts; `None` when it is seen for the first time.
    pub fn count(&mut self, unit: &str, now: Duration, restarts: u64, window: Duration) -> Option<Count> {
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let oldest = now.saturating_sub(u64::try_from(window.as_millis()).unwrap_or(u64::MAX));
        let seen = self.units.entry(unit.to_owned()).or_default();
        // Somebody has started the unit anew, so systemd counts from zero again.
        if seen.last().is_some_and(|(_, before)| *before > restarts) {
            seen.clear();
        }
        // The last sample before the window tells how it began.
        let begin = seen.iter().rposition(|(at, _)| *at <= oldest).unwrap_or(0);
        seen.drain(..begin);
        let first = seen.first().copied();
        // One sample a second is plenty, however often the check runs.
        if seen.last().is_none_or(|(at, _)| now.saturating_sub(*at) >= 1000) {
            seen.push((now, restarts));
        }
        let (at, before) = first?;
        Some(Count { restarts: restarts.saturating_sub(before), within: Duration::from_millis(now.saturating_sub(at.max(oldest))) })
    }

    /// Forgets units that were not looked at.
    pub fn only(&mut self, units: &[&str]) {
        self.units.retain(|unit, _| units.contains(&unit.as_str()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_mins(15);

    fn counts(samples: &[(u64, u64)]) -> Vec<Option<(u64, u64)>> {
        let mut past = Past::default().of_boot("b");
        let mut count = |&(at, n)| past.count("x.service", Duration::from_secs(at), n, WINDOW).map(|c| (c.restarts, c.within.as_secs()));
        samples.iter().map(&mut count).collect()
    }

    #[test]
    fn restarts_are_counted_within_the_window() {
        assert_eq!(
            counts(&[(1000, 5), (1060, 5), (1120, 8), (1900, 9), (2020, 9), (3000, 9)]),
            [None, Some((0, 60)), Some((3, 120)), Some((4, 900)), Some((1, 900)), Some((0, 900))]
        );
    }

    #[test]
    fn a_start_by_hand_counts_from_zero_and_is_no_restart() {
        assert_eq!(counts(&[(10, 7), (20, 0), (30, 1)]), [None, None, Some((1, 10))]);
    }

    #[test]
    fn another_boot_and_another_unit_are_forgotten() {
        let mut past = Past::default().of_boot("one");
        past.count("a", Duration::from_secs(1), 1, WINDOW);
        past.count("b", Duration::from_secs(1), 1, WINDOW);
        past.only(&["b"]);
        assert_eq!(past.units.keys().collect::<Vec<_>>(), ["b"]);
        assert_eq!(past.clone().of_boot("one"), past);
        assert!(past.of_boot("two").units.is_empty());
    }

    #[test]
    fn the_memory_does_not_grow_with_the_number_of_runs() {
        let mut past = Past::default();
        for tick in 0..20_000_u64 {
            past.count("a", Duration::from_millis(tick * 200), 0, Duration::from_mins(1));
        }
        assert!(past.units.values().all(|samples| samples.len() <= 62), "{:?}", past.units.values().map(Vec::len).collect::<Vec<_>>());
    }
}
