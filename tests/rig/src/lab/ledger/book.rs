//! The ledger's book-keeping: what was acknowledged, what the survivor has, what is lost. Pure.

use std::collections::BTreeSet;

/// A record that was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Its number.
    pub number: u64,
    /// When it was sent (Unix milliseconds): it was acknowledged later.
    pub sent_ms: u64,
}

/// What has to be in the database.
#[derive(Clone, Debug, Default)]
pub struct Book {
    entries: BTreeSet<Entry>,
    /// Ever acknowledged.
    pub acknowledged: usize,
    /// Acknowledged and lost.
    pub lost: usize,
}

impl Book {
    /// Takes the writer's lines in; a torn one is not acknowledged.
    pub fn note(&mut self, lines: &[String]) {
        let parse = |line: &String| {
            let (number, sent_ms) = line.split_once(' ')?;
            Some(Entry { number: number.parse().ok()?, sent_ms: sent_ms.parse().ok()? })
        };
        let before = self.entries.len();
        self.entries.extend(lines.iter().filter_map(parse));
        self.acknowledged += self.entries.len() - before;
    }

    /// The survivor has these numbers. What is missing is lost once, and named.
    pub fn compare(&mut self, present: &BTreeSet<u64>) -> Vec<Entry> {
        let missing: Vec<Entry> = self.entries.iter().filter(|e| !present.contains(&e.number)).copied().collect();
        self.entries.retain(|e| present.contains(&e.number));
        self.lost += missing.len();
        missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_acknowledged_and_is_missing_is_lost_once() {
        let mut book = Book::default();
        book.note(&["1 100".into(), "2 110".into(), "4 130".into(), "5 1".into(), "6".into()]);
        assert_eq!(book.acknowledged, 4);
        // 3 was never acknowledged and may be there or not.
        assert_eq!(book.compare(&BTreeSet::from([1, 2, 3, 5])), [Entry { number: 4, sent_ms: 130 }]);
        assert_eq!(book.compare(&BTreeSet::from([1, 2, 3, 5])), []);
        assert_eq!((book.acknowledged, book.lost), (4, 1));
    }
}
