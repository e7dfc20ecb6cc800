//! Each kind of difference, and each reason for which one is none.

use super::super::entry::tests::file;
use super::*;

const GRACE: u32 = 60;

fn list(age: u32, entries: &[Entry]) -> Listing {
    Listing { age, entries: entries.to_vec() }
}

/// The differences in words, how many are in flight, how many are unreadable, and where to descend.
fn seen(here: &Listing, there: &Listing) -> (Vec<String>, u64, u64, Vec<String>) {
    let mut findings = Findings::default();
    let descend = listings(b"/x", here, there, GRACE, &mut findings);
    let words = findings.drift.iter().map(|d| format!("{}: {}", text(&d.path), d.what)).collect();
    (words, findings.in_flight, findings.blind, descend.iter().map(|d| text(d)).collect())
}

fn changed(change: impl FnOnce(&mut Entry)) -> String {
    let mut other = file("a");
    change(&mut other);
    let (words, in_flight, blind, descend) = seen(&list(999, &[file("a")]), &list(999, &[other]));
    assert_eq!((in_flight, blind, descend.len()), (0, 0, 0));
    words.join("; ")
}

#[test]
fn md17_each_difference_is_named() {
    assert_eq!(changed(|_| ()), "");
    assert_eq!(changed(|e| e.content = [1; 16]), "/x/a: content");
    assert_eq!(changed(|e| e.size = 7), "/x/a: content (5 B here, 7 B there)");
    assert_eq!(changed(|e| e.mode = 0o100_600), "/x/a: mode 0644 here, 0600 there");
    assert_eq!(changed(|e| e.uid = 33), "/x/a: owner 0:0 here, 33:0 there");
    assert_eq!(changed(|e| e.gid = 33), "/x/a: owner 0:0 here, 0:33 there");
    assert_eq!(changed(|e| e.xattrs = 1), "/x/a: extended attributes");
    assert_eq!(changed(|e| e.mtime = 1), "/x/a: time");
    assert_eq!(changed(|e| e.kind = Kind::Directory), "/x/a: file here, directory there");
    assert_eq!(
        changed(|e| {
            e.uid = 1;
            e.mode = 0o104_755;
        }),
        "/x/a: mode 0644 here, 4755 there, owner 0:0 here, 1:0 there"
    );
    let link = |target: &str| Entry { kind: Kind::Link, target: target.into(), mode: 0o120_777, ..file("l") };
    assert_eq!(seen(&list(99, &[link("a")]), &list(99, &[link("b\n")])).0, ["/x/l: target a here, b? there"]);
    let special = |mode: u32, number: u64| Entry { kind: Kind::Special, mode, size: number, ..file("s") };
    assert_eq!(seen(&list(99, &[special(0o060_600, 1)]), &list(99, &[special(0o020_600, 1)])).0, ["/x/s: device"]);
}

#[test]
fn what_one_side_lacks_is_named_with_its_side() {
    let (words, ..) = seen(&list(999, &[file("a"), file("c")]), &list(999, &[file("b"), file("c"), file("d")]));
    assert_eq!(words, ["/x/a: file only here", "/x/b: file only on the peer", "/x/d: file only on the peer"]);
}

#[test]
fn what_is_on_its_way_is_no_drift() {
    let young = |e: Entry| Entry { age: 59, ..e };
    let other = || Entry { content: [1; 16], ..file("a") };
    let flies = |here: &Listing, there: &Listing| assert_eq!((seen(here, there).0.len(), seen(here, there).1), (0, 1));
    flies(&list(999, &[young(file("a"))]), &list(999, &[other()]));
    flies(&list(999, &[file("a")]), &list(999, &[young(other())]));
    flies(&list(999, &[Entry { sight: Sight::Moving, ..file("a") }]), &list(999, &[other()]));
    flies(&list(999, &[young(file("a"))]), &list(999, &[]));
    // Deleted on the peer a moment ago: nothing is left there that could be young but the directory.
    flies(&list(999, &[file("a")]), &list(59, &[]));
    flies(&list(59, &[]), &list(999, &[file("a")]));
    assert_eq!(seen(&list(999, &[Entry { age: 60, ..file("a") }]), &list(60, &[])).0, ["/x/a: file only here"]);
}

#[test]
fn what_can_not_be_read_is_blindness_not_equality() {
    let blind = Entry { sight: Sight::Unreadable, content: [0; 16], ..file("a") };
    assert_eq!(seen(&list(99, std::slice::from_ref(&blind)), &list(99, &[file("a")])).2, 1);
    assert_eq!(seen(&list(99, std::slice::from_ref(&blind)), &list(99, std::slice::from_ref(&blind))).2, 1);
}

#[test]
fn only_differing_directories_are_descended_into() {
    let folder = |name: &str, digest: u8| Entry { kind: Kind::Directory, mode: 0o040_755, size: 0, content: [digest; 16], ..file(name) };
    let (words, _, _, descend) = seen(&list(99, &[folder("a", 1), folder("b", 2)]), &list(99, &[folder("a", 1), folder("b", 3)]));
    assert_eq!((words, descend), (vec![], vec!["b".to_owned()]));
}

#[test]
fn names_are_bytes_and_printed_harmlessly() {
    assert_eq!(text(b"a\xffb\x1b\nc"), "a\\xffb??c");
}
