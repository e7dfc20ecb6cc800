use super::super::mounts::Mount;
use super::super::select::Chosen;
use super::*;
use clap::{Args, Command, FromArgMatches};

const GIB: f64 = 1_073_741_824.0;

fn space(used: f64, available: f64, inodes_used: f64) -> Sight {
    Sight::Space(Space { total: 66.0 * GIB, used: used * GIB, available: available * GIB, inodes: 1000.0, inodes_used }, false)
}

/// As on a command line.
fn style_of(line: &str) -> Style {
    let command = Style::augment_args(Command::new("x").no_binary_name(true));
    Style::from_arg_matches(&command.try_get_matches_from(line.split(' ')).unwrap()).unwrap()
}

fn style() -> Style {
    style_of("--forecast-warning 48: --forecast-critical 8:")
}

fn seen(path: &str, sight: Sight) -> Seen {
    let mount = Mount { device: "8:1".into(), path: path.into(), kind: "ext4".into(), source: format!("/dev/{path}"), flipped: false };
    let rules = Rules {
        percent: Limits { warning: "@20".parse().ok(), critical: "@10".parse().ok() },
        units: Limits { warning: None, critical: "@512".parse().ok() },
        inodes: Limits { warning: None, critical: "@5".parse().ok() },
    };
    Seen { chosen: Chosen { path: path.into(), mount: Some(mount), rules, group: None, touch: false }, sight, forecast: None }
}

fn said_as(all: &[Seen], style: &Style) -> String {
    let mut report = Report::default();
    judge(all, style, &mut report);
    report.render("DISK", 0)
}

fn said(sights: Vec<(&str, Sight)>) -> String {
    said_as(&sights.into_iter().map(|(path, sight)| seen(path, sight)).collect::<Vec<_>>(), &style())
}

fn first(text: &str) -> &str {
    text.lines().next().and_then(|l| l.split(" | ").next()).unwrap_or_default()
}

#[test]
fn percents_are_those_of_df() {
    // 66 GiB, 57.5 free, of which 15.25 for users: 8.5 / (8.5 + 15.25) used, where 8.5 / 66 would say 13 %.
    assert_eq!(
        said(vec![("/", space(8.5, 15.25, 10.0))]),
        "DISK OK - / 64.2% free | '/'=35.789474%;80;90;0;100 '/ free'=16374562816B;;@536870912;0;70866960384 '/ inodes'=1%;;95;0;100\n/: 15.2 GiB of 66.0 GiB available\n"
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
        ("/g", space(1.0, 0.5, 1.0)),
    ]);
    assert_eq!(
        first(&text),
        "DISK CRITICAL - /b hangs: no answer in time, /c is not mounted, /d is read-only: the kernel has switched it after an error, /e can't be asked: Input/output error, /f 0.1% of the inodes free (critical at 5%), /g 512.0 MiB free (critical at 512 MB)"
    );
    assert!(text.contains("\nWARNING: /a 15.0% free (warning at 20%)\n") && text.contains("\nOK: /f 90.0% free\n"), "{text}");
    assert!(!text.contains("'/d inodes'"), "no inodes, no value: {text}");
}

#[test]
fn nothing_to_look_at_is_unknown_and_no_size_is_no_fault() {
    assert_eq!(said(vec![]), "DISK UNKNOWN - nothing was found to judge\n");
    let empty = |total| Sight::Space(Space { total, used: 0.0, available: 0.0, inodes: 0.0, inodes_used: 0.0 }, false);
    assert_eq!(said(vec![("/auto", empty(0.0))]), "DISK OK - /auto has no size\n");
    assert_eq!(first(&said(vec![("/odd", empty(1.0))])), "DISK UNKNOWN - /odd has neither used nor free space: ask df");
}

#[test]
fn a_group_is_judged_as_one_and_a_second_view_holds_no_second_space() {
    let member = |path: &str, device: &str, sight| {
        let mut seen = seen(path, sight);
        seen.chosen.group = Some("data".into());
        if let Some(mount) = &mut seen.chosen.mount {
            mount.source = device.into();
        }
        seen
    };
    let all = [member("/a", "x", space(9.5, 0.5, 0.0)), member("/b", "y", space(1.0, 9.0, 0.0)), member("/a2", "x", space(9.5, 0.5, 0.0))];
    assert_eq!(first(&said_as(&all, &style())), "DISK OK - data 47.5% free", "9.5 of 20 GiB");
    let all = [member("/a", "x", space(9.5, 0.5, 0.0)), member("/b", "y", Sight::Hung)];
    let text = said_as(&all, &style());
    assert_eq!(first(&text), "DISK CRITICAL - /b hangs: no answer in time, data 5.0% free (critical at 10%)");
}

#[test]
fn only_faults_devices_touched_and_the_reserve() {
    let mut all = vec![seen("/a", space(1.0, 9.0, 0.0)), seen("/b", space(1.0, 9.0, 0.0)), seen("/c", space(9.5, 0.5, 0.0))];
    let quiet = style_of("-e -M -f");
    let text = said_as(&all, &quiet);
    assert_eq!(first(&text), "DISK CRITICAL - /dev//c 5.0% free (critical at 10%)");
    assert!(text.contains("'/dev//a free'=9663676416B;;@536870912;0;10737418240 ") && text.ends_with("OK: 2 file systems fine\n"), "{text}");
    all.truncate(1);
    for seen in &mut all {
        seen.chosen.touch = true;
    }
    assert_eq!(said_as(&all, &style()), "DISK OK - /a answers\n");
    for seen in &mut all {
        seen.sight = Sight::Hung;
    }
    assert_eq!(said_as(&all, &quiet), "DISK CRITICAL - /dev//a hangs: no answer in time\n");
}

#[test]
fn a_disk_that_will_be_full_soon_is_said_and_one_that_does_not_grow_is_not() {
    let text = |forecast| {
        let mut seen = seen("/a", space(1.0, 99.0, 0.0));
        seen.forecast = Some(forecast);
        said_as(&[seen], &style())
    };
    assert_eq!(first(&text(Forecast::Hours(5.25))), "DISK CRITICAL - /a is full in 5.2 h (critical at 8: h)");
    assert!(text(Forecast::Hours(5.25)).contains(" '/a full'=18900s;172800:;28800:;0;\n"));
    assert_eq!(first(&text(Forecast::Hours(40.0))), "DISK WARNING - /a is full in 40.0 h (warning at 48: h)");
    assert!(text(Forecast::Hours(100.0)).ends_with("\n/a: is full in 100.0 h\n"));
    assert!(text(Forecast::Hours(f64::INFINITY)).ends_with("\n/a: does not grow\n"));
    assert!(text(Forecast::Learning).ends_with("\n/a: too little seen yet to foretell when it is full\n"));
}
