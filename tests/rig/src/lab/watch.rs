//! The observer: what happened and when, from sources that are independent of each other: Icinga's log of state changes, the agents' journals,
//! the BMCs' command log, the client's samples, the mail relay. It only tells; it judges nothing.

use super::follow::Follow;
use super::probe::Sample;
use super::site::Node;
use super::tool::now_ms;
use super::{Lab, icinga};
use serde_json::Value;
use std::time::{Duration, Instant};

/// What kind of moment it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Icinga counts a CRITICAL, not yet HARD.
    Soft,
    /// Icinga is sure.
    Hard,
    /// An agent refuses; its code.
    Refused(String),
    /// An agent opened an attempt.
    Opened,
    /// An agent is about to send, or sent, "off".
    Sent,
    /// A BMC was told "off".
    Told,
    /// A BMC reads OFF.
    Off,
    /// An agent holds the proof.
    Confirmed,
    /// An agent serves.
    Master,
    /// The client is answered, by another node than before.
    Reply,
    /// The client is not answered any more.
    Silence,
    /// A mail arrived.
    Mail,
    /// Anything else that an agent wrote down.
    Note,
}

/// One moment.
#[derive(Clone, Debug)]
pub struct Moment {
    /// Unix time in milliseconds.
    pub at_ms: u64,
    /// The node that it is about or that tells it.
    pub node: Option<Node>,
    /// Its kind.
    pub sign: Sign,
    /// For people.
    pub text: String,
}

/// The observer of one lab.
#[derive(Debug)]
pub struct Watch {
    icinga: Vec<(Node, Follow)>,
    journals: Vec<(Node, Follow)>,
    chassis: Vec<(Node, Follow)>,
    client: Follow,
    served_by: Option<String>,
    answered_ms: u64,
    mails: usize,
    /// Everything seen so far, in the order in which it was seen.
    pub moments: Vec<Moment>,
}

impl Watch {
    /// Starts observing.
    pub fn start(lab: &Lab) -> Self {
        let each = |file: &dyn Fn(Node) -> std::path::PathBuf| Node::BOTH.map(|n| (n, Follow::start(file(n)))).into_iter().collect();
        Self {
            icinga: each(&|n| icinga::changes_file(&lab.site, n)),
            journals: each(&|n| lab.site.upper(n).join("var/lib/twinguard/journal")),
            chassis: each(&|n| lab.site.run.join(format!("{}.chassis", n.name()))),
            client: Follow::start(lab.client_file()),
            served_by: None,
            answered_ms: 0,
            mails: 0,
            moments: Vec::new(),
        }
    }

    /// Looks once; the new moments, earliest first.
    pub fn look(&mut self, lab: &Lab) -> Vec<Moment> {
        let mut new = Vec::new();
        for (node, file) in &mut self.icinga {
            new.extend(file.lines().iter().filter_map(|l| icinga_moment(*node, l)));
        }
        for (node, file) in &mut self.journals {
            new.extend(file.lines().iter().filter_map(|l| journal_moment(*node, l)));
        }
        for (node, file) in &mut self.chassis {
            new.extend(file.lines().iter().filter_map(|l| chassis_moment(*node, l)));
        }
        for sample in self.client.lines().iter().filter_map(|l| Sample::parse(l)) {
            new.extend(self.client_moment(&sample));
        }
        let mails = lab.mails();
        for mail in mails.iter().skip(self.mails) {
            new.push(Moment { at_ms: now_ms(), node: None, sign: Sign::Mail, text: format!("mail received: {}", mail.subject()) });
        }
        self.mails = mails.len();
        new.sort_by_key(|m| m.at_ms);
        self.moments.extend(new.iter().cloned());
        new
    }

