//! A Redfish service for tests, over TLS and on a port of its own, whose temper can be spoilt. Written from DSP0266 and from what
//! iDRAC, iLO and XCC are known to do, apart from the product's code; sushy-tools' emulator is the independent peer.

mod answer;
mod serve;
mod sushy;

pub use sushy::{OTHER, Sushy};

use crate::smtp::Certs;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

static COUNT: AtomicU32 = AtomicU32::new(0);

/// User of every service.
pub const USER: &str = "admin";
/// Its password.
pub const PASSWORD: &str = "s3cr3t";
/// UUID of the first system.
pub const UUID: &str = "A1234567-89AB-CDEF-A123-456789ABCDEF";

/// What really switches a machine: `None` asks whether it is on, `Some` switches.
pub type Hands = Arc<dyn Fn(Option<bool>) -> bool + Send + Sync>;

/// One machine behind the service.
#[derive(Clone)]
pub struct Computer {
    /// `Id`.
    pub id: &'static str,
    /// `UUID`; empty = the property is missing.
    pub uuid: String,
    /// The power is on.
    pub on: bool,
    /// Switches something else than `on`.
    pub hands: Option<Hands>,
    /// When an off that was accepted comes true.
    pub off_at: Option<Instant>,
}

impl Computer {
    /// A machine that is on.
    pub fn new(id: &'static str, uuid: &str) -> Self {
        Computer { id, uuid: uuid.into(), on: true, hands: None, off_at: None }
    }
}

/// How a reset is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resetting {
    /// 204, and done.
    Obeys,
    /// 204, and nothing happens.
    Forgets,
    /// 202 with a task that goes on for this time; then the power changes, or the task fails.
    Task(Duration, bool),
    /// This status and message, and nothing happens.
    Refuses(u16, &'static str),
    /// The machine goes off by itself just before, so that the service refuses with this status.
    IsOffAlready(u16, &'static str),
    /// No answer at all, but done.
    Silent,
}

/// How it lets somebody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Basic with each request.
    Basic,
    /// Sessions only; so many at a time.
    Sessions(usize),
    /// Nobody: 503.
    Full,
}

/// The reset that the service is at work with; only the service knows it.
#[derive(Clone, Debug, Default)]
pub struct Task(Option<Work>);

#[derive(Clone, Debug)]
struct Work {
    end: Instant,
    place: usize,
    on: bool,
    fails: bool,
}

/// State and temper of the service; tests change it while it runs.
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fault of its own that a test switches on")]
pub struct Mind {
    /// The machines.
    pub systems: Vec<Computer>,
    /// `ResetType@Redfish.AllowableValues`; empty = not said.
    pub allowed: Vec<&'static str>,
    /// The values stand in an `ActionInfo`, not beside the action.
    pub in_action_info: bool,
    /// What the next readings show as `PowerState` (JSON); then the truth.
    pub lies: VecDeque<&'static str>,
    /// Time until an accepted off is true; until then `PoweringOff`.
    pub off_delay: Duration,
    /// How a reset is answered.
    pub resetting: Resetting,
    /// How it lets somebody in.
    pub door: Door,
    /// What every system's answer is, whatever the truth is: status and body.
    pub instead: Option<(u16, Vec<u8>)>,
    /// Pause before each answer.
    pub pause: Duration,
    /// Says nothing after the TLS handshake.
    pub hangs: bool,
    /// Says nothing at all, not even TLS.
    pub mute: bool,
    /// Sends each answer byte by byte, for ever.
    pub drips: bool,
    /// Closes the connection after each answer without saying so.
    pub closes: bool,
    /// Where a request of a system is sent instead.
    pub redirects: Option<String>,
    /// Resets are accepted only with the system's `ETag`.
    pub wants_etag: bool,
    /// The user may read and not switch.
    pub read_only: bool,
    /// Method and path of each request, in order.
    pub requests: Vec<String>,
    /// Each `PowerState` that was shown, as JSON.
    pub shown: Vec<String>,
    /// `Id` and `ResetType` of each reset that was asked for.
    pub resets: Vec<(String, String)>,
    /// Open sessions.
    pub sessions: Vec<u32>,
    /// Sessions that were ever opened.
    pub logins: u32,
    /// The task at work.
    pub task: Task,
}

impl Default for Mind {
    fn default() -> Self {
        Mind {
            systems: vec![Computer::new("1", UUID)],
            allowed: vec!["On", "ForceOff", "GracefulShutdown", "ForceRestart", "Nmi", "PushPowerButton"],
            in_action_info: false,
            lies: VecDeque::new(),
            off_delay: Duration::ZERO,
            resetting: Resetting::Obeys,
            door: Door::Basic,
            instead: None,
            pause: Duration::ZERO,
            hangs: false,
            mute: false,
            drips: false,
            closes: false,
            redirects: None,
            wants_etag: false,
            read_only: false,
            requests: Vec::new(),
            shown: Vec::new(),
            resets: Vec::new(),
            sessions: Vec::new(),
            logins: 0,
            task: Task::default(),
        }
    }
}

