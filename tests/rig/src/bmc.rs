//! BMCs for tests: our own small RMCP+ one (suites 3 and 17) whose temper can be spoilt, a starter for `ipmi_sim`, and a wire
//! that loses, repeats, delays and mangles. Written from the standard, apart from the product's code, so that they share no mistake;
//! `ipmitool` is the judge between them.

mod crypt;
mod frame;
mod handshake;
mod message;
mod proxy;
mod pyghmi;
mod sim;

pub use proxy::{Dice, Passing, Proxy};
pub use pyghmi::{Pyghmi, python};
pub use sim::IpmiSim;

use std::collections::VecDeque;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// An account of the BMC.
#[derive(Clone, Debug)]
pub struct User {
    /// Name.
    pub name: &'static str,
    /// Password.
    pub password: &'static str,
    /// Highest privilege level: 2 user, 3 operator, 4 administrator.
    pub privilege: u8,
}

/// State and temper of a BMC; tests change it while it runs.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fault of its own that a test switches on")]
pub struct Mind {
    /// The power is on.
    pub on: bool,
    /// Accepts commands and does nothing.
    pub stuck: bool,
    /// Time until an accepted off becomes true.
    pub off_delay: Duration,
    /// Answers to the next status questions (`true` = ON), whatever the truth is.
    pub lies: VecDeque<bool>,
    /// Completion code of every chassis control, when not 0.
    pub refuses: u8,
    /// Raw data of every chassis status answer instead of the real one.
    pub status: Option<Vec<u8>>,
    /// Answers nothing at all.
    pub mute: bool,
    /// Cipher suites that it offers.
    pub suites: Vec<u8>,
    /// Refusals of Open Session end after the status.
    pub curt: bool,
    /// Accepts any suite and answers with the algorithms of suite 3.
    pub downgrades: bool,
    /// Accounts.
    pub users: Vec<User>,
    /// Kg.
    pub kg: Option<Vec<u8>>,
    /// System GUID.
    pub guid: [u8; 16],
    /// It has the Get System GUID command.
    pub knows_guid_command: bool,
    /// Sessions that it can hold.
    pub room: usize,
    /// Codes of all chassis controls it was sent.
    pub controls: Vec<u8>,
    /// Status questions answered.
    pub questions: u32,
    /// What only the BMC itself knows.
    pub inside: Inside,
}

/// What only the BMC itself knows.
#[derive(Clone, Debug, Default)]
pub struct Inside {
    sessions: Vec<handshake::Session>,
    off_at: Option<Instant>,
    refused: u32,
}

impl Inside {
    /// Open Session Requests that were turned away.
    pub fn refused(&self) -> u32 {
        self.refused
    }
}

impl Default for Mind {
    fn default() -> Self {
        Mind {
            on: true,
            stuck: false,
            off_delay: Duration::ZERO,
            lies: VecDeque::new(),
            refuses: 0,
            status: None,
            mute: false,
            suites: vec![3, 17],
            curt: false,
            downgrades: false,
            users: vec![
                User { name: "admin", password: "s3cr3t", privilege: 4 },
                User { name: "oper", password: "operpass", privilege: 3 },
                User { name: "ro", password: "ropass", privilege: 2 },
            ],
            kg: None,
            guid: *b"\xa1\x23\x45\x67\x89\xab\xcd\xef\xa1\x23\x45\x67\x89\xab\xcd\xef",
            knows_guid_command: true,
            room: 4,
            controls: Vec::new(),
            questions: 0,
            inside: Inside::default(),
        }
    }
}

impl Mind {
    /// Sessions that are open or being opened.
    pub fn open_sessions(&self) -> usize {
        self.inside.sessions.len()
    }

    /// Forgets every session, as after a restart of the BMC.
    pub fn restart(&mut self) {
        self.inside.sessions.clear();
    }
}

/// A running BMC on a loopback port of its own.
pub struct Bmc {
    address: SocketAddr,
    mind: Arc<Mutex<Mind>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Bmc {
    /// On 127.0.0.1.
    pub fn start(mind: Mind) -> Self {
        Self::start_at("127.0.0.1:0", mind)
    }

    /// On an address of the caller's choice; port 0 = any.
    pub fn start_at(address: &str, mind: Mind) -> Self {
        let socket = UdpSocket::bind(address).expect("a loopback socket");
        // How long a stop is noticed late.
        socket.set_read_timeout(Some(Duration::from_millis(20))).expect("a timeout");
        let address = socket.local_addr().expect("a bound socket");
        let (mind, stop) = (Arc::new(Mutex::new(mind)), Arc::new(AtomicBool::new(false)));
        let (its_mind, its_stop) = (Arc::clone(&mind), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 2048];
            while !its_stop.load(Ordering::Relaxed) {
                let Ok((length, client)) = socket.recv_from(&mut buffer) else { continue };
                let answer = its_mind.lock().expect("an unbroken mind").answer(&buffer[..length]);
                if let Some(answer) = answer {
                    // A client that has left is its own business.
                    let _ = socket.send_to(&answer, client);
                }
            }
        });
        Bmc { address, mind, stop, thread: Some(thread) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A copy of its state, to look at.
    pub fn mind(&self) -> Mind {
        self.mind.lock().expect("an unbroken mind").clone()
    }

    /// Changes its state or temper.
    pub fn change(&self, change: impl FnOnce(&mut Mind)) {
        change(&mut self.mind.lock().expect("an unbroken mind"));
    }
}

impl Drop for Bmc {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic of the server has failed its test already.
            let _ = thread.join();
        }
    }
}

impl Mind {
    /// The whole BMC: one datagram in, at most one out.
    pub fn answer(&mut self, datagram: &[u8]) -> Option<Vec<u8>> {
        if self.mute {
            return None;
        }
        match frame::open(datagram)? {
            frame::Frame::Old { message } => message::answer_outside(message).map(|reply| frame::old(&reply)),
            frame::Frame::Plain { kind, payload } => self.shake(kind, payload).map(|(kind, reply)| frame::plain(kind, &reply)),
            frame::Frame::Sealed { session, sequence, payload, signed, code } => {
                let at = self.inside.sessions.iter().position(|s| s.id == session)?;
                let message = self.inside.sessions[at].unseal(sequence, payload, signed, code)?;
                let reply = self.obey(at, &message)?;
                // A closed session still seals its good-bye.
                let sealed = self.inside.sessions[at].seal(&reply);
                self.inside.sessions.retain(|s| !s.closed);
                Some(sealed)
            }
        }
    }
}
