//! Every message survives the wire, and nothing else does.

use super::super::entry::tests::file;
use super::*;

fn questions() -> Vec<Question> {
    let terms = Terms { quick: true, times: false, paths: vec![b"/etc".to_vec(), vec![b'/', 0xff]], excludes: vec![b"*.swp".to_vec()] };
    vec![Question::Look(terms), Question::List(vec![(0, vec![]), (7, b"a/b".to_vec())]), Question::Bye]
}

fn answers() -> Vec<Answer> {
    let trees = Trees { roots: vec![None, Some(file("etc"))], seen: 9, read: 10, unreadable: 1, examples: vec![b"/x: no".to_vec()] };
    let listing = Listing { age: 3, entries: vec![file("a"), file("b")] };
    vec![Answer::Trees(trees), Answer::Listings(vec![None, Some(listing)]), Answer::Error("no".into())]
}

/// The bytes inside a frame whose length is true.
fn inside(frame: &[u8]) -> &[u8] {
    let (length, bytes) = frame.split_at(4);
    assert_eq!(u32::from_be_bytes(length.try_into().unwrap()) as usize, bytes.len());
    bytes
}

#[test]
fn messages_survive() {
    for question in questions() {
        assert_eq!(Question::parse(inside(&question.frame())), Some(question));
    }
    for answer in answers() {
        assert_eq!(Answer::parse(inside(&answer.frame())), Some(answer));
    }
}

#[test]
fn cut_or_mangled_bytes_are_no_message_and_no_panic() {
    let frames = questions().iter().map(Question::frame).chain(answers().iter().map(Answer::frame)).collect::<Vec<_>>();
    for frame in &frames {
        let bytes = inside(frame);
        for cut in 0..bytes.len() {
            assert!(Question::parse(&bytes[..cut]).is_none() && Answer::parse(&bytes[..cut]).is_none(), "cut at {cut}");
        }
        for at in 0..bytes.len() {
            let mut mangled = bytes.to_vec();
            mangled[at] = 0xff;
            // A changed letter of a name is another name; all else must be refused, and lengths must not be believed.
            let _ = (Question::parse(&mangled), Answer::parse(&mangled));
        }
        let longer = [bytes, &[0]].concat();
        assert!(Question::parse(&longer).is_none() && Answer::parse(&longer).is_none(), "something is left over");
    }
    assert_eq!(Question::parse(b"D\xff\xff\xff\xff"), None, "a count that lies");
}
