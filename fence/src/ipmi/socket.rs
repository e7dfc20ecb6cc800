//! One UDP socket to one address of a BMC: ask, wait, ask again. Knows nothing of what it carries.

use super::error::LanError;
use plugin_core::Host;
use std::cell::Cell;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

/// Wait for the first answer of all, unless the administrator knows the BMC better.
pub const FIRST_WAIT: Duration = Duration::from_millis(250);
/// A BMC that was quick once is given this many times as long, within the bounds that follow.
const LENIENCY: u32 = 8;
const SHORTEST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// Each repetition waits this much longer.
const GROWTH: f32 = 1.25;
/// RMCP+ over Ethernet stays below this (section 13.3).
const DATAGRAM: usize = 2048;

/// A connected socket: the kernel drops what others send, and tells a closed port at once.
#[derive(Debug)]
pub struct Wire {
    socket: UdpSocket,
    /// Time for the first answer of all.
    first: Duration,
    /// How long the last answer took that came to a first question.
    pace: Cell<Option<Duration>>,
    /// Something was sent a second time.
    repeated: Cell<bool>,
}

/// How often and how patiently to ask.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Datagrams to send at most.
    pub tries: u32,
    /// Stretches the waits.
    pub stretch: f32,
}

impl Patience {
    /// The same with longer waits.
    #[must_use]
    pub fn grown(self) -> Self {
        Patience { stretch: self.stretch * GROWTH, ..self }
    }
}

impl Wire {
    /// Opens a socket of the address's own family; `first` is the time for the first answer, later ones follow the BMC's pace.
    ///
    /// # Errors
    /// [`LanError::Unreachable`], for example without a route.
    pub fn connect(address: SocketAddr, first: Duration) -> Result<Self, LanError> {
        let local = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let fail = |e: std::io::Error| LanError::Unreachable(format!("{address} can't be reached ({e})"));
        let socket = UdpSocket::bind(local).map_err(fail)?;
        socket.connect(address).map_err(fail)?;
        Ok(Wire { socket, first, pace: Cell::new(None), repeated: Cell::new(false) })
    }

    /// Time to wait for the first answer to a question.
    fn wait(&self, patience: Patience) -> Duration {
        let plain = self.pace.get().map_or(self.first, |pace| (pace * LENIENCY).max(SHORTEST_WAIT));
        plain.mul_f32(patience.stretch.clamp(1.0, 100.0)).min(LONGEST_WAIT.max(self.first))
    }

    /// Sends what `make` builds and hands everything that comes back to `read` until that finds the answer.
    /// `Ok(None)`: no answer to any try, or the host's deadline came.
    ///
    /// # Errors
    /// What `make`, `read` or the network says.
    pub fn exchange<T>(
        &self,
        host: &dyn Host,
        patience: Patience,
        mut make: impl FnMut() -> Result<Vec<u8>, LanError>,
        mut read: impl FnMut(&[u8]) -> Result<Option<T>, LanError>,
    ) -> Result<Option<T>, LanError> {
        let mut wait = self.wait(patience);
        for attempt in 0..patience.tries {
            if host.left().is_zero() {
                return Ok(None);
            }
            self.repeated.set(self.repeated.get() || attempt > 0);
            self.socket.send(&make()?).map_err(|e| Self::broken(&e))?;
            let asked = host.now();
            let until = asked.saturating_add(wait.min(host.left()));
            while let Some(datagram) = self.receive(until.saturating_sub(host.now()))? {
                if let Some(answer) = read(&datagram)? {
                    // The answer to a repetition may belong to the first question: it tells nothing about the pace.
                    if attempt == 0 {
                        self.pace.set(Some(host.now().saturating_sub(asked)));
                    }
                    return Ok(Some(answer));
                }
            }
            wait = wait.mul_f32(GROWTH).min(LONGEST_WAIT.max(self.first));
        }
        Ok(None)
    }

    /// Some question was asked more than once, so that the peer may have answered the other one.
    pub const fn has_repeated(&self) -> bool {
        self.repeated.get()
    }

    /// Sends without caring.
    pub fn send_only(&self, datagram: &[u8]) {
        // The peer may be gone; whoever calls this has nothing better to do about it.
        let _ = self.socket.send(datagram);
    }

    /// The next datagram, or `None` if none came in time.
    ///
    /// # Errors
    /// [`LanError::Unreachable`] when the network says so.
    pub fn receive(&self, time: Duration) -> Result<Option<Vec<u8>>, LanError> {
        if time.is_zero() {
            return Ok(None);
        }
        self.socket.set_read_timeout(Some(time)).map_err(|e| Self::broken(&e))?;
        let mut buffer = vec![0; DATAGRAM];
        match self.socket.recv(&mut buffer) {
            Ok(length) => {
                buffer.truncate(length);
                Ok(Some(buffer))
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(None),
            // An interrupted wait counts as a datagram that nobody wants: the caller's clock goes on.
            Err(e) if e.kind() == ErrorKind::Interrupted => Ok(Some(Vec::new())),
            Err(e) => Err(Self::broken(&e)),
        }
    }

    fn broken(error: &std::io::Error) -> LanError {
        LanError::Unreachable(match error.kind() {
            ErrorKind::ConnectionRefused => "the UDP port is closed (connection refused)".into(),
            _ => format!("the network says: {error}"),
        })
    }
}
