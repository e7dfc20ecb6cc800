//! The measured timeline as an SVG file (W3C SVG 1.1): for a ticket or a report. The text and the HTML part show the same bars, so
//! that nobody needs to open it. Refuses scripts, fonts and links.

use crate::clean::html as escape;
use crate::story::{Story, duration};
use std::fmt::Write;

const WIDTH: u64 = 720;
/// Where the bars begin and how wide they are at most, in pixels.
const LEFT: u64 = 190;
const BAR: u64 = 360;
const ROW: u64 = 28;

/// The chart, if something was measured.
pub fn chart(story: &Story) -> Option<String> {
    let end = story.timeline.last()?.to_ms;
    let rows = u64::try_from(story.timeline.len()).ok()?;
    let height = 56 + rows * ROW + 12;
    let x = |ms: u64| LEFT + ms.saturating_mul(BAR).checked_div(end).unwrap_or(0).min(BAR);
    let mut out = format!(
        concat!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" role=\"img\"",
            " font-family=\"Arial, sans-serif\" font-size=\"14\">\n",
            "<title>{title}</title>\n<rect width=\"{w}\" height=\"{h}\" fill=\"#ffffff\"/>\n",
            "<text x=\"16\" y=\"28\" font-size=\"16\" font-weight=\"bold\" fill=\"#1f1f1f\">{title}</text>\n"
        ),
        w = WIDTH,
        h = height,
        title = escape(&story.headline)
    );
    let mut y = 56;
    for phase in &story.timeline {
        let (from, to) = (x(phase.from_ms).min(LEFT + BAR - 2), x(phase.to_ms));
        let _ = writeln!(
            out,
            "<text x=\"16\" y=\"{base}\" fill=\"#1f1f1f\">{label}</text><rect x=\"{from}\" y=\"{top}\" width=\"{width}\" height=\"16\" rx=\"2\" fill=\"#2f6fdb\"/><text x=\"{after}\" y=\"{base}\" fill=\"#1f1f1f\">+{took} = {at}</text>",
            base = y + 13,
            label = escape(&phase.label),
            top = y,
            width = to.saturating_sub(from).max(2),
            after = LEFT + BAR + 12,
            took = duration(phase.to_ms - phase.from_ms),
            at = duration(phase.to_ms),
        );
        y += ROW;
    }
    out.push_str("</svg>\n");
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::{Light, Phase};

    fn story(timeline: Vec<Phase>) -> Story {
        Story {
            word: "CRITICAL".into(),
            light: Light::Red,
            headline: "pbx2 <took> over".into(),
            meaning: Vec::new(),
            facts: Vec::new(),
            seen_title: "",
            seen: Vec::new(),
            actions: Vec::new(),
            nodes: Vec::new(),
            timeline,
            link: None,
            footer: String::new(),
        }
    }

    #[test]
    fn half_the_time_is_half_the_bar() {
        let phase = |label: &str, from_ms, to_ms| Phase { label: label.into(), from_ms, to_ms };
        let svg = chart(&story(vec![phase("a & b", 0, 2000), phase("seen off", 2000, 4000), phase("at once", 4000, 4000)])).unwrap_or_default();
        for said in [
            "<title>pbx2 &lt;took&gt; over</title>",
            ">a &amp; b</text><rect x=\"190\" y=\"56\" width=\"180\"",
            ">seen off</text><rect x=\"370\" y=\"84\" width=\"180\"",
            ">at once</text><rect x=\"548\" y=\"112\" width=\"2\"",
            ">+2.0 s = 4.0 s</text>",
        ] {
            assert!(svg.contains(said), "{said} is missing in\n{svg}");
        }
        assert_eq!(svg.matches('<').count(), svg.matches('>').count());
    }

    #[test]
    fn without_a_measurement_there_is_no_chart() {
        assert_eq!(chart(&story(Vec::new())), None);
    }
}
