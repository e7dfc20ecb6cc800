//! Nagios Core and Naemon objects. Nagios counts in whole seconds, knows no custom variable in a command's default and hands
//! every command line to a shell: intervals are rounded up, options stand in the service's own `check_command`, and each word
//! that is not plain is quoted. It takes every strange exit code for CRITICAL, which would call a failover check's handler: the
//! command lines turn those into UNKNOWN.

mod macros;
mod words;

use super::{Kind, Object, Tree, Value};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use words::{line, options};

const HEAD: &str = "# Made from icinga-conf/icinga2 by \"tests/run generate\": change it there.\n";
/// Behind a check: a binary that is missing (127), can't be started (126) or was killed (128 and more) is UNKNOWN.
const NEVER_STRANGE: &str = "|| (code=$$? && test $$code -le 2 && exit $$code || exit 3)";
/// The condition of the services that every node has.
const EVERY_NODE: &str = "host.vars.twinguard_role == \"node\"";

/// The files by name.
///
/// # Errors
/// What can't be said in Nagios, and where it stands.
pub fn render(tree: &Tree) -> Result<Vec<(&'static str, String)>, String> {
    Ok(vec![("commands.cfg", commands(tree)?), ("templates.cfg", templates(tree)?), ("services.cfg", services(tree)?)])
}

fn define(class: &str, lines: &[(&str, String)]) -> String {
    let body = lines.iter().fold(String::new(), |mut text, (key, value)| {
        let _ = writeln!(text, "    {key:<30}{value}");
        text
    });
    format!("\ndefine {class} {{\n{body}}}\n")
}

fn remark(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("\n# {text}") }
}

fn commands(tree: &Tree) -> Result<String, String> {
    let mut text = format!("{HEAD}# $USER1$ is the folder of the check plugins. A check's options are $ARG1$ of its service's check_command.\n");
    for command in tree.of("CheckCommand") {
        let (_, binary) = command.binary()?;
        text.push_str(&remark(&command.about));
        for (key, argument) in command.arguments() {
            let about = argument.entry("description").and_then(Value::text).unwrap_or_default();
            let value = if argument.entry("value").is_some() { " VALUE" } else { "" };
            let again = if argument.entry("repeat_key").is_some() { " (may be repeated)" } else { "" };
            let _ = write!(text, "\n#   {key}{value}{again}: {about}");
        }
        text.push_str(&define(
            "command",
            &[("command_name", command.name.clone()), ("command_line", format!("$USER1$/{binary} $ARG1$ {NEVER_STRANGE}"))],
        ));
    }
    for class in ["EventCommand", "NotificationCommand"] {
        for command in tree.of(class) {
            let (constant, binary) = command.binary()?;
            let folder = tree.constants.get(constant).and_then(Value::text).ok_or_else(|| format!("{constant} has no default"))?;
            let (words, left) = line(command)?;
            text.push_str(&remark(&command.about));
            for (key, why) in left {
                let _ = write!(text, "\n#   without {key}: {why}");
            }
            text.push_str(&define("command", &[("command_name", command.name.clone()), ("command_line", format!("{folder}/{binary} {words}"))]));
        }
    }
    Ok(text)
}

/// Minutes, as Nagios counts with its own `interval_length` of 60; rounded up to a whole second.
fn minutes(seconds: f64) -> String {
    let whole = seconds.ceil();
    // Nagios cuts the product off to whole seconds, so the quotient has to lie above.
    format!("{}", (whole / 60.0 * 100_000.0).ceil() / 100_000.0)
}

/// The attributes of a service in Nagios' words.
fn attributes(given: &[(String, Value)]) -> Result<Vec<(&'static str, String)>, String> {
    let yes = |yes: bool| if yes { "1" } else { "0" }.to_owned();
    let mut lines = Vec::new();
    for (key, value) in given.iter().filter(|(key, _)| !key.starts_with("vars.")) {
        lines.push(match (key.as_str(), value) {
            ("check_interval", Value::Number(n)) => ("check_interval", minutes(*n)),
            ("retry_interval", Value::Number(n)) => ("retry_interval", minutes(*n)),
            ("max_check_attempts", Value::Number(n)) => ("max_check_attempts", n.to_string()),
            ("volatile", Value::Bool(b)) => ("is_volatile", yes(*b)),
            ("enable_flapping", Value::Bool(b)) => ("flap_detection_enabled", yes(*b)),
            ("event_command", Value::Text(name)) => ("event_handler", name.clone()),
            ("display_name", Value::Text(name)) => ("display_name", name.clone()),
            ("notes", Value::Text(text)) => ("notes", text.clone()),
            ("check_command", _) => continue,
            (key, value) => return Err(format!("{key} = {value:?} can't be said in Nagios")),
        });
    }
    Ok(lines)
}

