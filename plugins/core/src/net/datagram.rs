//! A UDP socket that talks to one server: what others send is dropped by the kernel, and a port on which nobody listens is
//! known at once (ICMP). On request it hears everybody, for servers that answer from another address. Faults of this node are
//! [`Blind`].

use super::socket::{Timer, blind, nobody};
use super::stream::foreign;
use crate::Blind;
use rustix::event::PollFlags;
use rustix::io::Errno;
use std::io::{Error, ErrorKind, Result as IoResult};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// The socket.
#[derive(Debug)]
pub struct Datagrams {
    socket: UdpSocket,
}

impl Datagrams {
    /// A socket for `target`, from `source` (0 = any port) where one is given.
    ///
    /// # Errors
    /// [`Blind::Net`]: this node can't use `source`, or has no socket left. `Ok(Err(..))`: no way leads there.
    pub fn open(target: SocketAddr, source: Option<SocketAddr>) -> Result<IoResult<Self>, Blind> {
        let any: SocketAddr = if target.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
        let name = target.to_string();
        let errno = |e: &Error| Errno::from_raw_os_error(e.raw_os_error().unwrap_or(0));
        let socket = UdpSocket::bind(source.unwrap_or(any)).map_err(|e| match source {
            Some(source) => foreign(&name, source.ip(), errno(&e)),
            None => blind(&name, &format!("no UDP socket: {e}")),
        })?;
        socket.set_nonblocking(true).map_err(|e| blind(&name, &format!("no UDP socket: {e}")))?;
        match socket.connect(target) {
            Ok(()) => Ok(Ok(Self { socket })),
            Err(e) if nobody(errno(&e)) => Ok(Err(e)),
            Err(e) => Err(blind(&name, &e.to_string())),
        }
    }

    /// Our own end.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn local(&self) -> IoResult<SocketAddr> {
        self.socket.local_addr()
    }

    /// Sends one datagram.
    ///
    /// # Errors
    /// `ConnectionRefused` if an earlier one met a closed port.
    pub fn send(&self, datagram: &[u8]) -> IoResult<()> {
        self.socket.send(datagram).map(|_| ())
    }

    /// Hears everybody from now on; a closed port is no longer noticed. Gives back where to send to.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn open_up(&self) -> IoResult<SocketAddr> {
        let target = self.socket.peer_addr()?;
        rustix::net::connect_unspec(&self.socket)?;
        Ok(target)
    }

    /// Ends [`Datagrams::open_up`]: only `target` is heard again.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn close_up(&self, target: SocketAddr) -> IoResult<()> {
        self.socket.connect(target)
    }

    /// Sends one datagram after [`Datagrams::open_up`].
    ///
    /// # Errors
    /// What the kernel says.
    pub fn send_to(&self, datagram: &[u8], target: SocketAddr) -> IoResult<()> {
        self.socket.send_to(datagram, target).map(|_| ())
    }

    /// The next datagram's length and sender; `None` = none came in time.
    ///
    /// # Errors
    /// As [`Datagrams::receive`].
    pub fn receive_from(&self, buffer: &mut [u8], timer: Timer) -> IoResult<Option<(usize, SocketAddr)>> {
        while timer.ready(&self.socket, PollFlags::IN)? {
            match self.socket.recv_from(buffer) {
                Ok(heard) => return Ok(Some(heard)),
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(None)
    }

    /// The next datagram's length; `None` = none came in time.
    ///
    /// # Errors
    /// `ConnectionRefused` if the last one sent met a closed port.
    pub fn receive(&self, buffer: &mut [u8], timer: Timer) -> IoResult<Option<usize>> {
        Ok(self.receive_from(buffer, timer)?.map(|(length, _)| length))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn only_the_server_is_heard_and_a_closed_port_is_known_at_once() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap();
        let socket = Datagrams::open(address, None).unwrap().unwrap();
        let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
        stranger.send_to(b"forged", socket.local().unwrap()).unwrap();
        server.send_to(b"answer", socket.local().unwrap()).unwrap();
        let mut buffer = [0; 16];
        let long = Timer::new(Duration::from_secs(10));
        assert_eq!(socket.receive(&mut buffer, long).unwrap(), Some(6));
        assert_eq!(buffer.get(..6).unwrap(), b"answer");
        assert_eq!(socket.receive(&mut buffer, Timer::new(Duration::from_millis(20))).unwrap(), None);
        drop(server);
        socket.send(b"?").unwrap();
        assert_eq!(socket.receive(&mut buffer, long).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    }
}
