//! From one mount's space to findings. Pure.

use super::{Seen, Sight};
use plugin_core::report::Metric;
use plugin_core::{Limits, Report, State, Unit};

/// Judges one mount.
pub fn judge(seen: &Seen, limits: &Limits, inodes: &Limits, report: &mut Report) {
    let path = seen.path.display();
    match &seen.sight {
        Sight::Missing => report.say(State::Critical, format!("{path} is not mounted")),
        Sight::Hung => report.say(State::Critical, format!("{path} hangs: no answer in time")),
        Sight::Failed(reason) => report.say(State::Critical, format!("{path} can't be asked: {reason}")),
        Sight::Space(space, flipped) => {
            if *flipped {
                report.say(State::Critical, format!("{path} is read-only: the kernel has switched it after an error"));
            }
            if space.total <= 0.0 {
                // A file system without a size of its own (automounters) can't be full.
                report.say(State::Ok, format!("{path} has no size"));
                return;
            }
            // As df: what is reserved for root is neither used nor available.
            let used = 100.0 * space.used / (space.used + space.available);
            report.measure(&path.to_string(), used, Unit::Percent, limits);
            report.export(Metric::new(format!("{path} free"), space.available, Unit::Bytes).bounds(0.0, space.total));
            if space.inodes > 0.0 {
                let used = 100.0 * space.inodes_used / space.inodes;
                let name = format!("{path} inodes");
                if inodes.judge(used).0 == State::Ok {
                    report.export(Metric::new(name, used, Unit::Percent).limits(inodes));
                } else {
                    report.measure(&name, used, Unit::Percent, inodes);
                }
            }
            report.note(format!("{path}: {} of {} available", Unit::Bytes.words(space.available), Unit::Bytes.words(space.total)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Space;
    use super::*;

    const GIB: f64 = 1_073_741_824.0;

    fn space(used: f64, available: f64, inodes_used: f64) -> Sight {
        Sight::Space(Space { total: 66.0 * GIB, used: used * GIB, available: available * GIB, inodes: 1000.0, inodes_used }, false)
    }

    fn said(sights: Vec<(&str, Sight)>) -> String {
        let limits = Limits { warning: "80".parse().ok(), critical: "90".parse().ok() };
        let inodes = Limits { warning: None, critical: "95".parse().ok() };
        let mut report = Report::default();
        for (path, sight) in sights {
            judge(&Seen { path: path.into(), sight }, &limits, &inodes, &mut report);
        }
        report.render("DISK", 0)
    }

    #[test]
    fn percents_are_those_of_df() {
        // 66 GiB, 57.5 free, of which 15.25 for users: 8.5 / (8.5 + 15.25), where 8.5 / 66 would say 13 %.
        assert_eq!(
            said(vec![("/", space(8.5, 15.25, 10.0))]),
            "DISK OK - / 35.8% | '/'=35.789474%;80;90;0;100 '/ free'=16374562816B;;;0;70866960384 '/ inodes'=1%;;95;0;100\n/: 15.2 GiB of 66.0 GiB available\n"
        );
    }

    #[test]
    fn each_fault_has_its_line_and_the_rest_is_reported() {
        let flipped = Sight::Space(Space { total: GIB, used: 0.0, available: GIB, inodes: 0.0, inodes_used: 0.0 }, true);
        let text = said(vec![
            ("/a", space(85.0, 15.0, 1.0)),
            ("/b", Sight::Hung),
            ("/c", Sight::Missing),
            ("/d", flipped),
            ("/e", Sight::Failed("Input/output error".into())),
            ("/f", space(1.0, 9.0, 999.0)),
        ]);
        let first = text.split(" | ").next();
        assert_eq!(
            first,
            Some(
                "DISK CRITICAL - /b hangs: no answer in time, /c is not mounted, /d is read-only: the kernel has switched it after an error, /e can't be asked: Input/output error, /f inodes 99.9% (critical at 95)"
            )
        );
        assert!(text.contains("\nWARNING: /a 85.0% (warning at 80)\n") && text.contains("\nOK: /f 10.0%\n"), "{text}");
        assert!(!text.contains("'/d inodes'"), "no inodes, no value: {text}");
    }

    #[test]
    fn nothing_to_look_at_is_unknown_and_no_size_is_no_fault() {
        assert_eq!(said(vec![]), "DISK UNKNOWN - nothing was found to judge\n");
        let empty = Sight::Space(Space { total: 0.0, used: 0.0, available: 0.0, inodes: 0.0, inodes_used: 0.0 }, false);
        assert_eq!(said(vec![("/auto", empty)]), "DISK OK - /auto has no size\n");
    }
}
