//! SIP servers on loopback: a real Kamailio (UDP, TCP, TLS, digest), a real `sipp`, a proxy that loses datagrams, and one that answers
//! with what a real server once said.

use crate::daemon::{Daemon, Folder, free_tcp, free_udp, listens_tcp, listens_udp};
use crate::smtp::Certs;
use std::net::{SocketAddr, UdpSocket};
use std::process::Command;

/// A real Kamailio. By the user in the address it answers: `busy` 503, `trying` 100 and no more, `drop` nothing, `auth` after a
/// login (realm pbx, password hunter2), `nosuch` 404, everybody else 200. REGISTER needs the login.
pub struct Kamailio {
    daemon: Daemon,
    port: u16,
    tls_port: u16,
    _folder: Folder,
}

const ROUTE: &str = r#"
request_route {
    if ($rU == "busy") { append_to_reply("Retry-After: 30\r\n"); sl_send_reply("503", "Service Unavailable"); exit; }
    if ($rU == "trying") { sl_send_reply("100", "Trying"); exit; }
    if ($rU == "drop") { exit; }
    if ($rU == "nosuch") { sl_send_reply("404", "Not Found"); exit; }
    if ($rU == "auth" || is_method("REGISTER")) {
        if (!pv_www_authenticate("pbx", "hunter2", "0")) { www_challenge("pbx", "1"); exit; }
    }
    append_to_reply("Allow: OPTIONS, INVITE\r\n");
    sl_send_reply("200", "Keepalive");
}
"#;

impl Kamailio {
    /// Starts it; its logins use `algorithm` (`MD5`, `SHA-256`).
    pub fn start(certs: &Certs, algorithm: &str) -> Self {
        let folder = Folder::new("kamailio");
        let (port, tls_port) = (free_tcp(), free_tcp());
        let modules = ["sl", "pv", "textops", "auth", "tls"].map(|m| format!("loadmodule \"{m}.so\"\n")).concat();
        let text = format!(
            "#!KAMAILIO\ndebug=0\nlog_stderror=yes\nchildren=1\ntcp_children=1\nenable_tls=yes\nserver_signature=yes\n\
             listen=udp:127.0.0.1:{port}\nlisten=tcp:127.0.0.1:{port}\nlisten=udp:[::1]:{port}\nlisten=tls:127.0.0.1:{tls_port}\n\
             mpath=\"/usr/lib/x86_64-linux-gnu/kamailio/modules/\"\n{modules}\
             modparam(\"tls\", \"certificate\", \"{}\")\nmodparam(\"tls\", \"private_key\", \"{}\")\nmodparam(\"tls\", \"tls_method\", \"TLSv1.2+\")\n\
             modparam(\"auth\", \"algorithm\", \"{algorithm}\")\n{ROUTE}",
            certs.cert().display(),
            certs.key().display()
        );
        let conf = folder.file("kamailio.cfg", &text, 0o644);
        let mut command = Command::new("/usr/sbin/kamailio");
        command.arg("-f").arg(conf).args(["-DD", "-E", "-m", "16", "-M", "4", "-Y"]).arg(folder.path()).arg("-P").arg(folder.path().join("pid"));
        let daemon = Daemon::start(command, &folder, || listens_udp(port) && listens_tcp(port) && listens_tcp(tls_port));
        Self { daemon, port, tls_port, _folder: folder }
    }

    /// UDP and TCP.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// TLS.
    pub fn tls_port(&self) -> u16 {
        self.tls_port
    }

    /// Freezes it: the kernel takes datagrams and connections, nobody answers.
    pub fn freeze(&self) {
        self.daemon.signal("-STOP");
    }
}

/// What `sipp` answers to every OPTIONS: 200 with a body.
const SCENARIO: &str = r#"<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="options">
<recv request="OPTIONS"/>
<send><![CDATA[

SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[call_number]
[last_Call-ID:]
[last_CSeq:]
Server: SIPp
Content-Type: text/plain
Content-Length: [len]

hello
]]></send>
</scenario>
"#;

/// A real `sipp` over UDP, or over TCP; its port.
pub fn sipp(over_tcp: bool) -> (Daemon, u16, Folder) {
    let folder = Folder::new("sipp");
    let scenario = folder.file("options.xml", SCENARIO, 0o644);
    let port = if over_tcp { free_tcp() } else { free_udp() };
    let mut command = Command::new("/usr/bin/sipp");
    command.arg("-sf").arg(scenario).args(["-i", "127.0.0.1", "-p", &port.to_string(), "-t", if over_tcp { "t1" } else { "u1" }, "-nostdin"]);
    command.current_dir(folder.path()).env("TERM", "dumb");
    let daemon = Daemon::start(command, &folder, || if over_tcp { listens_tcp(port) } else { listens_udp(port) });
    (daemon, port, folder)
}

/// Starts a proxy before a UDP server that loses those questions (counted from 0) for which `loses` says so; its address.
pub fn lossy(server: SocketAddr, loses: fn(u32) -> bool) -> SocketAddr {
    let front = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = front.local_addr().unwrap();
    std::thread::spawn(move || {
        let back = UdpSocket::bind("127.0.0.1:0").unwrap();
        back.connect(server).unwrap();
        let mut buffer = [0; 8192];
        for number in 0.. {
            let Ok((length, client)) = front.recv_from(&mut buffer) else { return };
            if loses(number) {
                continue;
            }
            let (back, front) = (back.try_clone().unwrap(), front.try_clone().unwrap());
            back.send(&buffer[..length]).unwrap();
            let mut answer = [0; 8192];
            if let Ok(length) = back.recv(&mut answer) {
                front.send_to(&answer[..length], client).unwrap();
            }
        }
    });
    address
}

/// Answers every request with a recorded response, in which the recorded branch, tag and Call-ID give way to those of the request;
/// from `from` if the answer has to come from another address. Where it listens.
pub fn replay(recorded: &str, from: Option<&str>) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let other = from.map(|from| UdpSocket::bind(from).unwrap());
    let recorded = recorded.replace('\n', "\r\n");
    std::thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok((length, client)) = socket.recv_from(&mut buffer) {
            let request = String::from_utf8_lossy(&buffer[..length]).into_owned();
            let after = |mark: &str| request.split(mark).nth(1).and_then(|rest| rest.split([';', '\r']).next()).unwrap().to_owned();
            // The branch first: its hex digits are the same as those of the Call-ID in the recording.
            let answer = recorded.replace("z9hG4bK0123456789abcdef", &after("branch=")).replace("0123456789abcdef", &after("Call-ID: "));
            other.as_ref().unwrap_or(&socket).send_to(answer.as_bytes(), client).unwrap();
        }
    });
    address
}
