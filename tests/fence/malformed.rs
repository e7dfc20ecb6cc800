//! Packets of every wrong kind: no panic, and never "off" from a BMC that says ON.

use crate::run::admin;
use fence::ipmi::handshake::{Challenge, Handshake};
use fence::ipmi::message::{self, Reply};
use fence::ipmi::session::Session;
use fence::ipmi::{CipherSuite, Login, Privilege};
use rig::bmc::{Bmc, Dice, Mind, Passing, Proxy};
use std::time::Duration;

fn login() -> Login {
    Login::new("admin", b"s3cr3t", None, Privilege::Administrator).unwrap()
}

/// A whole session in memory: our side without sockets, the rig's BMC without sockets, and a copy of each reply.
struct Dialogue<'a> {
    shake: Handshake<'a>,
    open: Vec<u8>,
    bmc: u32,
    rakp2: Vec<u8>,
    challenge: Challenge,
    rakp4: Vec<u8>,
}

impl<'a> Dialogue<'a> {
    fn new(mind: &mut Mind, suite: CipherSuite, login: &'a Login) -> Self {
        let shake = Handshake::new(suite, login, *b"sixteen  randoms1234");
        let open = mind.answer(&shake.open_request()).unwrap();
        let bmc = shake.read_open(&open).unwrap().unwrap();
        let rakp2 = mind.answer(&shake.rakp1(bmc)).unwrap();
        let challenge = shake.read_rakp2(bmc, &rakp2).unwrap().unwrap();
        let rakp4 = mind.answer(&shake.rakp3(&challenge)).unwrap();
        Dialogue { shake, open, bmc, rakp2, challenge, rakp4 }
    }

    fn session(&self) -> Session {
        self.shake.read_rakp4(&self.challenge, &self.rakp4).unwrap().unwrap()
    }
}

/// Every prefix, every byte turned, every byte at its ends, and a few thousand wild ones.
fn damaged(good: &[u8], seed: u64) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = (0..good.len()).map(|end| good[..end].to_vec()).collect();
    for at in 0..good.len() {
        for change in [0x01, 0x80, 0xff, good[at]] {
            let mut bytes = good.to_vec();
            bytes[at] ^= change;
            all.push(bytes);
        }
    }
    let mut dice = Dice::new(seed);
    for _ in 0..3000 {
        let mut bytes = good.to_vec();
        for _ in 0..=dice.below(4) {
            let at = usize::try_from(dice.below(good.len() as u64)).unwrap();
            bytes[at] = u8::try_from(dice.below(256)).unwrap();
        }
        match dice.below(3) {
            0 => bytes.truncate(usize::try_from(dice.below(good.len() as u64)).unwrap()),
            1 => bytes.extend((0..dice.below(40)).map(|_| 0xa5)),
            _ => {}
        }
        all.push(bytes);
    }
    all
}

#[test]
fn no_damaged_handshake_opens_a_session() {
    for suite in CipherSuite::DEFAULT {
        let (login, mut mind) = (login(), Mind::default());
        let talk = Dialogue::new(&mut mind, suite, &login);
        for bytes in damaged(&talk.open, 1) {
            // The Open Session Response is not signed: a changed id is only found later, by RAKP 2.
            let _ = talk.shake.read_open(&bytes);
        }
        for bytes in damaged(&talk.rakp2, 2) {
            if let Ok(Some(challenge)) = talk.shake.read_rakp2(talk.bmc, &bytes) {
                assert_eq!(challenge, talk.challenge, "only bytes without a meaning may differ: {bytes:02x?}");
            }
        }
        for bytes in damaged(&talk.rakp4, 3) {
            if talk.shake.read_rakp4(&talk.challenge, &bytes).is_ok_and(|s| s.is_some()) {
                // Length and all but the reserved bytes are the good ones; what follows the payload is nobody's.
                let meaning = |b: &[u8]| (b[5], b[14..17].to_vec(), b[20..talk.rakp4.len()].to_vec());
                assert_eq!((meaning(&bytes), bytes[17]), (meaning(&talk.rakp4), 0), "{bytes:02x?}");
            }
        }
    }
}

