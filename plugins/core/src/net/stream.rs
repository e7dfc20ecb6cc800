//! A TCP connection of which every read and write ends at one deadline. What the other side did (refused, mute, broken) is an
//! `io::Error` and a fact about it; a fault of this node is [`Blind`].

use super::socket::{Timer, blind, failed, nobody};
use super::tcp::connected;
use crate::Blind;
use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with};
use std::io::{Error, ErrorKind, Read, Result as IoResult, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

/// The connection.
#[derive(Debug)]
pub struct Stream {
    socket: TcpStream,
    timer: Timer,
}

impl Stream {
    /// Connects to the first of `targets` that accepts, from `source` where one is given. All of them together, and everything
    /// that follows on the connection, share `timeout`.
    ///
    /// # Errors
    /// [`Blind::Net`]: this node can't use `source`, has no socket left, or filters its own packets.
    pub fn open(targets: &[SocketAddr], source: Option<IpAddr>, timeout: Duration) -> Result<IoResult<Self>, Blind> {
        let timer = Timer::new(timeout);
        let mut last = Error::from(ErrorKind::AddrNotAvailable);
        for target in targets {
            match connect(*target, source, timer)? {
                Ok(stream) => return Ok(Ok(stream)),
                Err(e) => last = e,
            }
        }
        Ok(Err(last))
    }

    /// Our own end.
    ///
    /// # Errors
    /// The connection has broken.
    pub fn local(&self) -> IoResult<SocketAddr> {
        self.socket.local_addr()
    }

    /// The other end.
    ///
    /// # Errors
    /// The connection has broken.
    pub fn remote(&self) -> IoResult<SocketAddr> {
        self.socket.peer_addr()
    }

    /// Time since the connection was asked for.
    pub fn passed(&self) -> Duration {
        self.timer.passed()
    }

    fn wait(&self, flags: PollFlags) -> IoResult<()> {
        if self.timer.ready(&self.socket, flags)? { Ok(()) } else { Err(ErrorKind::TimedOut.into()) }
    }
}

fn connect(target: SocketAddr, source: Option<IpAddr>, timer: Timer) -> Result<IoResult<Stream>, Blind> {
    let name = target.to_string();
    let family = if target.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::STREAM, flags, None).map_err(|e| failed(&name, "no socket", e))?;
    if let Some(source) = source {
        bind(&socket, &SocketAddr::new(source, 0)).map_err(|e| foreign(&name, source, e))?;
    }
    Ok(match connected(&socket, target, timer) {
        Ok(true) => Ok(Stream { socket: TcpStream::from(socket), timer }),
        Ok(false) => Err(ErrorKind::TimedOut.into()),
        Err(e) if nobody(e) => Err(e.into()),
        Err(e) => return Err(failed(&name, "no connection", e)),
    })
}

/// `source` can't be used for `target`.
pub(super) fn foreign(target: &str, source: IpAddr, error: Errno) -> Blind {
    blind(target, &format!("{source} is no address of this node that leads there: {}", Error::from(error)))
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        loop {
            // Asked before each read: a server that drips bytes must not live on beyond the deadline.
            self.wait(PollFlags::IN)?;
            if self.timer.left().is_zero() {
                return Err(ErrorKind::TimedOut.into());
            }
            match self.socket.read(buffer) {
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                result => return result,
            }
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> IoResult<usize> {
        loop {
            match self.socket.write(bytes) {
                Err(e) if e.kind() == ErrorKind::WouldBlock => self.wait(PollFlags::OUT)?,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    fn flush(&mut self) -> IoResult<()> {
        Ok(())
    }
}

/// What a failed exchange says about the other side, as an administrator reads it.
pub fn words(error: &Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => "connection refused: nothing listens there".into(),
        ErrorKind::TimedOut => "no answer in time".into(),
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted => "it broke the connection".into(),
        ErrorKind::UnexpectedEof => "it closed the connection".into(),
        _ if error.raw_os_error().is_some_and(|code| nobody(Errno::from_raw_os_error(code))) => format!("not reachable: {error}"),
        _ => error.to_string(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;
    use std::net::TcpListener;

    const TIME: Duration = Duration::from_secs(10);

    #[test]
    fn the_first_address_that_accepts_is_used() {
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = server.local_addr().unwrap();
        let mut stream = Stream::open(&[closed, open], Some("127.0.0.1".parse().unwrap()), TIME).unwrap().unwrap();
        assert_eq!(stream.remote().unwrap(), open);
        let mut other = server.accept().unwrap().0;
        stream.write_all(b"ping").unwrap();
        let mut four = [0; 4];
        other.read_exact(&mut four).unwrap();
        other.write_all(&four).unwrap();
        stream.read_exact(&mut four).unwrap();
        assert_eq!(&four, b"ping");
        let refused = Stream::open(&[closed], None, TIME).unwrap().unwrap_err();
        assert_eq!(words(&refused), "connection refused: nothing listens there");
    }

    #[test]
    fn a_mute_server_ends_at_the_deadline_and_so_does_one_that_drips() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut mute = Stream::open(&[server.local_addr().unwrap()], None, Duration::from_millis(50)).unwrap().unwrap();
        assert_eq!(words(&mute.read(&mut [0; 8]).unwrap_err()), "no answer in time");
        let mut dripping = Stream::open(&[server.local_addr().unwrap()], None, Duration::from_millis(200)).unwrap().unwrap();
        std::thread::spawn(move || {
            let _first = server.accept();
            let mut second = server.accept().unwrap().0;
            while second.write_all(b"x").is_ok() {}
        });
        let mut buffer = [0; 16];
        let error = loop {
            match dripping.read(&mut buffer) {
                Ok(length) => assert!(length > 0 && dripping.passed() < TIME),
                Err(e) => break e,
            }
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn a_foreign_source_is_a_fault_of_this_node() {
        let error = Stream::open(&["127.0.0.1:9".parse().unwrap()], Some("192.0.2.77".parse().unwrap()), TIME).unwrap_err().to_string();
        assert!(error.starts_with("reach 127.0.0.1:9: 192.0.2.77 is no address of this node"), "{error}");
    }
}
