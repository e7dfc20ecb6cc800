//! A wire with faults: a UDP relay on loopback that hands every datagram to a judge.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// A datagram on its way.
pub struct Passing<'a> {
    /// From the client to the BMC.
    pub to_bmc: bool,
    /// Counted from 0 in each direction.
    pub number: u64,
    /// Its bytes.
    pub bytes: &'a [u8],
}

type Judge = Box<dyn FnMut(Passing<'_>) -> Vec<(Duration, Vec<u8>)> + Send>;

/// A small seeded generator (xorshift64*): the same seed, the same faults.
#[derive(Clone, Copy, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Any seed but 0.
    pub fn new(seed: u64) -> Self {
        assert_ne!(seed, 0, "xorshift stands still at 0");
        Dice(seed)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % end
    }
}

/// A running relay.
pub struct Proxy {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    threads: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

struct Line {
    judge: Mutex<(Judge, [u64; 2])>,
}

impl Line {
    /// Sends what the judge lets through, now or later.
    fn pass(&self, to_bmc: bool, bytes: &[u8], send: impl Fn(&[u8]) + Send + Sync + 'static) {
        let verdict = {
            let mut guard = self.judge.lock().expect("an unbroken judge");
            let (judge, counts) = &mut *guard;
            let number = counts[usize::from(to_bmc)];
            counts[usize::from(to_bmc)] += 1;
            judge(Passing { to_bmc, number, bytes })
        };
        let send = Arc::new(send);
        for (delay, bytes) in verdict {
            if delay.is_zero() {
                send(&bytes);
            } else {
                let send = Arc::clone(&send);
                std::thread::spawn(move || {
                    std::thread::sleep(delay);
                    send(&bytes);
                });
            }
        }
    }
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a loopback socket");
    socket.set_read_timeout(Some(Duration::from_millis(20))).expect("a timeout");
    socket
}

impl Proxy {
    /// Relays to `target`; `judge` says what becomes of each datagram: nothing, or bytes with their delays.
    pub fn start(target: SocketAddr, judge: impl FnMut(Passing<'_>) -> Vec<(Duration, Vec<u8>)> + Send + 'static) -> Self {
        let front = Arc::new(socket());
        let address = front.local_addr().expect("a bound socket");
        let stop = Arc::new(AtomicBool::new(false));
        let threads = Arc::new(Mutex::new(Vec::new()));
        let line = Arc::new(Line { judge: Mutex::new((Box::new(judge), [0, 0])) });
        let (its_stop, its_threads) = (Arc::clone(&stop), Arc::clone(&threads));
        let thread = std::thread::spawn(move || {
            let mut backs: BTreeMap<SocketAddr, Arc<UdpSocket>> = BTreeMap::new();
            let mut buffer = [0; 2048];
            while !its_stop.load(Ordering::Relaxed) {
                let Ok((length, client)) = front.recv_from(&mut buffer) else { continue };
                let back = Arc::clone(backs.entry(client).or_insert_with(|| {
                    let back = Arc::new(socket());
                    back.connect(target).expect("a loopback peer");
                    let answers = answers(Arc::clone(&line), Arc::clone(&back), Arc::clone(&front), client, Arc::clone(&its_stop));
                    its_threads.lock().expect("a list").push(answers);
                    back
                }));
                line.pass(true, &buffer[..length], move |bytes| {
                    // A BMC that is gone answers nothing, which is what the client shall see.
                    let _ = back.send(bytes);
                });
            }
        });
        threads.lock().expect("a list").push(thread);
        Proxy { address, stop, threads }
    }

    /// Loses `percent` of all datagrams, in both directions.
    pub fn lossy(target: SocketAddr, percent: u64, seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        Self::start(target, move |passing| if dice.below(100) < percent { Vec::new() } else { vec![(Duration::ZERO, passing.bytes.to_vec())] })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// The way back for one client; ends after a while without traffic.
fn answers(line: Arc<Line>, back: Arc<UdpSocket>, front: Arc<UdpSocket>, client: SocketAddr, stop: Arc<AtomicBool>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        while !stop.load(Ordering::Relaxed) {
            let Ok(length) = back.recv(&mut buffer) else { continue };
            let front = Arc::clone(&front);
            line.pass(false, &buffer[..length], move |bytes| {
                // The client may have left.
                let _ = front.send_to(bytes, client);
            });
        }
    })
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(thread) = { self.threads.lock().expect("a list").pop() } {
            // A panic of the relay shows as lost packets.
            let _ = thread.join();
        }
    }
}
