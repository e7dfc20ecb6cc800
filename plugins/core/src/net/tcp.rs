//! One TCP connect, and what the other side says first.

use super::socket::{Timer, bind_to, failed, nobody};
use crate::Blind;
use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::sockopt::socket_error;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, connect, recv, socket_with};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::Duration;

/// What a TCP connect met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Touch {
    /// Nothing answered.
    Silent,
    /// The port is closed: a living kernel said so.
    Refused,
    /// A connection, and not one byte: a living kernel, nothing known about the application.
    Accepted,
    /// The application spoke: its first bytes, at most 256.
    Banner(String),
}

/// Connects to `target`, over `interface` where one is given, and waits for the server's first bytes if `want_banner`.
///
/// # Errors
/// [`Blind::Net`]: no such interface, or this node's own limits (file handles, packet filter).
pub fn touch(target: SocketAddr, interface: Option<&str>, timeout: Duration, want_banner: bool) -> Result<Touch, Blind> {
    let name = target.to_string();
    let timer = Timer::new(timeout);
    let family = if target.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket =
        socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None).map_err(|e| failed(&name, "no socket", e))?;
    bind_to(&socket, interface, &name)?;
    match connected(&socket, target, timer) {
        Ok(true) if want_banner => Ok(banner(&socket, timer)),
        Ok(true) => Ok(Touch::Accepted),
        Ok(false) => Ok(Touch::Silent),
        Err(Errno::CONNREFUSED | Errno::CONNRESET) => Ok(Touch::Refused),
        Err(e) if nobody(e) => Ok(Touch::Silent),
        Err(e) => Err(failed(&name, "no connection", e)),
    }
}

/// True = connected, false = time is up.
pub(super) fn connected(socket: &OwnedFd, target: SocketAddr, timer: Timer) -> Result<bool, Errno> {
    match connect(socket, &target) {
        Ok(()) => return Ok(true),
        Err(Errno::INPROGRESS | Errno::INTR) => {}
        Err(e) => return Err(e),
    }
    if !timer.ready(socket, PollFlags::OUT)? {
        return Ok(false);
    }
    socket_error(socket)??;
    Ok(true)
}

/// A connection that breaks before its first byte was accepted all the same.
fn banner(socket: &OwnedFd, timer: Timer) -> Touch {
    let mut buffer = [0; 256];
    while matches!(timer.ready(socket, PollFlags::IN), Ok(true)) {
        match recv(socket, &mut buffer, RecvFlags::empty()) {
            Ok((0, _)) => return Touch::Accepted,
            Ok((length, _)) => return Touch::Banner(String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()).into_owned()),
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(_) => return Touch::Accepted,
        }
    }
    Touch::Accepted
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::TcpListener;

    #[test]
    fn the_four_answers_of_a_port() {
        let time = Duration::from_secs(5);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let mut talker = listener.accept().unwrap().0;
            talker.write_all(b"SSH-2.0-x\r\n").unwrap();
            let closer = listener.accept().unwrap().0;
            drop(closer);
            listener
        });
        assert_eq!(touch(address, Some("lo"), time, true), Ok(Touch::Banner("SSH-2.0-x\r\n".into())));
        assert_eq!(touch(address, None, time, true), Ok(Touch::Accepted), "closed without a word");
        let listener = server.join().unwrap();
        assert_eq!(touch(address, None, Duration::from_millis(50), true), Ok(Touch::Accepted), "a full hang above the kernel");
        drop(listener);
        assert_eq!(touch(address, None, time, true), Ok(Touch::Refused));
        assert!(matches!(touch(address, Some("nosuch0"), time, true), Err(Blind::Net { target, .. }) if target == "nosuch0"));
    }
}
