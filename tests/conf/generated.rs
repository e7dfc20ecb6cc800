//! What is generated from the Icinga 2 files is up to date, and says the same.

use crate::top;
use serde_json::Value;
use std::collections::BTreeSet;

#[test]
fn the_committed_files_are_what_the_generator_makes() {
    let made = rig::conf::generate(&top()).unwrap_or_else(|why| panic!("the Icinga 2 files can't be carried over: {why}"));
    assert_eq!(made.len(), 6);
    for (path, text) in made {
        let committed = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}: run tests/run generate", path.display()));
        assert!(committed == text, "{} is not what the Icinga 2 files make: run tests/run generate", path.display());
    }
}

fn basket() -> Value {
    let made = rig::conf::generate(&top()).unwrap();
    serde_json::from_str(&made.iter().find(|(path, _)| path.ends_with("director/twinguard-basket.json")).unwrap().1).unwrap()
}

#[test]
fn every_id_of_the_basket_is_unique_and_stays_the_same() {
    let basket = basket();
    let objects: Vec<&Value> = basket.as_object().unwrap().values().flat_map(|class| class.as_object().unwrap().values()).collect();
    let ids: BTreeSet<&str> = objects.iter().map(|o| o["uuid"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), objects.len());
    // Python: uuid.uuid5(uuid.UUID(bytes=b"twinguard-basket"), "Command/twinguard_disk")
    assert_eq!(basket["Command"]["twinguard_disk"]["uuid"], "edf0cbcb-57ad-5d64-8c0d-eaf5f7af7b80");
}

#[test]
fn the_basket_has_each_command_with_a_field_for_each_of_its_variables() {
    let (basket, tree) = (basket(), rig::conf::read(&top()).unwrap());
    let fields = basket["Datafield"].as_object().unwrap();
    for class in ["CheckCommand", "EventCommand", "NotificationCommand"] {
        for command in tree.of(class) {
            let theirs = &basket["Command"][&command.name];
            assert!(theirs["zone"].is_null(), "{}", command.name);
            let known: BTreeSet<&str> =
                theirs["fields"].as_array().unwrap().iter().map(|f| fields[&f["datafield_id"].to_string()]["varname"].as_str().unwrap()).collect();
            for (key, argument) in command.arguments() {
                for part in ["value", "set_if"] {
                    let Some(variable) = argument.entry(part).and_then(rig::conf::Value::text).map(|t| t.trim_matches('$')) else { continue };
                    assert_eq!(theirs["arguments"][key][part], format!("${variable}$"), "{} {key}", command.name);
                    assert!(class != "CheckCommand" || known.contains(variable), "{}: no field for {variable}", command.name);
                }
            }
        }
    }
    let template = &basket["ServiceTemplate"]["twinguard-failover"];
    assert_eq!((&template["volatile"], &template["event_command"]), (&true.into(), &"twinguard_takeover".into()));
    assert_eq!(template["retry_interval"], 1, "the Director refuses parts of a second");
}
