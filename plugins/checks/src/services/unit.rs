//! One unit as `systemctl show` prints it. Text to type, nothing judged.

use plugin_core::Blind;
use std::collections::HashMap;
use std::time::Duration;

/// What is asked for (org.freedesktop.systemd1(5)).
pub const PROPERTIES: &str = "Id,LoadState,ActiveState,SubState,Result,Type,NRestarts,ExecMainStatus,UnitFileState,WantedBy,RequiredBy,TriggeredBy,\
RemainAfterExit,ConditionResult,ConditionTimestampMonotonic,StateChangeTimestampMonotonic,NextElapseUSecRealtime,NextElapseUSecMonotonic,MemoryCurrent";

/// One unit. Unknown properties are empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unit {
    /// Its own name, where the one that was asked for is an alias.
    pub id: String,
    /// `loaded`, `not-found`, `masked`, `bad-setting`, `error`.
    pub load: String,
    /// `active`, `inactive`, `failed`, `activating`, …
    pub active: String,
    /// `running`, `exited`, `auto-restart`, `waiting`, …
    pub sub: String,
    /// `success`, `exit-code`, `signal`, `timeout`, …
    pub result: String,
    /// Type of a service (`simple`, `oneshot`, …).
    pub kind: String,
    /// Exit status of the main process.
    pub status: String,
    /// `enabled`, `disabled`, `static`, …
    pub file: String,
    /// Targets that pull it in at boot.
    pub pulled_by: Vec<String>,
    /// Units that start it on demand.
    pub triggers: Vec<String>,
    /// It counts as active after its process has ended.
    pub remains: bool,
    /// Its start conditions held at the last attempt, or it was never started.
    pub condition: bool,
    /// Automatic restarts since it was last started by hand.
    pub restarts: u64,
    /// When its state last changed, since boot.
    pub since: Duration,
    /// A timer that will fire again.
    pub will_fire: bool,
    /// Bytes of its control group.
    pub memory: Option<f64>,
}

impl Unit {
    /// Its kind is told by its name.
    pub fn is_timer(&self) -> bool {
        self.id.rsplit('.').next() == Some("timer")
    }
}

/// Parses the blocks, which empty lines separate.
///
/// # Errors
/// [`Blind::Parse`]: a block without a name or a state.
pub fn parse(text: &str) -> Result<Vec<Unit>, Blind> {
    let wrong = |block: &str| Blind::Parse { what: "systemctl show".into(), reason: format!("no Id or ActiveState in \"{}\"", head(block)) };
    let blocks = text.split("\n\n").filter(|block| !block.trim().is_empty());
    blocks.map(|block| one(block).ok_or_else(|| wrong(block))).collect()
}

fn head(block: &str) -> String {
    block.trim().chars().take(80).collect()
}

fn one(block: &str) -> Option<Unit> {
    let values: HashMap<&str, &str> = block.lines().filter_map(|line| line.split_once('=')).collect();
    let text = |key: &str| values.get(key).copied().unwrap_or_default().to_owned();
    let words = |key: &str| text(key).split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let number = |key: &str| text(key).parse::<u64>().ok();
    let never = |key: &str| matches!(text(key).as_str(), "" | "0" | "infinity" | "n/a");
    let (id, active) = (text("Id"), text("ActiveState"));
    (!id.is_empty() && !active.is_empty()).then(|| Unit {
        id,
        active,
        load: text("LoadState"),
        sub: text("SubState"),
        result: text("Result"),
        kind: text("Type"),
        status: text("ExecMainStatus"),
        file: text("UnitFileState"),
        pulled_by: words("WantedBy").into_iter().chain(words("RequiredBy")).filter(|by| by.ends_with(".target")).collect(),
        triggers: words("TriggeredBy"),
        remains: text("RemainAfterExit") == "yes",
        // "no" is also what a unit says that nobody has tried to start.
        condition: text("ConditionResult") != "no" || number("ConditionTimestampMonotonic").is_none_or(|at| at == 0),
        restarts: number("NRestarts").unwrap_or(0),
        since: Duration::from_micros(number("StateChangeTimestampMonotonic").unwrap_or(0)),
        will_fire: !(never("NextElapseUSecRealtime") && never("NextElapseUSecMonotonic")),
        // Without memory accounting it is "[not set]" or the largest number there is.
        memory: number("MemoryCurrent").filter(|m| *m < u64::MAX / 2).map(|m| m as f64),
    })
}

/// The name with its suffix.
pub fn full_name(name: &str) -> String {
    const KINDS: [&str; 11] = [".service", ".socket", ".target", ".device", ".mount", ".automount", ".swap", ".timer", ".path", ".slice", ".scope"];
    if KINDS.iter().any(|kind| name.ends_with(kind)) { name.to_owned() } else { format!("{name}.service") }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_units() {
        let text = include_str!("../../../../tests/fixtures/services/show-running-absent-timer.txt");
        let [running, absent, timer] = parse(text).unwrap().try_into().unwrap();
        assert_eq!((running.id.as_str(), running.active.as_str(), running.sub.as_str()), ("nginx.service", "active", "running"));
        assert_eq!((running.restarts, running.memory, running.since), (2, Some(4_194_304.0), Duration::from_micros(3_256_912_310)));
        assert_eq!((running.pulled_by, running.file.as_str()), (vec!["multi-user.target".to_owned()], "enabled"));
        assert_eq!((absent.load.as_str(), absent.memory, absent.condition), ("not-found", None, true));
        assert!(timer.will_fire && !running.will_fire);
    }

    #[test]
    fn garbage_is_blindness() {
        for text in ["hello\n", "Id=\nActiveState=active\n", "ActiveState=active\n\nId=x.service\n", "Id=x.service\n"] {
            assert!(parse(text).unwrap_err().to_string().starts_with("understand systemctl show: no Id"), "{text}");
        }
        assert_eq!(parse("\n\n").unwrap(), []);
    }

    #[test]
    fn a_condition_that_failed_is_not_one_that_nobody_tried() {
        let unit = |at: u32| parse(&format!("Id=x.service\nActiveState=inactive\nConditionResult=no\nConditionTimestampMonotonic={at}\n")).unwrap();
        assert_eq!([unit(0), unit(5)].map(|units| units[0].condition), [true, false]);
    }

    #[test]
    fn names_get_their_suffix() {
        assert_eq!(["cron", "a.b", "x.timer", "php8.2-fpm"].map(full_name), ["cron.service", "a.b.service", "x.timer", "php8.2-fpm.service"]);
    }
}
