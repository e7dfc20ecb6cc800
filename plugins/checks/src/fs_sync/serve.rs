//! The asked side: speaks on standard input and output, shows the trees that its own command line names, and no others.
//! It reads; there is no message that asks it to write.

use super::wire::{Answer, GREETING, LONGEST, Question, Terms};
use super::{FsSync, Woods};
use plugin_core::{Blind, Host};
use std::io::{Read, Write};

/// Longest question: a batch of directories, or the terms.
const QUESTION: usize = 16 << 20;

fn broken(reason: impl Into<String>) -> Blind {
    Blind::Parse { what: "the asking side".into(), reason: reason.into() }
}

/// Serves one comparison; the number of questions answered.
pub fn serve(args: &FsSync, host: &dyn Host) -> Result<u64, Blind> {
    let (mut input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
    let mut say = |bytes: &[u8]| output.write_all(bytes).and_then(|()| output.flush()).map_err(|e| broken(e.to_string()));
    say(GREETING)?;
    let allowed = args.terms()?;
    let mut woods: Option<Woods> = None;
    let mut questions = 0;
    loop {
        let answer = match question(&mut input)? {
            None | Some(Question::Bye) => return Ok(questions),
            Some(Question::Look(terms)) => {
                if let Some(refusal) = refuse(&allowed, &terms) {
                    Answer::Error(refusal)
                } else {
                    let walked = Woods::walk(args, &terms, host);
                    let trees = walked.trees.clone();
                    woods = Some(walked);
                    Answer::Trees(trees)
                }
            }
            Some(Question::List(places)) => match &woods {
                None => Answer::Error("nothing was walked yet".into()),
                Some(woods) => Answer::Listings(places.iter().map(|place| woods.forest.list(place)).collect()),
            },
        };
        say(&answer.frame())?;
        questions += 1;
    }
}

fn refuse(allowed: &Terms, asked: &Terms) -> Option<String> {
    let foreign = asked.paths.iter().find(|path| !allowed.paths.contains(path))?;
    Some(format!("{} is none of the trees that --serve was started with", super::compare::text(foreign)))
}

/// The next question; `None` at the end of the input.
fn question(input: &mut impl Read) -> Result<Option<Question>, Blind> {
    let mut length = [0; 4];
    let mut filled = 0;
    while filled < length.len() {
        match input.read(length.get_mut(filled..).unwrap_or_default()) {
            Ok(0) if filled == 0 => return Ok(None),
            Ok(0) => return Err(broken("it ended in the middle of a question")),
            Ok(count) => filled += count,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(broken(e.to_string())),
        }
    }
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > QUESTION.min(LONGEST) {
        return Err(broken("its question makes no sense"));
    }
    let mut bytes = vec![0; length];
    input.read_exact(&mut bytes).map_err(|_| broken("it ended in the middle of a question"))?;
    Question::parse(&bytes).map(Some).ok_or_else(|| broken("its question makes no sense"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn questions_come_one_by_one_and_nonsense_is_no_panic() {
        let list = Question::List(vec![(0, b"a".to_vec())]);
        let bytes = [list.frame(), Question::Bye.frame()].concat();
        let mut input = bytes.as_slice();
        assert_eq!(question(&mut input).unwrap(), Some(list));
        assert_eq!(question(&mut input).unwrap(), Some(Question::Bye));
        assert_eq!(question(&mut input).unwrap(), None);
        for wrong in [&b"GET / HTTP/1.1\r\n"[..], b"\0\0", b"\0\0\0\x05ab", b"\0\0\0\x01X", b"\xff\xff\xff\xff"] {
            assert!(question(&mut &*wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn only_named_trees_are_shown() {
        let terms = |paths: &[&str]| Terms { paths: paths.iter().map(|p| p.as_bytes().to_vec()).collect(), ..Terms::default() };
        let allowed = terms(&["/etc", "/srv/mail"]);
        assert_eq!(refuse(&allowed, &terms(&["/srv/mail"])), None);
        for foreign in ["/", "/etc/shadow", "/srv", "/etc/../root"] {
            assert!(refuse(&allowed, &terms(&["/etc", foreign])).unwrap().starts_with(foreign));
        }
    }
}
