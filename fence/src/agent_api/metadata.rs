//! The metadata document that Pacemaker reads (schema `metadata.rng` of the fence-agents).

use super::option::key_of;
use super::{Agent, Kind, Opt};
use std::fmt::Write as _;

/// The whole document. The order of the elements is part of the schema.
pub fn render(agent: &Agent) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" ?>\n");
    let _ = writeln!(xml, "<resource-agent name=\"{}\" shortdesc=\"{}\">", agent.name, escaped(agent.shortdesc));
    let _ = writeln!(xml, "<longdesc>{}</longdesc>\n<vendor-url></vendor-url>\n<parameters>", escaped(agent.longdesc));
    for option in agent.all_options() {
        parameter(&mut xml, option, option.name, &obsoletes(option));
        for old in option.old {
            parameter(&mut xml, option, old, " deprecated=\"1\"");
        }
    }
    xml.push_str("</parameters>\n<actions>\n");
    // automatic="0": a power agent must never unfence a node that joins.
    xml.push_str("<action name=\"on\" on_target=\"0\" automatic=\"0\" />\n");
    for action in ["off", "reboot", "status", "monitor", "metadata", "validate-all"] {
        let _ = writeln!(xml, "<action name=\"{action}\" />");
    }
    xml.push_str("</actions>\n</resource-agent>\n");
    xml
}

fn obsoletes(option: &Opt) -> String {
    option.old.first().map_or_else(String::new, |old| format!(" obsoletes=\"{}\"", key_of(old)))
}

fn parameter(xml: &mut String, option: &Opt, name: &str, history: &str) {
    // A deprecated twin is never required: its new name is.
    let required = u8::from(option.required && name == option.name);
    let _ = writeln!(xml, "<parameter name=\"{}\" unique=\"0\" required=\"{required}\"{history}>", key_of(name));
    let short = option.short.map_or_else(String::new, |short| format!("-{short}, "));
    let value = if option.kind == Kind::Boolean { "" } else { "=[value]" };
    let _ = writeln!(xml, "<getopt mixed=\"{short}--{}{value}\" />", option.name);
    let default = option.default.map_or_else(String::new, |default| format!(" default=\"{}\"", escaped(default)));
    let _ = match option.kind {
        Kind::Text => writeln!(xml, "<content type=\"string\"{default} />"),
        Kind::Integer => writeln!(xml, "<content type=\"integer\"{default} />"),
        Kind::Seconds => writeln!(xml, "<content type=\"second\"{default} />"),
        Kind::Boolean => writeln!(xml, "<content type=\"boolean\"{default} />"),
        Kind::Choice(words) => {
            let options = words.iter().fold(String::new(), |all, word| format!("{all}<option value=\"{word}\" />"));
            writeln!(xml, "<content type=\"select\"{default}>{options}</content>")
        }
    };
    let _ = writeln!(xml, "<shortdesc lang=\"en\">{}</shortdesc>\n</parameter>", escaped(option.help));
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    #[test]
    fn text_can_not_break_the_document() {
        assert_eq!(super::escaped("a <b> & \"c\""), "a &lt;b&gt; &amp; &quot;c&quot;");
    }
}