fn templates(tree: &Tree) -> Result<String, String> {
    let mut text = format!("{HEAD}# Times are minutes: interval_length = 60, as Nagios ships.\n");
    let days = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
    let mut always = vec![("timeperiod_name", "twinguard-always".to_owned()), ("alias", "at any time".to_owned())];
    always.extend(days.map(|day| (day, "00:00-24:00".to_owned())));
    text.push_str(&define("timeperiod", &always));
    text.push_str(&define("hostgroup", &[("hostgroup_name", "twinguard-nodes".into()), ("alias", "This node of the pair".into())]));
    text.push_str(&define("contactgroup", &[("contactgroup_name", "twinguard-admins".into()), ("alias", "Administrators of the pair".into())]));
    text.push_str(&define(
        "contact",
        &[
            ("name", "twinguard-contact".into()),
            ("register", "0".into()),
            ("contactgroups", "twinguard-admins".into()),
            ("host_notification_commands", "twinguard_mail_host".into()),
            ("service_notification_commands", "twinguard_mail_service".into()),
            ("host_notification_options", "d,r,f,s".into()),
            ("service_notification_options", "w,u,c,r,f,s".into()),
            ("host_notification_period", "twinguard-always".into()),
            ("service_notification_period", "twinguard-always".into()),
        ],
    ));
    let again = tree.find("Notification", "twinguard-mail")?.own("interval");
    let Some(Value::Number(again)) = again else { return Err("twinguard-mail has no interval".into()) };
    for template in tree.of("Service").filter(|o| o.kind == Kind::Template) {
        text.push_str(&remark(&template.about));
        let mut lines = vec![("name", template.name.clone()), ("register", "0".into())];
        if !template.imports.is_empty() {
            lines.push(("use", template.imports.join(",")));
        }
        lines.extend(attributes(&template.attributes)?);
        if template.imports.is_empty() {
            let mails = template.own("vars.twinguard_notify") == Some(&Value::Bool(true));
            lines.extend([("check_period", "twinguard-always".into()), ("notification_period", "twinguard-always".into())]);
            lines.extend([("contact_groups", "twinguard-admins".into()), ("notification_interval", minutes(*again))]);
            lines.push(("notifications_enabled", if mails { "1" } else { "0" }.into()));
        }
        text.push_str(&define("service", &lines));
    }
    Ok(text)
}

fn services(tree: &Tree) -> Result<String, String> {
    let mut text = format!("{HEAD}# Services of the hosts of the group twinguard-nodes.\n");
    for service in tree.of("Service").filter(|o| matches!(o.kind, Kind::Apply(_))) {
        text.push_str(&one(tree, service).map_err(|e| format!("{}: {e}", service.place))?);
    }
    Ok(text)
}

fn one(tree: &Tree, service: &Object) -> Result<String, String> {
    let all = tree.resolved(service)?;
    let command = all.get("check_command").and_then(Value::text).ok_or("check_command is missing")?;
    let command = tree.find("CheckCommand", command)?;
    let vars: BTreeMap<String, Value> = tree.resolved(command)?.into_iter().chain(all.clone()).collect();
    let options = options(command, &vars)?;
    let everywhere = service.assign == EVERY_NODE && service.each.is_none();
    let head = if everywhere {
        String::new()
    } else {
        format!("\n# A template: give it to a node by a service of its own. Icinga 2 applies it where {}.", condition(service))
    };
    let mut lines = vec![("use", service.imports.join(","))];
    if everywhere {
        lines.push(("hostgroup_name", "twinguard-nodes".into()));
    } else {
        lines.extend([("name", service.name.clone()), ("register", "0".into())]);
    }
    lines.push(("service_description", service.name.clone()));
    lines.extend(attributes(&service.attributes)?);
    lines.push(("check_command", format!("{}!{options}", command.name)));
    Ok(format!("{}{head}{}", remark(&service.about), define("service", &lines)))
}

fn condition(service: &Object) -> String {
    let each = service.each.as_ref().map(|each| format!("for each {each}; "));
    format!("{}{}", each.unwrap_or_default(), service.assign)
}

#[cfg(test)]
mod tests {
    use super::minutes;

    #[test]
    fn intervals_are_whole_seconds_after_nagios_has_cut_them_off() {
        for (seconds, whole) in [(0.2, 1), (1.0, 1), (2.0, 2), (5.0, 5), (10.0, 10), (30.0, 30), (59.0, 59), (60.0, 60), (7200.0, 7200)] {
            let text = minutes(seconds);
            let minutes: f64 = text.parse().unwrap();
            assert_eq!(format!("{:.0}", (minutes * 60.0).floor()), whole.to_string(), "{seconds} s is {text} minutes");
        }
        assert_eq!((minutes(30.0), minutes(60.0)), ("0.5".to_owned(), "1".to_owned()));
    }
}
