//! The whole driver over a real socket: a BMC that is ON for ever, whose answers the fuzzer bends on their way.

use crate::Pieces;
use fence::ipmi::{CipherSuite, IpmiSwitch, Login, Privilege};
use fence::power::{Power, PowerSwitch};
use plugin_core::host::System;
use rig::bmc::Mind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

/// Time for one question: a good dialogue on loopback takes a tenth of it.
const LIMIT: Duration = Duration::from_millis(12);

/// The BMC's thread, and where it listens.
struct Bmc {
    address: SocketAddr,
    scripts: Mutex<Sender<Vec<u8>>>,
}

/// One thread for all runs: a new script makes a new BMC.
fn bmc() -> &'static Bmc {
    static BMC: OnceLock<Bmc> = OnceLock::new();
    BMC.get_or_init(|| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let (scripts, inbox) = channel::<Vec<u8>>();
        std::thread::spawn(move || {
            let mut mind = Mind { room: usize::MAX, stuck: true, ..Mind::default() };
            let (mut script, mut at, mut buffer) = (Vec::new(), 0, [0; 2048]);
            loop {
                let Ok((length, console)) = socket.recv_from(&mut buffer) else { continue };
                if let Some(next) = inbox.try_iter().last() {
                    mind.restart();
                    (script, at) = (next, 0);
                }
                let mut pieces = Pieces::new(script.get(at..).unwrap_or_default());
                let answer = mind.answer(&buffer[..length]).unwrap_or_default();
                let (bend, piece) = (pieces.byte(), pieces.next_piece().unwrap_or_default());
                at += 2 + piece.len();
                for datagram in bent(answer, bend, piece) {
                    // The console may be gone.
                    let _ = socket.send_to(&datagram, console);
                }
            }
        });
        Bmc { address, scripts: Mutex::new(scripts) }
    })
}

/// What becomes of one answer.
fn bent(answer: Vec<u8>, bend: u8, piece: &[u8]) -> Vec<Vec<u8>> {
    let mut changed = answer.clone();
    match bend & 7 {
        // Wholly the fuzzer's.
        1 => vec![piece.to_vec()],
        // Some bytes turned.
        2 => {
            for (at, byte) in (usize::from(bend >> 3)..).zip(piece) {
                if let Some(place) = changed.get_mut(at) {
                    *place ^= byte;
                }
            }
            vec![changed]
        }
        // Cut short, or with a tail.
        3 => {
            changed.truncate(piece.len());
            vec![changed]
        }
        4 => vec![[&answer, piece].concat()],
        // Twice, with something in between; or lost.
        5 => vec![answer.clone(), piece.to_vec(), answer],
        6 => Vec::new(),
        // The payload behind a good header.
        7 => {
            changed.truncate(16);
            vec![[&changed, piece].concat()]
        }
        _ => vec![answer],
    }
}

/// Whatever comes: no "off" from a BMC that is on.
pub fn switch(data: &[u8]) {
    let bmc = bmc();
    let mut pieces = Pieces::new(data);
    let first = pieces.byte();
    // Hostile bytes may make a promise of their own here; a lost receiver would only mean that the thread is gone.
    bmc.scripts.lock().unwrap().send(data.get(1..).unwrap_or_default().to_vec()).unwrap();
    let login = Login::new("admin", b"s3cr3t", None, Privilege::Administrator).unwrap();
    let suites = if first & 1 == 0 { CipherSuite::DEFAULT.to_vec() } else { vec![CipherSuite::Sha1] };
    let mut device = IpmiSwitch::new("127.0.0.1", bmc.address.port(), login, suites).within(LIMIT);
    let host = System::new(None);
    assert_ne!(device.status(&host), Ok(Power::Off), "OFF from a BMC that is on");
    if first & 2 != 0 {
        let _ = device.identity(&host);
    }
    if first & 4 != 0 {
        let _ = device.set(&host, Power::Off);
        assert_ne!(device.status(&host), Ok(Power::Off), "OFF from a BMC that is on");
    }
}
