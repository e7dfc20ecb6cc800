//! Command lines: a service's options as one `$ARG1$`, a handler's whole line with macros. Every word ends up in a shell.

use super::macros::{Known, nagios};
use crate::conf::{Object, Value};
use std::collections::BTreeMap;

/// A part of a value.
enum Part<'a> {
    Plain(&'a str),
    Macro(&'a str),
}

/// Splits at `$…$`; `$$` is a plain dollar sign.
fn parts(text: &str) -> Vec<Part<'_>> {
    let piece = |(at, piece)| {
        if at % 2 == 0 {
            Part::Plain(piece)
        } else if piece.is_empty() {
            Part::Plain("$")
        } else {
            Part::Macro(piece)
        }
    };
    text.split('$').enumerate().map(piece).collect()
}

/// A word that the shell takes as it is, safe in Nagios' own grammar too.
fn quoted(word: &str) -> Result<String, String> {
    if word.contains(['!', ';', '\n']) {
        return Err(format!("{word:?} can't stand in a check_command of Nagios: it ends there at '!' and ';'"));
    }
    let plain = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "_./:=,@%+-".contains(c));
    let safe = if plain { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) };
    Ok(safe.replace('$', "$$"))
}

/// The words of one value; `None` if a macro of it has no value here.
fn values(value: &Value, vars: &BTreeMap<String, Value>) -> Result<Option<Vec<String>>, String> {
    Ok(match value {
        Value::Number(number) => Some(vec![number.to_string()]),
        Value::Bool(yes) => Some(vec![yes.to_string()]),
        Value::List(list) => {
            let each: Option<Vec<Vec<String>>> = list.iter().map(|v| values(v, vars)).collect::<Result<_, _>>()?;
            each.map(|e| e.concat())
        }
        Value::Text(text) => {
            let parts = parts(text);
            if let [Part::Plain(""), Part::Macro(name), Part::Plain("")] = parts.as_slice() {
                return match (vars.get(&format!("vars.{name}")), nagios(name)) {
                    (Some(value), _) => values(value, vars),
                    (None, Some(Known::As(theirs))) => Ok(Some(vec![theirs.to_owned()])),
                    (None, _) => Ok(None),
                };
            }
            let plain = |part: &Part<'_>| if let Part::Plain(text) = part { Some((*text).to_owned()) } else { None };
            Some(vec![parts.iter().map(plain).collect::<Option<String>>().ok_or_else(|| format!("\"{text}\" mixes text and macros"))?])
        }
        other => return Err(format!("{other:?} is no value of an option")),
    })
}

/// The options of a check with the variables of a service.
///
/// # Errors
/// A required option without a value, or a value that Nagios can't carry.
pub fn options(command: &Object, vars: &BTreeMap<String, Value>) -> Result<String, String> {
    let mut words: Vec<String> = Vec::new();
    for (key, argument) in command.arguments() {
        let yes = |key: &str| argument.entry(key) == Some(&Value::Bool(true));
        if let Some(condition) = argument.entry("set_if") {
            let set = values(condition, vars)?.is_some_and(|w| w.iter().any(|w| w == "true" || w == "1"));
            if !set {
                continue;
            }
        }
        let value = if matches!(argument, Value::Dict(_)) { argument.entry("value") } else { Some(argument) };
        let Some(value) = value else {
            words.push(key.to_owned());
            continue;
        };
        match values(value, vars)? {
            None if yes("required") => return Err(format!("{}: {key} is required and has no value", command.name)),
            None => {}
            Some(all) => {
                for (number, word) in all.iter().enumerate() {
                    let repeat = argument.entry("repeat_key") != Some(&Value::Bool(false));
                    if !yes("skip_key") && (number == 0 || repeat) {
                        words.push(key.to_owned());
                    }
                    let macro_of_nagios = word.starts_with('$') && word.ends_with('$') && word.len() > 2;
                    words.push(if macro_of_nagios { format!("'{word}'") } else { quoted(word)? });
                }
            }
        }
    }
    Ok(words.join(" "))
}

/// Arguments with the reason why they are left out.
pub type Left = Vec<(String, &'static str)>;

/// A handler's command line, and the arguments that it goes without, each with the reason.
///
/// # Errors
/// A macro for which Nagios' word is not known.
pub fn line(command: &Object) -> Result<(String, Left), String> {
    let (mut words, mut left) = (Vec::new(), Vec::new());
    for (key, argument) in command.arguments() {
        let value = argument.entry("value").unwrap_or(argument).text().ok_or_else(|| format!("{}: {key} has no text", command.place))?;
        let mut name = value.trim_matches('$');
        // The variables of the command stand between its arguments and Icinga's macros.
        if let Some(inner) = command.own(&format!("vars.{name}")).and_then(Value::text) {
            name = inner.trim_matches('$');
        }
        match nagios(name) {
            Some(Known::As(theirs)) => words.push(format!("{key} '{theirs}'")),
            Some(Known::Without(why)) => left.push((key.to_owned(), why)),
            None => return Err(format!("{}: ${name}$ has no word in Nagios yet: add it to the table of macros", command.place)),
        }
    }
    Ok((words.join(" "), left))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn words_reach_the_shell_as_they_are_or_are_refused() {
        assert_eq!(quoted("--path").as_deref(), Ok("--path"));
        assert_eq!(quoted("~:10").as_deref(), Ok("'~:10'"));
        assert_eq!(quoted("it's $5 & more").as_deref(), Ok("'it'\\''s $$5 & more'"));
        assert_eq!(quoted("").as_deref(), Ok("''"));
        for word in ["a!b", "a;b", "a\nb"] {
            assert!(quoted(word).is_err(), "{word:?}");
        }
    }
}
