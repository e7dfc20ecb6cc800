//! A time server on loopback that lies in every way a real one can be told to: by offset, by refusing, by staying mute, by
//! garbage, by forging. Also a real chronyd, with any clock.

use crate::daemon::{Daemon, Folder, free_udp, listens_udp};
use std::net::{SocketAddr, UdpSocket};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

/// What the liar does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Lie {
    /// Tells a time that is off by seconds, with a stratum and a root dispersion in seconds.
    Offset(f64, u8, f64),
    /// Says that its clock is not synchronised, as chronyd does: leap 3, stratum 0.
    Unsynchronised,
    /// Kiss-o'-death with this code.
    Kiss(&'static [u8; 4]),
    /// Hears and says nothing.
    Mute,
    /// Answers with something that is no NTP.
    Garbage,
    /// Answers a question that nobody asked, and then tells the time.
    ForgeFirst,
    /// Claims to have held the question for longer than the exchange took.
    Held,
    /// Loses every second question.
    Loses,
}

/// A running liar.
pub struct Liar {
    address: SocketAddr,
    asked: Arc<AtomicU32>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Liar {
    /// Starts on `bind` (`127.0.0.1:0`, `[::1]:0`).
    pub fn start(bind: &str, lie: Lie) -> Self {
        let socket = UdpSocket::bind(bind).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let address = socket.local_addr().unwrap();
        let (asked, over) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, end) = (Arc::clone(&asked), Arc::clone(&over));
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 512];
            while !end.load(Ordering::SeqCst) {
                let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
                let number = count.fetch_add(1, Ordering::SeqCst);
                for answer in answers(lie, &buffer[..length], number) {
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
        Self { address, asked, over, thread: Some(thread) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How often it was asked.
    pub fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn answers(lie: Lie, question: &[u8], number: u32) -> Vec<Vec<u8>> {
    let cookie = &question[40..48];
    let honest = Answer { leap: 0, stratum: 2, reference: [192, 0, 2, 1], dispersion: 0.001, offset: 0.0, held: 0.0 };
    match lie {
        Lie::Offset(offset, stratum, dispersion) => vec![Answer { stratum, dispersion, offset, ..honest }.bytes(cookie)],
        Lie::Unsynchronised => vec![Answer { leap: 3, stratum: 0, reference: [0; 4], ..honest }.bytes(cookie)],
        Lie::Kiss(code) => vec![Answer { leap: 3, stratum: 0, reference: *code, ..honest }.bytes(cookie)],
        Lie::Mute => vec![],
        Lie::Garbage => vec![b"220 mail.example.org ESMTP\r\n".to_vec()],
        Lie::ForgeFirst => vec![Answer { offset: 3600.0, ..honest }.bytes(&[9; 8]), honest.bytes(cookie)],
        Lie::Held => vec![Answer { held: 60.0, ..honest }.bytes(cookie)],
        Lie::Loses if number.is_multiple_of(2) => vec![],
        Lie::Loses => vec![honest.bytes(cookie)],
    }
}

/// The parts of an answer (RFC 5905 section 7.3) that can be lied about.
struct Answer {
    leap: u8,
    stratum: u8,
    reference: [u8; 4],
    dispersion: f64,
    offset: f64,
    held: f64,
}

impl Answer {
    fn bytes(&self, cookie: &[u8]) -> Vec<u8> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let mut packet = vec![self.leap << 6 | 4 << 3 | 4, self.stratum, 6, (-20_i8).cast_unsigned(), 0, 0, 0, 0];
        let dispersion = (Duration::from_secs_f64(self.dispersion).as_micros() * 65_536 / 1_000_000).to_be_bytes();
        packet.extend(&dispersion[12..]);
        packet.extend(self.reference);
        packet.extend(stamp(now, self.offset - 1.0));
        packet.extend(cookie);
        packet.extend(stamp(now, self.offset - self.held));
        packet.extend(stamp(now, self.offset));
        packet
    }
}

/// The NTP timestamp `offset` seconds beside a Unix time.
fn stamp(unix: Duration, offset: f64) -> [u8; 8] {
    let seconds = 2_208_988_800 * 1_000_000_000_i128;
    let moved = i128::try_from(Duration::from_secs_f64(offset.abs()).as_nanos()).unwrap();
    let time = seconds + i128::try_from(unix.as_nanos()).unwrap() + if offset < 0.0 { -moved } else { moved };
    // Seconds beyond the era are cut off, as RFC 5905 section 6 wants it.
    let bytes = ((time << 32) / 1_000_000_000).to_be_bytes();
    let mut stamp = [0; 8];
    stamp.copy_from_slice(&bytes[8..]);
    stamp
}

/// A real chronyd that serves loopback.
pub struct Chronyd {
    daemon: Daemon,
    port: u16,
    command_port: u16,
    _folder: Folder,
}

impl Chronyd {
    /// With a clock of its own (`local stratum 5`), which is wrong by `offset` (`+2.5s`) where one is given.
    pub fn serving(offset: Option<&str>) -> Self {
        Self::start("local stratum 5\n", offset)
    }

    /// Without any source.
    pub fn unsynchronised() -> Self {
        Self::start("", None)
    }

    /// With these sources (`server 127.0.0.2 port 4711 iburst`).
    pub fn following(sources: &str) -> Self {
        Self::start(sources, None)
    }

    fn start(more: &str, offset: Option<&str>) -> Self {
        let folder = Folder::new("chronyd");
        let (port, command_port) = (free_udp(), free_udp());
        let text = format!(
            "port {port}\nbindaddress 127.0.0.1\nallow 127.0.0.0/8\ncmdport {command_port}\nbindcmdaddress 127.0.0.1\npidfile {}\n{more}\n",
            folder.path().join("pid").display()
        );
        let conf = folder.file("chrony.conf", &text, 0o644);
        let mut command = Command::new("/usr/sbin/chronyd");
        // -x: never touches this machine's clock.
        command.args(["-x", "-d", "-U", "-F", "0", "-f"]).arg(conf);
        if let Some(offset) = offset {
            assert!(std::path::Path::new(FAKETIME).exists(), "{FAKETIME} is missing: apt install libfaketime");
            command.env("LD_PRELOAD", FAKETIME).env("FAKETIME", offset).env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        }
        let daemon = Daemon::start(command, &folder, || listens_udp(port) && listens_udp(command_port));
        Self { daemon, port, command_port, _folder: folder }
    }

    /// Where it serves time.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it takes commands.
    pub fn command_port(&self) -> u16 {
        self.command_port
    }

    /// Freezes it: the kernel takes questions, nobody answers.
    pub fn freeze(&self) {
        self.daemon.signal("-STOP");
    }
}
