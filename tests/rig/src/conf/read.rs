//! Text to objects. Understands what the shipped files use; a function, a loop or a condition inside an object is refused with
//! its line, for its meaning could not be carried over.

use super::model::{Kind, Object, Value};
use super::token::{Token, tokens};
use std::collections::BTreeMap;

struct Reader<'a> {
    file: &'a str,
    words: Vec<(usize, Token)>,
    at: usize,
}

/// The objects of one file.
///
/// # Errors
/// `FILE:LINE: ` and what is not understood.
pub fn objects(file: &str, text: &str) -> Result<Vec<Object>, String> {
    let words = tokens(text).map_err(|e| format!("{file}:{e}"))?;
    let mut reader = Reader { file, words, at: 0 };
    let (mut found, mut about, mut ends) = (Vec::new(), String::new(), 0);
    while let Some(word) = reader.next() {
        match word {
            Token::End => ends += 1,
            Token::Comment(text) => (about, ends) = (text, 0),
            Token::Name(kind) => {
                let mut object = reader.object(&kind, std::mem::take(&mut about))?;
                // A comment with a blank line below it is about the file; that of a check's file is about the check.
                if ends > 1 && object.class != "CheckCommand" {
                    object.about.clear();
                }
                found.push(object);
            }
            other => return Err(reader.wrong(&other)),
        }
    }
    Ok(found)
}

/// `const NAME = VALUE`, wherever it stands.
pub fn constants(text: &str) -> BTreeMap<String, Value> {
    let lines = text.lines().filter_map(|line| line.trim().strip_prefix("const ")?.split_once(" = "));
    let value = |text: &str| text.strip_prefix('"').map_or_else(|| Value::Name(text.into()), |t| Value::Text(t.trim_end_matches('"').into()));
    lines.map(|(name, text)| (name.to_owned(), value(text))).collect()
}

impl Reader<'_> {
    fn next(&mut self) -> Option<Token> {
        let word = self.words.get(self.at).map(|(_, word)| word.clone());
        self.at += 1;
        word
    }

    /// The next word that is neither comment nor end of line.
    fn solid(&mut self) -> Result<Token, String> {
        loop {
            match self.next() {
                None => return Err(format!("{}: the file ends within an object", self.file)),
                Some(Token::End | Token::Comment(_)) => {}
                Some(word) => return Ok(word),
            }
        }
    }

    fn place(&self) -> String {
        format!("{}:{}", self.file, self.words.get(self.at.saturating_sub(1)).map_or(0, |w| w.0))
    }

    fn wrong(&self, word: &Token) -> String {
        format!("{}: {word:?} is not understood here; the generated files could not say it", self.place())
    }

    fn sign(&mut self, sign: &'static str) -> Result<(), String> {
        let word = self.solid()?;
        if word == Token::Sign(sign) { Ok(()) } else { Err(self.wrong(&word)) }
    }

    fn name(&mut self) -> Result<String, String> {
        match self.solid()? {
            Token::Name(name) | Token::Text(name) => Ok(name),
            other => Err(self.wrong(&other)),
        }
    }

    fn object(&mut self, kind: &str, about: String) -> Result<Object, String> {
        let place = self.place();
        let class = self.name()?;
        let name = self.name()?;
        let mut kind = match kind {
            "object" => Kind::Object,
            "template" => Kind::Template,
            "apply" => Kind::Apply("Host".into()),
            other => return Err(self.wrong(&Token::Name(other.into()))),
        };
        let mut each = None;
        loop {
            match self.solid()? {
                Token::Sign("{") => break,
                Token::Name(word) if word == "to" => kind = Kind::Apply(self.name()?),
                Token::Name(word) if word == "for" => each = Some(self.line_until_brace()),
                other => return Err(self.wrong(&other)),
            }
        }
        let mut object = Object { kind, class, name, imports: vec![], attributes: vec![], assign: String::new(), each, about, place };
        self.body(&mut object)?;
        Ok(object)
    }

    /// The head of a loop, up to its `{`, which stays.
    fn line_until_brace(&mut self) -> String {
        let mut words = Vec::new();
        while !matches!(self.words.get(self.at), None | Some((_, Token::Sign("{")))) {
            words.extend(self.next().map(|w| spell(&w)));
        }
        words.join(" ")
    }

    fn body(&mut self, object: &mut Object) -> Result<(), String> {
        loop {
            match self.solid()? {
                Token::Sign("}") => return Ok(()),
                Token::Name(word) if word == "import" => object.imports.push(self.name()?),
                Token::Name(word) if word == "ignore" => return Err(self.wrong(&Token::Name(word))),
                Token::Name(word) if word == "assign" => {
                    // Several conditions are alternatives.
                    let mut words = if object.assign.is_empty() { vec![] } else { vec![object.assign.clone(), "||".into()] };
                    while !matches!(self.words.get(self.at), None | Some((_, Token::End))) {
                        words.extend(self.next().map(|w| spell(&w)).filter(|w| w != "where"));
                    }
                    object.assign = words.join(" ");
                }
                Token::Name(key) => {
                    let sign = self.solid()?;
                    if !matches!(sign, Token::Sign("=" | "+=")) {
                        return Err(self.wrong(&sign));
                    }
                    match self.value()? {
                        Value::Dict(entries) if key == "vars" => object.attributes.extend(entries.into_iter().map(|(k, v)| (format!("vars.{k}"), v))),
                        value => object.attributes.push((key, value)),
                    }
                }
                other => return Err(self.wrong(&other)),
            }
        }
    }

    fn value(&mut self) -> Result<Value, String> {
        Ok(match self.solid()? {
            Token::Text(text) => Value::Text(text),
            Token::Number(number) => Value::Number(number),
            Token::Name(word) if word == "true" || word == "false" => Value::Bool(word == "true"),
            Token::Name(word) => {
                if self.words.get(self.at).is_some_and(|w| w.1 == Token::Sign("+")) {
                    self.at += 1;
                    Value::Path(word, self.name()?)
                } else {
                    Value::Name(word)
                }
            }
            Token::Sign("[") => Value::List(self.list()?),
            Token::Sign("{") => Value::Dict(self.dict()?),
            other => return Err(self.wrong(&other)),
        })
    }

    fn list(&mut self) -> Result<Vec<Value>, String> {
        let mut values = Vec::new();
        loop {
            if self.peek() == Some(Token::Sign("]")) {
                self.sign("]")?;
                return Ok(values);
            }
            values.push(self.value()?);
            if self.peek() == Some(Token::Sign(",")) {
                self.sign(",")?;
            }
        }
    }

    fn dict(&mut self) -> Result<Vec<(String, Value)>, String> {
        let mut entries = Vec::new();
        loop {
            match self.solid()? {
                Token::Sign("}") => return Ok(entries),
                Token::Sign(";" | ",") => {}
                Token::Name(key) | Token::Text(key) => {
                    self.sign("=")?;
                    entries.push((key, self.value()?));
                }
                other => return Err(self.wrong(&other)),
            }
        }
    }

    /// The next solid word, which stays.
    fn peek(&self) -> Option<Token> {
        self.words[self.at..].iter().map(|(_, word)| word).find(|w| !matches!(w, Token::End | Token::Comment(_))).cloned()
    }
}

