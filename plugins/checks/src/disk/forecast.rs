//! When is it full? The used bytes of earlier runs, and the straight line through them (least squares). Pure; the memory's
//! file is `plugin_core::memory`'s.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// So many samples of one file system are kept at most; a run between two of them adds none.
const MOST: u64 = 120;
/// The share of the window that must have been seen before anything is foretold.
const LEAST: u64 = 12;

/// For each file system when (Unix time in milliseconds) how many bytes were used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Past {
    disks: BTreeMap<String, Vec<(u64, f64)>>,
}

/// What the past says about one file system.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Forecast {
    /// Too little was seen yet.
    Learning,
    /// Hours until nothing is available; infinite where it does not grow.
    Hours(f64),
}

impl Past {
    /// Adds what `path` shows now and foretells.
    pub fn foretell(&mut self, path: &str, now: u64, used: f64, available: f64, window: Duration) -> Forecast {
        let window = u64::try_from(window.as_millis()).unwrap_or(u64::MAX).max(1);
        let samples = self.disks.entry(path.to_owned()).or_default();
        // A clock that was put back would make old samples the newest for ever.
        samples.retain(|(at, _)| *at <= now && now - at <= window);
        if samples.last().is_none_or(|(at, _)| now - at >= window / MOST) {
            samples.push((now, used));
        }
        let span = samples.first().map_or(0, |(at, _)| now - at);
        if span < window / LEAST || samples.len() < 3 {
            return Forecast::Learning;
        }
        let growth = slope(samples);
        Forecast::Hours(if growth > 0.0 { available / growth / 3_600_000.0 } else { f64::INFINITY })
    }

    /// Forgets file systems that nobody looks at any more.
    pub fn only(&mut self, paths: &[String]) {
        self.disks.retain(|path, _| paths.contains(path));
    }
}

/// Bytes a millisecond.
fn slope(samples: &[(u64, f64)]) -> f64 {
    let count = samples.len() as f64;
    let start = samples.first().map_or(0, |(at, _)| *at);
    let time = |at: u64| (at - start) as f64;
    let (mean_time, mean_used) =
        (samples.iter().map(|(at, _)| time(*at)).sum::<f64>() / count, samples.iter().map(|(_, used)| used).sum::<f64>() / count);
    let (mut both, mut square) = (0.0, 0.0);
    for (at, used) in samples {
        both += (time(*at) - mean_time) * (used - mean_used);
        square += (time(*at) - mean_time).powi(2);
    }
    both / square
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_hours(6);
    const GIB: f64 = 1_073_741_824.0;

    fn hours(forecast: Forecast) -> f64 {
        if let Forecast::Hours(hours) = forecast { hours } else { f64::NAN }
    }

    /// One sample each ten minutes of a disk of 100 GiB.
    fn foretold(used: &[f64]) -> Forecast {
        let mut past = Past::default();
        let mut last = Forecast::Learning;
        for (n, gib) in (0..).zip(used) {
            last = past.foretell("/srv", 1_000_000 + n * 600_000, gib * GIB, (100.0 - gib) * GIB, WINDOW);
        }
        last
    }

    #[test]
    fn a_disk_that_grows_steadily_is_full_when_the_line_says_so() {
        // 1 GiB in ten minutes, 94 left: 940 minutes.
        let hours = hours(foretold(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
        assert!((hours - 940.0 / 60.0).abs() < 1e-6, "{hours}");
    }

    #[test]
    fn noise_does_not_hide_the_growth_and_no_growth_is_never() {
        let hours = hours(foretold(&[1.0, 3.0, 2.0, 4.0, 6.0, 5.0, 7.0]));
        assert!((14.0..18.0).contains(&hours), "{hours}");
        assert_eq!(foretold(&[5.0, 5.0, 5.0, 5.0, 5.0]), Forecast::Hours(f64::INFINITY));
        assert_eq!(foretold(&[9.0, 7.0, 5.0, 3.0, 1.0]), Forecast::Hours(f64::INFINITY));
    }

    #[test]
    fn two_samples_or_a_short_time_foretell_nothing() {
        assert_eq!(foretold(&[1.0, 50.0]), Forecast::Learning);
        let mut past = Past::default();
        for second in 0..600 {
            assert_eq!(past.foretell("/", second * 1000, second as f64, 1.0, WINDOW), Forecast::Learning);
        }
    }

    #[test]
    fn the_memory_stays_small_and_a_clock_put_back_begins_anew() {
        let mut past = Past::default();
        for tick in 0..50_000_u64 {
            past.foretell("/", tick * 1000, 0.0, 1.0, WINDOW);
        }
        assert!(past.disks.values().all(|s| s.len() <= 122), "{:?}", past.disks.values().map(Vec::len).collect::<Vec<_>>());
        assert_eq!(past.foretell("/", 5, 1.0, 1.0, WINDOW), Forecast::Learning);
        assert_eq!(past.disks.values().map(Vec::len).max(), Some(1), "what is of the future is gone");
        past.only(&["/srv".into()]);
        assert!(past.disks.is_empty());
    }
}
