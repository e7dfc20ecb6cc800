//! Which samples and which servers to believe. Pure.

use super::packet::Sample;

/// Several samples of one server: the one with the least delay (the others waited in some queue) and the jitter around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clock {
    /// The best sample.
    pub best: Sample,
    /// Root mean square of the others' distance to it, in seconds.
    pub jitter: f64,
    /// How many answers there were.
    pub answers: usize,
}

/// `None` without a sample.
pub fn filter(samples: &[Sample]) -> Option<Clock> {
    let best = *samples.iter().min_by(|a, b| a.delay.total_cmp(&b.delay))?;
    let others = samples.len().saturating_sub(1).max(1) as f64;
    let squares: f64 = samples.iter().map(|s| (s.offset - best.offset).powi(2)).sum();
    Some(Clock { best, jitter: (squares / others).sqrt(), answers: samples.len() })
}

/// Which of `clocks` tell the same time within their errors: the largest group whose intervals all share one point
/// (Marzullo's algorithm, RFC 5905 section 11.2.1). One flag per clock.
pub fn agreeing(clocks: &[Sample]) -> Vec<bool> {
    let holds = |clock: &Sample, point: f64| (clock.offset - point).abs() <= clock.error + f64::EPSILON;
    // The common point of a group can always be moved to the lower end of one of its intervals.
    let points = clocks.iter().map(|c| c.offset - c.error);
    let group = |point: f64| -> Vec<bool> { clocks.iter().map(|c| holds(c, point)).collect() };
    let size = |flags: &Vec<bool>| flags.iter().filter(|f| **f).count();
    points.map(group).max_by_key(size).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::float_cmp, clippy::indexing_slicing, reason = "values that are passed through, not computed; the indices are literal")]
mod tests {
    use super::*;

    fn sample(offset: f64, delay: f64, error: f64) -> Sample {
        Sample { offset, delay, error }
    }

    #[test]
    fn the_quickest_answer_counts_and_the_others_make_the_jitter() {
        assert_eq!(filter(&[]), None);
        let clock = filter(&[sample(0.5, 0.9, 1.0), sample(0.1, 0.2, 1.0), sample(0.4, 0.3, 1.0)]);
        // sqrt((0.4² + 0.3²) / 2)
        assert!(clock.is_some_and(|c| c.best.offset == 0.1 && c.answers == 3 && (c.jitter - 0.353_553).abs() < 1e-6), "{clock:?}");
        assert_eq!(filter(&[sample(0.1, 0.2, 1.0)]).map(|c| c.jitter), Some(0.0));
    }

    #[test]
    fn a_liar_is_outvoted_by_two_that_agree() {
        let honest = [sample(0.00, 0.0, 0.05), sample(0.04, 0.0, 0.05)];
        assert_eq!(agreeing(&[honest[0], sample(2.5, 0.0, 0.05), honest[1]]), [true, false, true]);
        assert_eq!(agreeing(&[honest[0], sample(0.08, 0.0, 0.05), honest[1]]), [true, true, true], "all share 0.03 to 0.05");
        assert_eq!(agreeing(&[]), Vec::<bool>::new());
    }
}
