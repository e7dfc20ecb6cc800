//! What the configuration says, apart from how it is written.

use std::collections::BTreeMap;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A string, perhaps with `$macros$`.
    Text(String),
    /// A number; lengths of time in seconds.
    Number(f64),
    /// `true` or `false`.
    Bool(bool),
    /// `[ … ]`.
    List(Vec<Value>),
    /// `{ … }`, in the order of the file.
    Dict(Vec<(String, Value)>),
    /// A name: a state, a type, another object's attribute.
    Name(String),
    /// A constant followed by text: the path of a binary.
    Path(String, String),
}

impl Value {
    /// The text of a string.
    pub fn text(&self) -> Option<&str> {
        if let Value::Text(text) = self { Some(text) } else { None }
    }

    /// The entry of a dictionary.
    pub fn entry(&self, key: &str) -> Option<&Value> {
        if let Value::Dict(entries) = self { entries.iter().find(|(k, _)| k == key).map(|(_, v)| v) } else { None }
    }
}

/// How an object comes into being.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `object`.
    Object,
    /// `template`.
    Template,
    /// `apply … to TARGET`.
    Apply(String),
}

/// One object, template or apply rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// How it comes into being.
    pub kind: Kind,
    /// `CheckCommand`, `Service` …
    pub class: String,
    /// Its name.
    pub name: String,
    /// Templates, in order.
    pub imports: Vec<String>,
    /// Attributes in order; those of `vars` as `vars.x`.
    pub attributes: Vec<(String, Value)>,
    /// The condition of an apply rule, blanks between the words.
    pub assign: String,
    /// It is made once for each entry of a host's variable.
    pub each: Option<String>,
    /// The comment in front of it, one line.
    pub about: String,
    /// Where it stands.
    pub place: String,
}

impl Object {
    /// An attribute of its own.
    pub fn own(&self, key: &str) -> Option<&Value> {
        self.attributes.iter().rev().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    /// The binary of a command: constant and name.
    ///
    /// # Errors
    /// It is no array with a constant in front.
    pub fn binary(&self) -> Result<(&str, &str), String> {
        match self.own("command") {
            Some(Value::List(words)) => match words.as_slice() {
                [Value::Path(constant, name)] => Ok((constant, name.trim_start_matches('/'))),
                _ => Err(format!("{}: command is not [ CONSTANT + \"/name\" ]", self.place)),
            },
            _ => Err(format!("{}: command is not an array", self.place)),
        }
    }

    /// The arguments of a command in the order in which Icinga passes them.
    pub fn arguments(&self) -> Vec<(&str, &Value)> {
        let Some(Value::Dict(entries)) = self.own("arguments") else { return Vec::new() };
        let mut sorted: Vec<(&str, &Value)> = entries.iter().map(|(k, v)| (k.as_str(), v)).collect();
        sorted.sort_by_key(|(key, _)| *key);
        sorted
    }
}

/// The whole configuration.
pub struct Tree {
    /// Every object, in the order of the files.
    pub objects: Vec<Object>,
    /// Constants with the default of `constants.conf`: text, or another constant's name.
    pub constants: BTreeMap<String, Value>,
}

impl Tree {
    /// The objects of one class and kind.
    pub fn of<'a>(&'a self, class: &'a str) -> impl Iterator<Item = &'a Object> {
        self.objects.iter().filter(move |o| o.class == class)
    }

    /// The named template or object.
    ///
    /// # Errors
    /// There is none.
    pub fn find(&self, class: &str, name: &str) -> Result<&Object, String> {
        self.objects.iter().find(|o| o.class == class && o.name == name).ok_or_else(|| format!("there is no {class} \"{name}\""))
    }

    /// Every attribute of `object`, what it imports included; its own win.
    ///
    /// # Errors
    /// An imported template is missing.
    pub fn resolved(&self, object: &Object) -> Result<BTreeMap<String, Value>, String> {
        let mut all = BTreeMap::new();
        for import in &object.imports {
            all.extend(self.resolved(self.find(&object.class, import)?)?);
        }
        all.extend(object.attributes.iter().cloned());
        Ok(all)
    }
}
