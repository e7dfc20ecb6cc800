//! A relay between two servers: the cable that a test cuts or freezes while both ends live on.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

/// State of the cable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Wire {
    /// Everything passes.
    Whole,
    /// Connections break, new ones are closed at once.
    Cut,
    /// Nothing passes and nobody is told.
    Frozen,
    /// The relay ends.
    Gone,
}

/// A relay to one server; ends with its value.
pub struct Relay {
    /// Where it listens.
    pub port: u16,
    wire: Arc<AtomicU8>,
}

impl Relay {
    /// Starts one in front of `127.0.0.1:target`.
    ///
    /// # Panics
    /// If there is no free port.
    pub fn start(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let wire = Arc::new(AtomicU8::new(Wire::Whole as u8));
        let state = Arc::clone(&wire);
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                match state.load(Ordering::SeqCst) {
                    gone if gone == Wire::Gone as u8 => return,
                    cut if cut == Wire::Cut as u8 => drop(near),
                    _ => connect(near, target, &state),
                }
            }
        });
        Self { port, wire }
    }

    /// Cuts, freezes or heals the cable.
    pub fn set(&self, wire: Wire) {
        self.wire.store(wire as u8, Ordering::SeqCst);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.set(Wire::Gone);
        // The acceptor sleeps until somebody knocks.
        let _ = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], self.port)));
    }
}

fn connect(near: TcpStream, target: u16, wire: &Arc<AtomicU8>) {
    let Ok(far) = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], target))) else { return };
    for (from, to) in [(near.try_clone().unwrap(), far.try_clone().unwrap()), (far, near)] {
        let wire = Arc::clone(wire);
        std::thread::spawn(move || pump(from, to, &wire));
    }
}

/// Copies in one direction until an end breaks or the cable does. What was read is held back while the cable is frozen, so
/// that nothing passes that was sent after it froze.
fn pump(mut from: TcpStream, mut to: TcpStream, wire: &AtomicU8) {
    from.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
    let mut buffer = [0; 8 << 10];
    let mut held = 0;
    loop {
        match wire.load(Ordering::SeqCst) {
            whole if whole == Wire::Whole as u8 && held > 0 => {
                if to.write_all(&buffer[..held]).is_err() {
                    break;
                }
                held = 0;
            }
            whole if whole == Wire::Whole as u8 => match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => held = n,
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_) => break,
            },
            frozen if frozen == Wire::Frozen as u8 => std::thread::sleep(Duration::from_millis(10)),
            _ => break,
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
