//! Random faults of the relay with `kill -9` in between. Nothing is lost; a mail comes twice only where the relay's last word did
//! not get through or was not written down any more, and then with the same Message-ID. `TWINGUARD_FAULT_RUNS` and
//! `TWINGUARD_SEED` choose how many runs and which; `tests/run notify-faults` does a thousand.

use crate::desk::{Desk, finish};
use rig::smtp::Received;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{Duration, Instant};

/// xorshift64*: small, seeded, the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % sides
    }

    fn one_of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[usize::try_from(self.roll(choices.len() as u64)).unwrap()]
    }
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

/// What the relay does in one run.
fn fault(dice: &mut Dice) -> Value {
    const STAGES: &[&str] = &["banner", "ehlo", "starttls", "mail", "rcpt", "data", "message"];
    match dice.roll(20) {
        0..6 => json!({}),
        6..9 => json!({"close": dice.one_of(STAGES)}),
        9 => json!({"hang": dice.one_of(STAGES)}),
        10 => json!({"hang": "reply"}),
        11..14 => json!({"lose_reply": true}),
        14 => json!({"mail": "451 4.3.0 not now"}),
        15 => json!({"data": "452 4.3.1 disk full"}),
        16 => json!({"rcpt": {"admin@example.org": "450 4.7.1 greylisted"}}),
        17 => json!({"rcpt": {"admin@example.org": "550 5.1.1 no such mailbox"}}),
        18 => json!({"no_starttls": true}),
        _ => json!({"data": "554 5.7.1 looks like spam"}),
    }
}

/// Tells of something new that its token names. Whether it was promised; a handler that was killed promised nothing.
fn tell(desk: &Desk, dice: &mut Dice, token: &str) -> bool {
    if dice.roll(2) == 0 {
        desk.event(token, |e| {
            e["incident"] = token.into();
            e["summary"] = format!("{token} happened").into();
        });
        return true;
    }
    let mut child = desk.command(&["-t", "PROBLEM", "-l", token, "-s", "DOWN", "-o", "no answer"]).spawn().unwrap();
    if dice.roll(4) == 0 {
        // No event: the kill is to come at any moment of the call.
        std::thread::sleep(Duration::from_micros(dice.roll(6000)));
        let _ = child.kill();
    }
    finish(child).code == Some(0)
}

/// The tokens that a text names.
fn tokens(text: &str) -> BTreeSet<String> {
    text.match_indices("tok-").filter_map(|(at, _)| text.get(at..at + 10)).map(str::to_owned).collect()
}

#[test]
fn random_faults_and_kills_lose_nothing_and_double_only_what_was_not_acknowledged() {
    let runs = setting("TWINGUARD_FAULT_RUNS").unwrap_or(60);
    let clock = || u64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() >> 10).unwrap();
    let seed = setting("TWINGUARD_SEED").unwrap_or_else(clock);
    eprintln!("{runs} runs with TWINGUARD_SEED={seed}");
    let mut dice = Dice(seed | 1);
    let desk = Desk::new();
    let (mut promised, mut perhaps, mut killed) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let (mut late, mut forgotten) = (BTreeSet::new(), 0);
    for run in 0..runs {
        let mut mode = fault(&mut dice);
        mode["run"] = run.into();
        // Some faults come in the middle of a session.
        mode["after"] = (u64::try_from(desk.sink.kept()).unwrap() + dice.roll(3)).into();
        for _ in 0..=dice.roll(3) {
            let token = format!("tok-{:06}", promised.len() + perhaps.len());
            let kept = tell(&desk, &mut dice, &token);
            if kept {
                promised.insert(token)
            } else {
                perhaps.insert(token)
            };
        }
        desk.sink.behave(&mode);
        let mut child = desk.command(&["--deliver", "--flush", "--timeout", "1"]).spawn().unwrap();
        if dice.roll(2) == 0 {
            // No event: the kill is to come at any moment of the run.
            std::thread::sleep(Duration::from_millis(dice.roll(160)));
            if child.try_wait().unwrap().is_none() {
                killed.insert(run);
            }
            let _ = child.kill();
        }
        let done = finish(child);
        // The reply came when nobody waited for it any more.
        let given_up = done.stderr.lines().filter(|line| line.contains("stopped at: the message"));
        late.extend(given_up.filter_map(|line| Some((run, line.split(' ').nth(1)?.to_owned()))));
        assert!(killed.contains(&run) || done.code == Some(0), "seed {seed}, run {run}, {mode}: {done:?}");
        // What the relay still holds of this run is done with before the next. It forgets to close what was cut in the middle of a
        // TLS handshake; nothing can come from there any more.
        let end = Instant::now() + Duration::from_secs(1);
        while desk.sink.open() > forgotten && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(2));
        }
        forgotten = desk.sink.open();
    }
    desk.sink.behave(&json!({"run": runs}));
    desk.deliver();
    judge(&desk, seed, (&promised, &perhaps), &killed, &late);
}

/// `late`: runs with the ids of the mails for which they gave up waiting for the last reply.
fn judge(
    desk: &Desk,
    seed: u64,
    (promised, perhaps): (&BTreeSet<String>, &BTreeSet<String>),
    killed: &BTreeSet<u64>,
    late: &BTreeSet<(u64, String)>,
) {
    let mails = desk.sink.mails();
    let mut received: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (place, mail) in mails.iter().enumerate() {
        assert_eq!(mail.defects, [""; 0], "seed {seed}");
        for token in tokens(mail.text()) {
            received.entry(token).or_default().push(place);
        }
    }
    let failed = desk.path("spool/failed");
    let refused: BTreeSet<String> = desk.files("failed").iter().flat_map(|name| tokens(&fs::read_to_string(failed.join(name)).unwrap())).collect();
    let known: BTreeSet<String> = received.keys().chain(&refused).cloned().collect();
    let lost: Vec<&String> = promised.difference(&known).collect();
    assert!(lost.is_empty(), "seed {seed}: lost {lost:?}");
    let invented: Vec<&String> = known.iter().filter(|t| !promised.contains(*t) && !perhaps.contains(*t)).collect();
    assert!(invented.is_empty(), "seed {seed}: nobody told of {invented:?}");
    let mut doubles = 0;
    for (token, places) in &received {
        // Each but the last has to have its excuse: the reply was not read, or its reader was killed before it could write that down.
        for place in &places[..places.len() - 1] {
            let mail = &mails[*place];
            let last_of_its_run = mails[place + 1..].iter().all(|later| later.run != mail.run);
            let id = mail.header("Message-ID").trim_matches(['<', '>']).split('@').next().unwrap();
            let excused = !mail.known || (killed.contains(&mail.run) && last_of_its_run) || late.contains(&(mail.run, id.to_owned()));
            assert!(excused, "seed {seed}: {token} came twice although run {} knew", mail.run);
            doubles += 1;
        }
        let ids: BTreeSet<&str> = places.iter().map(|place| mails[*place].header("Message-ID")).collect();
        assert_eq!(ids.len(), 1, "seed {seed}: {token} has several Message-IDs: {ids:?}");
    }
    assert_eq!(desk.files("queue"), [""; 0], "seed {seed}");
    assert!(desk.files("incoming").iter().all(|name| name.starts_with('.')), "seed {seed}: {:?}", desk.files("incoming"));
    let lost_replies = mails.iter().filter(|m: &&Received| m.lost).count();
    eprintln!(
        "{} told, {} received, {} refused for good, {} runs killed, {lost_replies} replies lost, {doubles} doubles, all with their excuse; 0 lost",
        promised.len() + perhaps.len(),
        received.len(),
        refused.len(),
        killed.len(),
    );
}
