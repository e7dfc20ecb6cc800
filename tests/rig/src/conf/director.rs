//! The Icinga Director basket: commands, data fields, service and notification templates. Ids are derived from the names, so
//! that importing it again changes objects and makes no second ones; Director 1.10 can't read ids and gets a basket without.
//! A zone and secrets are never in it. The Director counts in whole seconds: intervals are rounded up.

use super::{Kind, Object, Tree, Value};
use serde_json::{Map, Value as Json, json};
use sha1::{Digest, Sha1};
use std::collections::BTreeMap;

/// The baskets by file name.
///
/// # Errors
/// What can't be said in the Director, and where it stands.
pub fn render(tree: &Tree) -> Result<Vec<(&'static str, String)>, String> {
    let mut basket = basket(tree)?;
    let text = |basket: &Json| serde_json::to_string_pretty(basket).map(|text| text + "\n").map_err(|e| e.to_string());
    let with_ids = text(&basket)?;
    for object in basket.as_object_mut().into_iter().flat_map(Map::values_mut).filter_map(Json::as_object_mut).flat_map(Map::values_mut) {
        object.as_object_mut().and_then(|object| object.remove("uuid"));
    }
    Ok(vec![("twinguard-basket.json", with_ids), ("twinguard-basket-1.10.json", text(&basket)?)])
}

fn basket(tree: &Tree) -> Result<Json, String> {
    let mut fields = Fields(BTreeMap::new());
    let mut commands = Map::new();
    for (class, method) in [("CheckCommand", "PluginCheck"), ("EventCommand", "PluginEvent"), ("NotificationCommand", "PluginNotification")] {
        for command in tree.of(class) {
            commands.insert(command.name.clone(), self::command(tree, command, method, &mut fields)?);
        }
    }
    let mut services = Map::new();
    for object in tree.of("Service") {
        services.insert(object.name.clone(), service(object)?);
    }
    let mut notifications = Map::new();
    for object in tree.of("Notification") {
        notifications.insert(object.name.clone(), notification(object)?);
    }
    let fields: Map<String, Json> = fields.0.into_iter().map(|(id, field)| (id.to_string(), field)).collect();
    Ok(json!({"Datafield": fields, "Command": commands, "ServiceTemplate": services, "NotificationTemplate": notifications}))
}

