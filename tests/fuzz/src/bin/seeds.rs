//! Records what a BMC answers, as seeds of the targets: `seeds ADDRESS:PORT NAME FOLDER`; the address `rig` and `ipmi_sim` start one. The account is admin/s3cr3t; the
//! console's random numbers are the fixed ones of the targets, so that the answers fit there.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a tool for developers: it ends at the first surprise")]

use fence::ipmi::handshake::Handshake;
use fence::ipmi::message;
use fuzz::{ENTROPY, SUITES, login};
use rig::bmc::{Bmc, IpmiSim, Mind};
use std::net::UdpSocket;
use std::path::Path;
use std::time::Duration;

/// Chassis status, off, status, on, GUID, set privilege, an unknown command, close: network function, command, data.
const QUESTIONS: [(u8, u8, &[u8]); 7] =
    [(6, 0x3b, &[4]), (0, 0x01, &[]), (0, 0x02, &[0]), (0, 0x01, &[]), (0, 0x02, &[1]), (6, 0x37, &[]), (6, 0xff, &[])];

struct Out<'a> {
    folder: &'a Path,
    name: String,
}

impl Out<'_> {
    fn write(&self, target: &str, what: &str, bytes: &[u8]) {
        let folder = self.folder.join(target);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{}-{what}", self.name)), bytes).unwrap();
    }
}

fn piece(bytes: &[u8]) -> Vec<u8> {
    [&[u8::try_from(bytes.len()).unwrap()][..], bytes].concat()
}

fn main() {
    let [_, mut address, name, folder] = std::env::args().collect::<Vec<_>>().try_into().unwrap();
    let (rigs, sim) = (Bmc::start(Mind::default()), IpmiSim::start());
    match address.as_str() {
        "rig" => address = rigs.address().to_string(),
        "ipmi_sim" => address = sim.address().to_string(),
        _ => {}
    }
    for (number, suite) in (0_u8..).zip(SUITES) {
        let out = Out { folder: Path::new(&folder), name: format!("{name}-{}", suite.number()) };
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(&address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        let ask = |datagram: &[u8]| {
            let mut buffer = [0; 2048];
            socket.send(datagram).unwrap();
            let length = socket.recv(&mut buffer).unwrap();
            buffer[..length].to_vec()
        };
        let login = login();
        let shake = Handshake::new(suite, &login, ENTROPY);
        let open = ask(&shake.open_request());
        out.write("packet", "open", &open);
        let Ok(Some(bmc)) = shake.read_open(&open) else {
            out.write("handshake", "refused", &[&[number][..], &piece(&open[16..])].concat());
            continue;
        };
        let second = ask(&shake.rakp1(bmc));
        let challenge = shake.read_rakp2(bmc, &second).unwrap().unwrap();
        let fourth = ask(&shake.rakp3(&challenge));
        let mut session = shake.read_rakp4(&challenge, &fourth).unwrap().unwrap();
        out.write("packet", "rakp2", &second);
        out.write("packet", "rakp4", &fourth);
        out.write("handshake", "whole", &[&[number][..], &piece(&open[16..]), &piece(&second[16..]), &piece(&fourth[16..])].concat());
        let mut replies = vec![number];
        for (sequence, (netfn, command, data)) in (0x3d_u8..).zip(QUESTIONS) {
            let request = message::request(sequence & 0x3f, netfn, 0, command, data);
            let answer = ask(&session.seal(&request, [sequence; 16]));
            let reply = session.open(&answer).unwrap();
            out.write("packet", &format!("{netfn:02x}-{command:02x}-{sequence:02x}"), &answer);
            replies.push(match (netfn, command) {
                (0, 0x01) => 0,
                (0, _) => 2,
                _ => 3,
            });
            replies.extend(piece(&reply));
        }
        out.write("reply", "session", &replies);
        let close = message::request(0x2a, 6, 0, 0x3c, &bmc.to_le_bytes());
        ask(&session.seal(&close, [0; 16]));
    }
}
