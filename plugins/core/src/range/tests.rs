use super::*;

#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
fn range(text: &str) -> Range {
    text.parse::<Range>().unwrap()
}

/// xorshift64*: the same ranges in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u32) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        u32::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap_or(0) % sides
    }

    fn number(&mut self) -> String {
        let sign = if self.roll(3) == 0 { "-" } else { "" };
        match self.roll(4) {
            0 => format!("{sign}{}", self.roll(1000)),
            1 => format!("{sign}.{}", self.roll(1000)),
            2 => format!("{sign}{}.{:03}", self.roll(100), self.roll(1000)),
            _ => format!("{sign}{}000000", self.roll(u32::MAX)),
        }
    }

    fn range(&mut self) -> String {
        let (a, b) = (self.number(), self.number());
        let form = match self.roll(6) {
            0 => a,
            1 => format!("{a}:"),
            2 => format!("{a}:{b}"),
            3 => "~:".to_owned(),
            4 => format!("~:{a}"),
            _ => format!(":{a}"),
        };
        if self.roll(3) == 0 { format!("@{form}") } else { form }
    }
}

#[test]
fn what_is_printed_reads_back_as_the_same_range() {
    let mut dice = Dice(0x7477_696e);
    let mut accepted = 0;
    for _ in 0..20_000 {
        let text = dice.range();
        if let Ok(first) = text.parse::<Range>() {
            accepted += 1;
            assert_eq!(first.to_string().parse::<Range>().as_ref(), Ok(&first), "{text} → {first}");
            for value in [-1e9, -1.5, 0.0, 0.25, 7.0, 1e9] {
                let again = range(first.as_str());
                assert_eq!(first.alerts(value), again.alerts(value), "{text} with {value}");
            }
        }
    }
    assert!(accepted > 10_000, "the generator makes too few valid ranges: {accepted}");
}

#[test]
fn the_short_form_is_canonical() {
    for (typed, printed) in [
        ("10", "10"),
        ("0:10", "10"),
        (":10", "10"),
        ("@0:10", "@10"),
        ("10:", "10:"),
        ("0:", "0:"),
        ("~:", "~:"),
        ("~:10", "~:10"),
        ("~:-10", "~:-10"),
        ("-10:-5", "-10:-5"),
        ("10.50:20", "10.5:20"),
        (".5", "0.5"),
        ("-.5:.5", "-0.5:0.5"),
        ("-0:10", "10"),
        ("@10:20", "@10:20"),
        ("10:10", "10:10"),
    ] {
        assert_eq!(range(typed).to_string(), printed, "{typed}");
    }
}

#[test]
fn everything_else_is_refused_with_the_offending_text() {
    for wrong in [
        "", ":", "@:", "@", "-10", "-5", "inf", "-inf", "infinity", "nan", "NaN", "~:nan", "inf:", "+5", "+5:", "5:+6", "1e3", "1E3", "1e400",
        "1e-3:", "~", "@~", "5:~", "~5", "~~:", "5.", ".", "-", "-.", "--5:", "5 ", " 5", "5 :6", "5:6:7", "::", "@@5", "5@", "0x10", "1_000", "1,5",
        "10%", "10s", "20:10", "@20:10", "5:-5", "٣", "1\n",
    ] {
        let error = wrong.parse::<Range>().map(|r| r.to_string());
        assert!(error.as_ref().is_err_and(|e| e.contains(wrong)), "{wrong:?} → {error:?}");
    }
    let huge = "9".repeat(400);
    assert!(huge.parse::<Range>().is_err(), "a number beyond f64 is no bound");
}

#[test]
fn the_guideline_examples_alert_as_written_there() {
    for (text, alerts, quiet) in [
        ("10", vec![-0.1, 10.1, 11.0], vec![0.0, 5.0, 10.0]),
        ("10:", vec![9.9, -1.0], vec![10.0, 1e12]),
        ("~:10", vec![10.1], vec![-1e12, 10.0]),
        ("10:20", vec![9.9, 20.1], vec![10.0, 15.0, 20.0]),
        ("@10:20", vec![10.0, 15.0, 20.0], vec![9.9, 20.1]),
        ("~:", vec![], vec![-1e300, 0.0, 1e300]),
    ] {
        for value in alerts {
            assert_eq!(range(text).alerts(value), Some(true), "{text} with {value}");
        }
        for value in quiet {
            assert_eq!(range(text).alerts(value), Some(false), "{text} with {value}");
        }
        assert_eq!(range(text).alerts(f64::NAN), None);
    }
}

#[test]
fn limits_take_the_worst_and_never_call_nan_ok() {
    let limits = Limits { warning: Some(range("80")), critical: Some(range("90")) };
    assert_eq!(limits.judge(80.0).0, State::Ok);
    assert_eq!(limits.judge(80.5), (State::Warning, Some(&range("80"))));
    assert_eq!(limits.judge(95.0), (State::Critical, Some(&range("90"))));
    let only_warning = Limits { warning: Some(range("80")), critical: Some(range("~:")) };
    assert_eq!(only_warning.judge(99.0).0, State::Warning, "a quiet -c does not switch -w off");
    assert_eq!(Limits::default().judge(f64::NAN).0, State::Unknown);
}

#[test]
fn percents_may_carry_their_sign_and_nothing_else_may() {
    assert_eq!(percent("80%"), "80".parse());
    assert_eq!(percent("@10%:20%"), "@10:20".parse());
    assert_eq!(percent("5:"), "5:".parse());
    for wrong in ["%", "80%%", "80 %", "~%:5", "80B"] {
        assert!(percent(wrong).is_err(), "{wrong}");
    }
}
