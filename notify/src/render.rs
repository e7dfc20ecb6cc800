//! Story → subject, text part, HTML part, chart. Pure and exact; refuses to fetch or measure anything.

mod chart;
#[cfg(test)]
mod exact;
mod html;
mod text;

pub use chart::chart;
pub use html::html;
pub use text::text;

use crate::clean::shorten;
use crate::story::{Phase, Story};

/// `[pbx CRITICAL] node2 took over from node1`, at most 140 characters: a phone shows 40, a list 100.
pub fn subject(cluster: &str, story: &Story) -> String {
    shorten(&format!("[{cluster} {}] {}", story.word, story.headline), 140)
}

/// Blank cells before a phase's bar, and cells of the bar, on a scale of `width` cells; a bar has at least one.
fn cells(phase: &Phase, end_ms: u64, width: u64) -> (usize, usize) {
    let place = |ms: u64| ms.saturating_mul(width).checked_div(end_ms).unwrap_or(0).min(width);
    let from = place(phase.from_ms).min(width.saturating_sub(1));
    let to = place(phase.to_ms).max(from + 1);
    (usize::try_from(from).unwrap_or(0), usize::try_from(to - from).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stay_inside_their_width_and_are_never_empty() {
        let phase = |from_ms, to_ms| Phase { label: String::new(), from_ms, to_ms };
        assert_eq!(cells(&phase(0, 2000), 4000, 40), (0, 20));
        assert_eq!(cells(&phase(2000, 4000), 4000, 40), (20, 20));
        assert_eq!(cells(&phase(4000, 4000), 4000, 40), (39, 1));
        assert_eq!(cells(&phase(0, 0), 0, 40), (0, 1));
        assert_eq!(cells(&phase(1, u64::MAX), u64::MAX, 40), (0, 1));
    }
}