/// A word as it is written.
fn spell(word: &Token) -> String {
    match word {
        Token::Name(name) => name.clone(),
        Token::Text(text) => format!("\"{text}\""),
        Token::Number(number) => number.to_string(),
        Token::Sign(sign) => (*sign).to_owned(),
        Token::End | Token::Comment(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_read_with_what_they_say() {
        let text = "/* About\n * it. */\napply Service \"x\" to Host {\n  import \"y\"\n  check_interval = 0.2s // often\n  vars.list = [ \"a\", 2m ]\n  vars += {\n    b = false\n  }\n  \
                    command = [ Dir + \"/z\" ]\n  assign where host.vars.role == \"node\" && host.vars.u\n}\n";
        let found = objects("f", text).unwrap();
        let [one] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((one.class.as_str(), one.name.as_str(), one.about.as_str()), ("Service", "x", "About it."));
        assert_eq!((one.kind.clone(), one.imports.clone()), (Kind::Apply("Host".into()), vec!["y".to_owned()]));
        assert_eq!(one.own("check_interval"), Some(&Value::Number(0.2)));
        assert_eq!(one.own("vars.list"), Some(&Value::List(vec![Value::Text("a".into()), Value::Number(120.0)])));
        assert_eq!(one.own("vars.b"), Some(&Value::Bool(false)));
        assert_eq!(one.binary(), Ok(("Dir", "z")));
        assert_eq!(one.assign, "host.vars.role == \"node\" && host.vars.u");
    }

    #[test]
    fn what_could_not_be_carried_over_is_refused_with_its_line() {
        for (text, line) in [
            ("object Host \"x\" {\n  if (a) { vars.b = 1 }\n}", "f:2"),
            ("object Host \"x\" {\n  vars.b = {{ return 1 }}\n}", "f:2"),
            ("apply Service \"x\" {\n  ignore where host.name == \"y\"\n}", "f:2"),
            ("object Host \"x\" {\n  vars.b = \"open", "f:2"),
            ("\nconst X = 1", "f:2"),
            ("object Host \"x\" {", "f"),
        ] {
            let said = objects("f", text).map_or_else(|why| why, |found| format!("accepted: {found:?}"));
            assert!(said.starts_with(line), "{text:?}: {said}");
        }
    }

    #[test]
    fn a_comment_with_a_blank_line_below_is_about_the_file() {
        let found = objects("f", "/* File. */\n\nobject User \"a\" {\n}\n\n/* B. */\nobject User \"b\" {\n}\n").unwrap();
        assert_eq!(found.iter().map(|o| o.about.as_str()).collect::<Vec<_>>(), ["", "B."]);
    }
}
