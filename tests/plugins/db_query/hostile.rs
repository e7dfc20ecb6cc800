//! A server that means harm: broken greetings, login methods that would hand the password over.

use super::{Client, PASSWORD, secret};
use rig::database::Folder;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The greeting of a MariaDB 10.11 without TLS (protocol 10, "Connection Phase" of its documentation), as one packet.
fn greeting() -> Vec<u8> {
    let mut body = vec![10];
    body.extend(b"5.5.5-10.11.14-MariaDB\0");
    body.extend(7u32.to_le_bytes());
    body.extend(b"abcdefgh\0");
    // Everything but TLS (0x0800) and compression (0x0020) in the lower half; plugin authentication in the upper.
    body.extend((0xf7fe_u16 & !0x0820).to_le_bytes());
    body.push(33);
    body.extend(2u16.to_le_bytes());
    body.extend(0x81bf_u16.to_le_bytes());
    body.push(21);
    body.extend([0; 10]);
    body.extend(b"ijklmnopqrst\0mysql_native_password\0");
    packet(0, &body)
}

fn packet(sequence: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_le_bytes();
    [&length[..3], &[sequence], body].concat()
}

/// Serves these packets on every connection (without TLS there is a second one), one after each message of the client; keeps
/// what the client sent.
fn serve(packets: Vec<Vec<u8>>) -> (u16, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&heard);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            for packet in &packets {
                let _ = stream.write_all(packet);
                let mut buffer = [0; 4096];
                match stream.read(&mut buffer) {
                    Ok(n) if n > 0 => log.lock().unwrap().extend_from_slice(&buffer[..n]),
                    _ => break,
                }
            }
        }
    });
    (port, heard)
}

/// One line, no signal, no OK, and the password did not leave in the clear. The library panics on some of these (keys that
/// are none, empty messages); that is one line of UNKNOWN. What the client said is handed back.
fn survives(engine: &str, password: &str, packets: Vec<Vec<u8>>, what: &str) -> String {
    let (port, heard) = serve(packets);
    let done = Client::new(engine, port, password).with(&["-t", "1"]);
    assert!(matches!(done.code, Some(2 | 3)), "{what}: {done:?}");
    assert_eq!((done.stderr.as_str(), done.stdout.lines().count()), ("", 1), "{what}: {done:?}");
    let heard = String::from_utf8_lossy(&heard.lock().unwrap()).into_owned();
    assert!(!heard.contains(PASSWORD) && !done.stdout.contains(PASSWORD), "{what}: the password was given away");
    heard
}

#[test]
fn no_greeting_ends_the_check_in_anything_but_a_line() {
    let folder = Folder::new("root");
    let password = &secret(&folder, "password", PASSWORD);
    let good = greeting();
    // Every third byte flipped, and every third length.
    std::thread::scope(|scope| {
        for start in 0..4 {
            let good = &good;
            scope.spawn(move || {
                for at in (4 + start * 3..good.len()).step_by(12) {
                    let mut flipped = good.clone();
                    flipped[at] ^= 0xff;
                    survives("mariadb", password, vec![flipped], &format!("byte {at}"));
                    survives("mariadb", password, vec![packet(0, &good[4..at])], &format!("length {at}"));
                }
            });
        }
    });
}

#[test]
fn no_login_method_gives_the_password_away() {
    let folder = Folder::new("root");
    let password = &secret(&folder, "password", PASSWORD);
    let methods =
        ["mysql_old_password", "mysql_clear_password", "sha256_password", "caching_sha2_password", "client_ed25519", "parsec", "dialog", "x"];
    std::thread::scope(|scope| {
        for method in methods {
            scope.spawn(move || {
                for nonce in [&b""[..], b"short", b"abcdefghijklmnopqrst\0", &[0xff; 64]] {
                    let switch = [&[0xfe], method.as_bytes(), b"\0", nonce].concat();
                    // Then what a method might be told to do next: more data, "send it in the clear", a key that is none.
                    for next in [&b"\x01\x04"[..], b"\x01", b"\x01-----BEGIN PUBLIC KEY-----", b"\xff"] {
                        let packets = vec![greeting(), packet(2, &switch), packet(4, next), packet(6, next)];
                        let heard = survives("mariadb", password, packets, &format!("{method} {nonce:?} {next:?}"));
                        assert!(heard.contains("icinga"), "the greeting was good enough for a login: {heard:?}");
                    }
                }
            });
        }
    });
}

#[test]
fn no_answer_to_a_startup_ends_the_check_in_anything_but_a_line() {
    let folder = Folder::new("root");
    let password = &secret(&folder, "password", PASSWORD);
    // PostgreSQL, chapter "Message Formats": a refusal of TLS, then SASL offers and challenges that are wrong.
    let message = |kind: u8, body: &[u8]| [&[kind][..], &u32::try_from(body.len() + 4).unwrap().to_be_bytes(), body].concat();
    let no_tls = b"N".to_vec();
    for (what, packets) in [
        ("no mechanism", vec![no_tls.clone(), message(b'R', b"\0\0\0\x0a\0")]),
        ("unknown mechanism", vec![no_tls.clone(), message(b'R', b"\0\0\0\x0aPLAIN\0\0")]),
        ("empty challenge", vec![no_tls.clone(), message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0"), message(b'R', b"\0\0\0\x0b")]),
        ("nonsense challenge", vec![no_tls.clone(), message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0"), message(b'R', b"\0\0\0\x0br=,s=!,i=0")]),
        (
            "endless iterations",
            vec![no_tls.clone(), message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0"), message(b'R', b"\0\0\0\x0br=x,s=QUJD,i=4294967295")],
        ),
        ("login without a proof", vec![no_tls.clone(), message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0"), message(b'R', b"\0\0\0\x0c")]),
        ("short message", vec![no_tls.clone(), message(b'R', b"\0")]),
        ("negative length", vec![no_tls.clone(), b"R\xff\xff\xff\xff\0\0\0\0".to_vec()]),
        ("length below its own", vec![no_tls.clone(), b"R\0\0\0\x01\0\0\0\0".to_vec()]),
        ("error without fields", vec![no_tls, message(b'E', b"\0")]),
    ] {
        survives("postgresql", password, packets, what);
    }
}