/// An id that is always the same for the same object (RFC 9562 version 5, the project's own name space).
fn uuid(kind: &str, name: &str) -> String {
    const SPACE: [u8; 16] = *b"twinguard-basket";
    let digest = Sha1::new_with_prefix(SPACE).chain_update(format!("{kind}/{name}")).finalize();
    let mut id: [u8; 16] = digest[..16].try_into().unwrap();
    id[6] = (id[6] & 0x0f) | 0x50;
    id[8] = (id[8] & 0x3f) | 0x80;
    let hex = id.map(|byte| format!("{byte:02x}")).concat();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// Data fields by number. The number only links them to commands within the basket; it comes from the name, so that a new field
/// changes no other line.
struct Fields(BTreeMap<u32, Json>);

impl Fields {
    /// The number of the field for a variable.
    fn id(&mut self, name: &str, about: &str, datatype: &str) -> Result<u32, String> {
        let settings = if datatype == "Boolean" { json!({}) } else { json!({"visibility": "visible"}) };
        let field = json!({
            "varname": name,
            "caption": name.replace('_', " "),
            "description": about,
            "datatype": format!("Icinga\\Module\\Director\\DataType\\DataType{datatype}"),
            "format": null,
            "settings": settings,
            "uuid": uuid("Datafield", name),
        });
        let digest = Sha1::digest(name);
        let id = u32::from_be_bytes([digest[0] & 0x7f, digest[1], digest[2], digest[3]]);
        match self.0.insert(id, field) {
            Some(old) if old["varname"] != name => Err(format!("{name} and {} have the same number: rename one", old["varname"])),
            _ => Ok(id),
        }
    }
}

fn plain(value: &Value) -> Result<Json, String> {
    Ok(match value {
        Value::Text(text) | Value::Name(text) => json!(text),
        Value::Bool(yes) => json!(yes),
        Value::Number(number) if number.fract() == 0.0 => json!(format!("{number:.0}").parse::<i64>().map_err(|e| e.to_string())?),
        Value::Number(number) => json!(number),
        Value::List(list) => Json::Array(list.iter().map(plain).collect::<Result<_, _>>()?),
        Value::Dict(entries) => Json::Object(entries.iter().map(|(k, v)| Ok((k.clone(), plain(v)?))).collect::<Result<_, String>>()?),
        Value::Path(..) => return Err(format!("{value:?} is no plain value")),
    })
}

fn vars(object: &Object) -> Result<Map<String, Json>, String> {
    object.attributes.iter().filter_map(|(k, v)| Some((k.strip_prefix("vars.")?, v))).map(|(k, v)| Ok((k.to_owned(), plain(v)?))).collect()
}

fn command(tree: &Tree, command: &Object, method: &str, fields: &mut Fields) -> Result<Json, String> {
    let (constant, binary) = command.binary()?;
    // A relative name is put behind PluginDir by the Director.
    let path = match tree.constants.get(constant) {
        Some(Value::Text(folder)) => format!("{folder}/{binary}"),
        _ => binary.to_owned(),
    };
    let (mut arguments, mut used) = (Map::new(), Vec::new());
    for (key, argument) in command.arguments() {
        arguments.insert(key.to_owned(), if matches!(argument, Value::Dict(_)) { plain(argument)? } else { json!({"value": plain(argument)?}) });
        let about = argument.entry("description").and_then(Value::text).unwrap_or_default();
        let variable = |key: &str| argument.entry(key).and_then(Value::text).and_then(|t| t.strip_prefix('$')?.strip_suffix('$'));
        let own = |name: &&str| name.starts_with(&command.name);
        if let Some(name) = variable("set_if").filter(own) {
            used.push(fields.id(name, about, "Boolean")?);
        }
        if let Some(name) = variable("value").filter(own) {
            used.push(fields.id(name, about, if argument.entry("repeat_key").is_some() { "Array" } else { "String" })?);
        }
    }
    let used: Vec<Json> = used.into_iter().map(|id| json!({"datafield_id": id, "is_required": "n", "var_filter": null})).collect();
    let Some(Value::Number(timeout)) = command.own("timeout") else { return Err(format!("{}: timeout is missing", command.place)) };
    Ok(json!({
        "object_name": command.name,
        "object_type": "object",
        "methods_execute": method,
        "command": path,
        "arguments": arguments,
        "fields": used,
        "timeout": format!("{timeout:.0}"),
        "vars": vars(command)?,
        "imports": [],
        "is_string": null,
        "disabled": false,
        "zone": null,
        "uuid": uuid("Command", &command.name),
    }))
}

/// Attributes that have the same name and meaning in the Director.
fn attributes(object: &Object, known: &[(&str, &str)]) -> Result<Map<String, Json>, String> {
    let mut map = Map::new();
    for (key, value) in object.attributes.iter().filter(|(key, _)| !key.starts_with("vars.")) {
        match known.iter().find(|(ours, _)| ours == key) {
            Some((_, theirs)) => {
                let whole = if let Value::Number(number) = value { &Value::Number(number.ceil()) } else { value };
                map.insert((*theirs).to_owned(), plain(whole)?)
            }
            // Who gets the mails, and where a rule applies, is decided in the Director.
            None if key == "users" || key == "user_groups" => None,
            None => return Err(format!("{}: {key} can't be said in the Director", object.place)),
        };
    }
    Ok(map)
}

fn service(object: &Object) -> Result<Json, String> {
    let same = [
        "check_command",
        "check_interval",
        "retry_interval",
        "max_check_attempts",
        "volatile",
        "enable_flapping",
        "event_command",
        "display_name",
        "notes",
    ];
    let mut map = attributes(object, &same.map(|key| (key, key)))?;
    map.insert("vars".into(), Json::Object(vars(object)?));
    Ok(template(object, "ServiceTemplate", map))
}

fn notification(object: &Object) -> Result<Json, String> {
    let same = [("command", "command"), ("interval", "notification_interval"), ("states", "states"), ("types", "types")];
    let mut map = attributes(object, &same)?;
    map.insert("vars".into(), Json::Object(vars(object)?));
    if let Kind::Apply(target) = &object.kind {
        map.insert("apply_to".into(), json!(target.to_lowercase()));
    }
    Ok(template(object, "NotificationTemplate", map))
}

fn template(object: &Object, kind: &str, mut map: Map<String, Json>) -> Json {
    map.insert("object_name".into(), json!(object.name));
    map.insert("object_type".into(), json!("template"));
    map.insert("imports".into(), json!(object.imports));
    map.insert("fields".into(), json!([]));
    map.insert("uuid".into(), json!(uuid(kind, &object.name)));
    Json::Object(map)
}