#[test]
fn no_damaged_reply_is_believed() {
    for suite in CipherSuite::DEFAULT {
        let (login, mut mind) = (login(), Mind::default());
        let talk = Dialogue::new(&mut mind, suite, &login);
        let mut ours = talk.session();
        let question = message::request(1, 0x00, 0, 0x01, &[]);
        let answer = mind.answer(&ours.seal(&question, [7; 16])).unwrap();
        assert_eq!(ours.open(&answer).and_then(|m| Reply::parse(&m)).unwrap().data[..2], [0, 0x61], "the good one says ON");
        for bytes in damaged(&answer, 4) {
            let mut fresh = talk.session();
            if fresh.open(&bytes).is_some() {
                // Version and class are checked; the two bytes between them mean nothing. All else is signed.
                assert_eq!((bytes[0], bytes[3], &bytes[4..]), (answer[0], answer[3], &answer[4..]));
            }
        }
    }
}

#[test]
fn a_reply_is_believed_once_and_in_one_session_only() {
    let (login, mut mind) = (login(), Mind::default());
    let talk = Dialogue::new(&mut mind, CipherSuite::Sha256, &login);
    let (mut ours, question) = (talk.session(), message::request(1, 0x00, 0, 0x01, &[]));
    let [first, second] = [(); 2].map(|()| mind.answer(&ours.seal(&question, [7; 16])).unwrap());
    assert!(ours.open(&second).is_some());
    assert!(ours.open(&second).is_none() && ours.open(&first).is_none(), "the same again, or an older one");
    let other = Dialogue::new(&mut mind, CipherSuite::Sha256, &login);
    assert!(other.session().open(&second).is_none(), "the ids are the same, the keys are not");
}

#[test]
fn a_bmc_that_has_made_up_another_nonce_meanwhile_is_asked_from_the_start() {
    let (login, mut mind) = (login(), Mind::default());
    let talk = Dialogue::new(&mut mind, CipherSuite::Sha1, &login);
    let mut stale = talk.shake.rakp3(&talk.challenge);
    *stale.last_mut().unwrap() ^= 1;
    let refusal = mind.answer(&stale).unwrap();
    assert_eq!(refusal[17], 0x0f, "RAKP 4 with the status \"integrity check\"");
    // The password is proven by RAKP 2: no reason to call it wrong.
    assert!(talk.shake.read_rakp4(&talk.challenge, &refusal).is_ok_and(|session| session.is_none()));
}

#[test]
fn noise_on_the_wire_never_makes_an_off() {
    let bmc = Bmc::start(Mind { room: 100_000, stuck: true, ..Mind::default() });
    std::thread::scope(|scope| {
        for seed in 1..=16 {
            let target = bmc.address();
            scope.spawn(move || {
                let mut dice = Dice::new(seed);
                let wire = Proxy::start(target, move |p: Passing<'_>| {
                    let mut bytes = p.bytes.to_vec();
                    if !p.to_bmc && dice.below(3) == 0 {
                        match dice.below(3) {
                            0 => bytes.truncate(usize::try_from(dice.below(bytes.len() as u64)).unwrap()),
                            1 => bytes.extend(p.bytes),
                            _ => {
                                let at = usize::try_from(dice.below(bytes.len() as u64)).unwrap();
                                bytes[at] ^= u8::try_from(1 + dice.below(255)).unwrap();
                            }
                        }
                    }
                    vec![(Duration::ZERO, bytes)]
                });
                for _ in 0..3 {
                    let done = admin(wire.address(), "status", "login_timeout=1\nshell_timeout=0");
                    assert!([0, 1].contains(&done.code) && !done.out.contains("OFF"), "{done:?}");
                }
                admin(wire.address(), "off", "login_timeout=1\nshell_timeout=0\npower_timeout=1").is(1).says("");
            });
        }
    });
}

#[test]
fn a_stranger_that_answers_anything_is_no_bmc() {
    // Echoes what it hears, or answers with one of these.
    std::thread::scope(|scope| {
        for noise in [None, Some(vec![]), Some(vec![6, 0, 0xff, 7]), Some(vec![0; 2000]), Some(b"HTTP/1.0 400 Bad Request".to_vec())] {
            let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            let address = socket.local_addr().unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
            scope.spawn(move || {
                let mut buffer = [0; 2048];
                while let Ok((length, client)) = socket.recv_from(&mut buffer) {
                    socket.send_to(noise.as_deref().unwrap_or(&buffer[..length]), client).unwrap();
                }
            });
            scope.spawn(move || admin(address, "off", "login_timeout=1\nshell_timeout=0\npower_timeout=0").is(1).says("").complains("timed out"));
        }
    });
}