impl Mind {
    /// The first machine is on.
    pub fn is_on(&self) -> bool {
        self.systems[0].on
    }
}

/// Which certificate it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// Signed by [`Redfish::ca`], for the service's address.
    Good,
    /// The same, ended eight days ago.
    Expired,
    /// For another name.
    OtherName,
    /// Its own authority.
    SelfSigned,
    /// X.509 version 1 with an RSA key, over TLS 1.2.
    Old,
}

const FILES: [&str; 4] = ["ca.pem", "ca.key", "server.pem", "server.key"];

impl Certificate {
    /// Its [`FILES`], made once for each process: openssl takes its time.
    fn files(self) -> &'static [Vec<u8>] {
        static MADE: [OnceLock<Vec<Vec<u8>>>; 4] = [const { OnceLock::new() }; 4];
        let (place, names) = match self {
            Certificate::Good | Certificate::SelfSigned => (0, &["127.0.0.1", "::1", "localhost"][..]),
            Certificate::Expired => (1, &["127.0.0.1", "::1", "localhost"][..]),
            Certificate::OtherName => (2, &["bmc.example.org", "192.0.2.1"][..]),
            Certificate::Old => (3, &["127.0.0.1"][..]),
        };
        MADE[place].get_or_init(|| {
            let folder = std::env::temp_dir().join(format!("twinguard-redfish-{}-certs-{place}", std::process::id()));
            let make = match self {
                Certificate::Expired => Certs::make_expired,
                Certificate::Old => Certs::make_version_1,
                Certificate::Good | Certificate::OtherName | Certificate::SelfSigned => Certs::make,
            };
            make(&folder, names);
            let files = FILES.map(|name| std::fs::read(folder.join(name)).unwrap()).to_vec();
            std::fs::remove_dir_all(&folder).unwrap();
            files
        })
    }
}

/// A running service.
pub struct Redfish {
    address: SocketAddr,
    mind: Arc<Mutex<Mind>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    folder: PathBuf,
}

impl Redfish {
    /// On 127.0.0.1 with a good certificate.
    pub fn start(mind: Mind) -> Self {
        Redfish::start_at("127.0.0.1:0", mind, Certificate::Good)
    }

    /// On another address, with another certificate.
    pub fn start_at(bind: &str, mind: Mind, certificate: Certificate) -> Self {
        Redfish::with_key(bind, mind, certificate, None)
    }

    /// Somebody who shows the service's certificate and has not its key.
    pub fn thief(mind: Mind, certificate: Certificate) -> Self {
        Redfish::with_key("127.0.0.1:0", mind, certificate, Some(Certificate::Expired))
    }

    fn with_key(bind: &str, mind: Mind, certificate: Certificate, key: Option<Certificate>) -> Self {
        let folder = std::env::temp_dir().join(format!("twinguard-redfish-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
        std::fs::create_dir_all(&folder).unwrap();
        for (name, content) in FILES.iter().zip(certificate.files()) {
            std::fs::write(folder.join(name), content).unwrap();
        }
        let mut shown =
            if certificate == Certificate::SelfSigned { ["ca.pem", "ca.key"] } else { ["server.pem", "server.key"] }.map(|f| folder.join(f));
        if let Some(other) = key {
            shown[1] = folder.join("other.key");
            std::fs::write(&shown[1], &other.files()[3]).unwrap();
        }
        let (mind, stop) = (Arc::new(Mutex::new(mind)), Arc::new(AtomicBool::new(false)));
        let (address, thread) = serve::start(bind, (&shown[0], &shown[1]), certificate == Certificate::Old, &mind, &stop);
        Redfish { address, mind, stop, thread: Some(thread), folder }
    }

    /// With a certificate that is there already, until the process ends.
    ///
    /// # Errors
    /// It ended.
    pub fn serve(bind: &str, mind: Mind, certificate: &Path, key: &Path) -> Result<(), String> {
        let (_, thread) = serve::start(bind, (certificate, key), false, &Arc::new(Mutex::new(mind)), &Arc::default());
        thread.join().map_err(|_| format!("the Redfish service at {bind} has ended"))
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its state and temper.
    pub fn mind(&self) -> MutexGuard<'_, Mind> {
        self.mind.lock().unwrap()
    }

    /// The authority of its certificate (PEM).
    pub fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }
}

impl Drop for Redfish {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes the listener.
        let _ = std::net::TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
