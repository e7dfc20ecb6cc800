//! Asks the peer: both nodes walk at the same time, then only directories that differ cross the wire, level by level.

use super::compare::{Findings, Next, listings, pair, text};
use super::forest::{Forest, join};
use super::wire::{Answer, GREETING, LONGEST, Listing, Place, Question, Terms, Trees};
use plugin_core::Blind;
use plugin_core::host::Conversation;
use plugin_core::run::stage;

/// Directories that are asked for at once.
const BATCH: usize = 500;
/// Directories after which the search ends: so much drift needs no longer list.
const MOST: usize = 20_000;

/// What the comparison showed.
#[derive(Debug, Default)]
pub struct Compared {
    /// What was seen here.
    pub here: Trees,
    /// What was seen there.
    pub there: Trees,
    /// What differs.
    pub findings: Findings,
    /// Paths that are on neither node.
    pub absent: Vec<String>,
    /// There was more to compare than anybody reads.
    pub cut: bool,
    /// Bytes over the wire, both ways.
    pub traffic: u64,
}

/// Sends the terms; the peer begins to walk. One that has ended already is heard out by [`finish`]: its own words are the
/// better reason than a broken pipe.
pub fn begin(talk: &mut Conversation<'_>, terms: &Terms) {
    let _ = talk.send(&Question::Look(terms.clone()).frame());
}

/// Compares what was walked here with what the peer has walked.
pub fn finish(talk: &mut Conversation<'_>, forest: &Forest, here: Trees, grace: u32) -> Result<Compared, Blind> {
    stage("waiting for the peer's walk");
    greet(talk)?;
    let there = match answer(talk)? {
        Answer::Trees(trees) if trees.roots.len() == here.roots.len() => trees,
        other => return Err(odd(talk, other)),
    };
    stage("comparing");
    let mut compared = Compared { here, there, ..Compared::default() };
    let mut places: Vec<Place> = Vec::new();
    for (number, (mine, other)) in (0_u32..).zip(compared.here.roots.iter().zip(&compared.there.roots)) {
        let place = (number, Vec::new());
        if mine.is_none() && other.is_none() {
            compared.absent.push(text(&forest.path(&place)));
        }
        // Nobody knows when the directory above a top changed; the top's own age is enough.
        if pair(&forest.path(&place), mine.as_ref(), other.as_ref(), (u32::MAX, u32::MAX), grace, &mut compared.findings) == Next::Descend {
            places.push(place);
        }
    }
    let mut asked = 0;
    while !places.is_empty() {
        let rest = places.split_off(places.len().min(BATCH));
        asked += places.len();
        compared.cut |= asked > MOST;
        if compared.cut {
            break;
        }
        let batch = std::mem::replace(&mut places, rest);
        for (place, theirs) in batch.iter().zip(ask(talk, &batch)?) {
            // Vanished on either node since the walk: the next run sees what became of it.
            let (Some(theirs), Some(ours)) = (theirs, forest.list(place)) else {
                compared.findings.in_flight += 1;
                continue;
            };
            let below = listings(&forest.path(place), &ours, &theirs, grace, &mut compared.findings);
            places.extend(below.iter().map(|name| (place.0, join(&place.1, name))));
        }
    }
    talk.send(&Question::Bye.frame())?;
    let (sent, received) = talk.traffic();
    compared.traffic = sent + received;
    Ok(compared)
}

/// The first line tells a peer from a shell that complains.
fn greet(talk: &mut Conversation<'_>) -> Result<(), Blind> {
    let first = talk.line(200)?;
    if first == GREETING {
        return Ok(());
    }
    if first.is_empty() {
        return Err(talk.broken("it ended without a word"));
    }
    let said = text(first.strip_suffix(b"\n").unwrap_or(&first));
    Err(talk.broken(&format!("it answers \"{said}\" instead of the protocol's greeting; is it check_fs_sync --serve of this version?")))
}

fn answer(talk: &mut Conversation<'_>) -> Result<Answer, Blind> {
    let length: [u8; 4] = talk.receive(4)?.try_into().map_err(|_| talk.broken("it ended in the middle of an answer"))?;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > LONGEST {
        return Err(talk.broken("its answer makes no sense"));
    }
    let bytes = talk.receive(length)?;
    if bytes.len() < length {
        return Err(talk.broken("it ended in the middle of an answer"));
    }
    Answer::parse(&bytes).ok_or_else(|| talk.broken("its answer makes no sense"))
}

fn odd(talk: &Conversation<'_>, answer: Answer) -> Blind {
    match answer {
        Answer::Error(said) => talk.broken(&format!("the peer refuses: {}", text(said.as_bytes()))),
        _ => talk.broken("its answer does not fit the question"),
    }
}

fn ask(talk: &mut Conversation<'_>, places: &[Place]) -> Result<Vec<Option<Listing>>, Blind> {
    talk.send(&Question::List(places.to_vec()).frame())?;
    match answer(talk)? {
        Answer::Listings(listings) if listings.len() == places.len() => Ok(listings),
        other => Err(odd(talk, other)),
    }
}
