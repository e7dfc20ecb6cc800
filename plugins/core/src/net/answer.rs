//! Does the application answer? The two questions behind `verify` of a group: an answer of the service, never a mere connect.

use super::socket::{Timer, blind, nobody};
use crate::Blind;
use rustix::event::PollFlags;
use rustix::io::Errno;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

/// First retransmission of SIP over UDP (RFC 3261 section 17.1.1.1).
const T1: Duration = Duration::from_millis(500);

/// `GET /` by HTTP/1.0: the status code, `None` if no HTTP answer came within `timeout`.
///
/// # Errors
/// [`Blind::Net`] for faults of this node (no socket left).
pub fn http_get(address: SocketAddr, timeout: Duration) -> Result<Option<u16>, Blind> {
    let timer = Timer::new(timeout);
    // A zero timeout is an error to the standard library, not "at once".
    let least = timeout.max(Duration::from_millis(1));
    let mut stream = match TcpStream::connect_timeout(&address, least) {
        Ok(stream) => stream,
        Err(e) => return no_answer(address, &e).map(|()| None),
    };
    let request = format!("GET / HTTP/1.0\r\nHost: {address}\r\nUser-Agent: twinguard\r\nConnection: close\r\n\r\n");
    let asked = stream.set_write_timeout(Some(least)).and_then(|()| stream.write_all(request.as_bytes())).and_then(|()| stream.set_nonblocking(true));
    if asked.is_err() {
        return Ok(None);
    }
    let mut head = Vec::new();
    let mut chunk = [0; 256];
    while head.len() < "HTTP/1.1 200".len() && matches!(timer.ready(&stream, PollFlags::IN), Ok(true)) {
        match stream.read(&mut chunk) {
            Ok(0) => break,
            Ok(n) => head.extend_from_slice(chunk.get(..n).unwrap_or_default()),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(_) => break,
        }
    }
    Ok(status(&head))
}

/// The code of `HTTP/1.x NNN` (RFC 9112 section 4).
fn status(head: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(head.get(..12)?).ok()?;
    let (version, code) = line.split_once(' ')?;
    (version.starts_with("HTTP/1.") && code.bytes().all(|b| b.is_ascii_digit())).then(|| code.parse().ok()).flatten()
}

/// SIP OPTIONS over UDP (RFC 3261 section 11), repeated after 0.5 s, 1 s, 2 s …: true if any SIP response to it came.
///
/// # Errors
/// [`Blind::Net`] for faults of this node (no socket left).
pub fn sip_options(address: SocketAddr, timeout: Duration) -> Result<bool, Blind> {
    let timer = Timer::new(timeout);
    let wrong = |e: &std::io::Error| blind(&address.to_string(), &format!("no UDP socket: {e}"));
    let any: SocketAddr = if address.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    let socket = UdpSocket::bind(any).map_err(|e| wrong(&e))?;
    socket.set_nonblocking(true).map_err(|e| wrong(&e))?;
    if let Err(e) = socket.connect(address) {
        return no_answer(address, &e).map(|()| false);
    }
    let local = socket.local_addr().map_err(|e| wrong(&e))?;
    let nonce = format!("{:016x}", RandomState::new().build_hasher().finish());
    let request = options(address, local, &nonce);
    let mut pause = T1;
    let mut buffer = [0; 2048];
    while !timer.left().is_zero() {
        // A refused datagram shows up at the next call; it is asked again, since a service may just be starting.
        let _ = socket.send(request.as_bytes());
        let turn = Timer::new(pause.min(timer.left()));
        while matches!(turn.ready(&socket, PollFlags::IN), Ok(true)) {
            if let Ok(length) = socket.recv(&mut buffer)
                && is_response(buffer.get(..length).unwrap_or_default(), &nonce)
            {
                return Ok(true);
            }
        }
        pause *= 2;
    }
    Ok(false)
}

fn options(to: SocketAddr, from: SocketAddr, nonce: &str) -> String {
    format!(
        "OPTIONS sip:{to} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK{nonce};rport\r\nMax-Forwards: 70\r\nFrom: <sip:twinguard@{from}>;tag={nonce}\r\n\
         To: <sip:{to}>\r\nCall-ID: {nonce}\r\nCSeq: 1 OPTIONS\r\nContact: <sip:twinguard@{from}>\r\nAccept: application/sdp\r\nUser-Agent: twinguard\r\nContent-Length: 0\r\n\r\n"
    )
}

/// Any status counts: even "401" is spoken by a living application. The Call-ID shows that it answers us.
fn is_response(datagram: &[u8], nonce: &str) -> bool {
    datagram.starts_with(b"SIP/2.0 ") && String::from_utf8_lossy(datagram).contains(nonce)
}

/// Nobody there is an answer; everything else is a fault of this node.
fn no_answer(address: SocketAddr, error: &std::io::Error) -> Result<(), Blind> {
    let unreachable = error.raw_os_error().is_some_and(|code| nobody(Errno::from_raw_os_error(code)));
    if unreachable || error.kind() == ErrorKind::TimedOut { Ok(()) } else { Err(blind(&address.to_string(), &error.to_string())) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn served(answer: &'static str) -> Option<u16> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            let _ = stream.read(&mut [0; 1024]);
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let code = http_get(address, Duration::from_secs(10)).unwrap();
        server.join().unwrap();
        code
    }

    #[test]
    fn a_status_line_is_an_answer_and_nothing_else_is() {
        assert_eq!(served("HTTP/1.1 200 OK\r\n\r\nhello"), Some(200));
        assert_eq!(served("HTTP/1.0 503 Service Unavailable\r\n\r\n"), Some(503));
        assert_eq!(served("220 mail.example.org ESMTP\r\n"), None);
        assert_eq!(served(""), None);
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert_eq!(http_get(closed, Duration::from_secs(5)), Ok(None));
    }

    #[test]
    fn sip_is_asked_again_until_the_application_answers() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap();
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 2048];
            server.recv_from(&mut buffer).unwrap();
            let (length, from) = server.recv_from(&mut buffer).unwrap();
            let request = String::from_utf8_lossy(&buffer[..length]).into_owned();
            let id = request.lines().find(|l| l.starts_with("Call-ID")).unwrap();
            server.send_to(b"SIP/2.0 200 OK\r\nCall-ID: somebody else\r\n\r\n", from).unwrap();
            server.send_to(format!("SIP/2.0 404 Not Found\r\n{id}\r\n\r\n").as_bytes(), from).unwrap();
            request
        });
        assert_eq!(sip_options(address, Duration::from_secs(10)), Ok(true));
        let request = thread.join().unwrap();
        assert!(request.starts_with("OPTIONS sip:127.0.0.1:") && request.ends_with("\r\n\r\n"), "{request}");
        let mute = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert_eq!(sip_options(mute.local_addr().unwrap(), Duration::from_millis(50)), Ok(false));
    }
}