    /// Questions overlap, so their answers come in any order: a question that was asked before the last answer came says nothing.
    fn client_moment(&mut self, sample: &Sample) -> Option<Moment> {
        match &sample.answer {
            Ok(name) => {
                self.answered_ms = self.answered_ms.max(sample.end_ms);
                if self.served_by.as_ref() == Some(name) {
                    return None;
                }
                self.served_by = Some(name.clone());
                let (node, text) = (Node::from_name(name), format!("client: the cluster IP answers from {name}"));
                Some(Moment { at_ms: sample.end_ms, node, sign: Sign::Reply, text })
            }
            Err(why) if sample.start_ms > self.answered_ms => {
                self.served_by.take()?;
                Some(Moment { at_ms: sample.start_ms, node: None, sign: Sign::Silence, text: format!("client: no answer any more ({why})") })
            }
            Err(_) => None,
        }
    }

    /// The first moment not before `since` that `wanted` accepts.
    pub fn first(&self, since: u64, wanted: impl Fn(&Moment) -> bool) -> Option<&Moment> {
        self.moments.iter().filter(|m| m.at_ms >= since).find(|m| wanted(m))
    }

    /// Looks until such a moment has come.
    ///
    /// # Errors
    /// It did not come within `bound`.
    pub fn wait(&mut self, lab: &Lab, what: &str, since: u64, bound: Duration, wanted: impl Fn(&Moment) -> bool) -> Result<Moment, String> {
        let end = Instant::now() + bound;
        loop {
            self.look(lab);
            if let Some(found) = self.first(since, &wanted) {
                return Ok(found.clone());
            }
            if Instant::now() > end {
                // A device that is read every half second must not hide the rest.
                let mut told: Vec<&Moment> = self.moments.iter().collect();
                told.dedup_by(|a, b| a.text == b.text);
                let told: Vec<String> = told.iter().map(|m| format!("  {} {:?} {}", m.at_ms, m.sign, m.text)).collect();
                return Err(format!("{what}: not seen within {bound:?}; seen:\n{}", told.join("\n")));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// `[SECONDS] SERVICE ALERT: HOST;SERVICE;STATE;TYPE;ATTEMPT;OUTPUT`. Its seconds are too coarse: the time is that of reading.
fn icinga_moment(node: Node, line: &str) -> Option<Moment> {
    let (_, alert) = line.split_once("] SERVICE ALERT: ")?;
    let fields: Vec<&str> = alert.splitn(6, ';').collect();
    let [_, service, state, kind, _, output] = fields.as_slice() else { return None };
    let sign = match (*service, *state, *kind) {
        ("twinguard-master-alive", "CRITICAL", "HARD") => Sign::Hard,
        ("twinguard-master-alive", "CRITICAL", _) => Sign::Soft,
        _ => Sign::Note,
    };
    Some(Moment { at_ms: now_ms(), node: Some(node), sign, text: format!("{}'s Icinga, {kind}: {output}", node.name()) })
}

fn journal_moment(node: Node, line: &str) -> Option<Moment> {
    let record: Value = serde_json::from_str(line.split_once(' ')?.1).ok()?;
    let at_ms = u64::try_from(record.get("wall_ms")?.as_i64()?).ok()?;
    let kind = record.get("record")?.as_str()?;
    let field = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let sign = match kind {
        "REFUSED" => Sign::Refused(field("code")),
        "OPEN" => Sign::Opened,
        "SENT" => Sign::Sent,
        "OFF_CONFIRMED" => Sign::Confirmed,
        "MASTER" => Sign::Master,
        _ => Sign::Note,
    };
    let details: Vec<String> =
        ["code", "power", "step", "device", "evidence", "text", "why"].iter().map(|n| field(n)).filter(|t| !t.is_empty()).collect();
    Some(Moment { at_ms, node: Some(node), sign, text: format!("{}'s agent: {kind} {}", node.name(), details.join(" ")).trim_end().to_owned() })
}

fn chassis_moment(node: Node, line: &str) -> Option<Moment> {
    let (at, command) = line.split_once(' ')?;
    let sign = match command {
        "set power 0" => Sign::Told,
        "get power: power:0" => Sign::Off,
        _ => return None,
    };
    let text = if sign == Sign::Told { "is told: off" } else { "reads OFF" };
    Some(Moment { at_ms: at.parse().ok()?, node: Some(node), sign, text: format!("{}'s BMC {text}", node.name()) })
}
