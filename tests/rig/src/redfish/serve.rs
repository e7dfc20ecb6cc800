//! HTTP/1.1 over TLS for the service: one thread for each connection, requests one after the other.

use super::Mind;
use super::answer::{Answer, Request, answer};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Result as IoResult, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

type Tls = StreamOwned<ServerConnection, TcpStream>;

/// Listens until `stop`; `old` = TLS 1.2 only.
pub fn start(bind: &str, (cert, key): (&Path, &Path), old: bool, mind: &Arc<Mutex<Mind>>, stop: &Arc<AtomicBool>) -> (SocketAddr, JoinHandle<()>) {
    let chain = CertificateDer::pem_file_iter(cert).unwrap().map(Result::unwrap).collect();
    let key = rustls::crypto::ring::sign::any_supported_type(&PrivateKeyDer::from_pem_file(key).unwrap()).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let versions = if old { &[&rustls::version::TLS12][..] } else { rustls::ALL_VERSIONS };
    // Without a look at the certificate, which may be one that rustls would not show.
    let resolver = Arc::new(SingleCertAndKey::from(CertifiedKey::new(chain, key)));
    let config = builder.with_protocol_versions(versions).unwrap().with_no_client_auth().with_cert_resolver(resolver);
    let config = Arc::new(config);
    let listener = TcpListener::bind(bind).unwrap();
    let address = listener.local_addr().unwrap();
    let (mind, stop) = (Arc::clone(mind), Arc::clone(stop));
    let thread = std::thread::spawn(move || {
        let mut streams: Vec<TcpStream> = Vec::new();
        let mut threads = Vec::new();
        for stream in listener.incoming().flatten() {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            streams.extend(stream.try_clone());
            let (config, mind) = (Arc::clone(&config), Arc::clone(&mind));
            threads.push(std::thread::spawn(move || {
                // The other side may go whenever it wants.
                let _ = converse(stream, &config, &mind);
            }));
        }
        for stream in streams {
            let _ = stream.shutdown(Shutdown::Both);
        }
        for thread in threads {
            thread.join().expect("a service that does not panic");
        }
    });
    (address, thread)
}

fn converse(mut stream: TcpStream, config: &Arc<ServerConfig>, mind: &Mutex<Mind>) -> IoResult<()> {
    let (mute, hangs) = {
        let mind = mind.lock().unwrap();
        (mind.mute, mind.hangs)
    };
    if mute {
        while stream.read(&mut [0; 1024])? > 0 {}
        return Ok(());
    }
    let mut tls = StreamOwned::new(ServerConnection::new(Arc::clone(config)).unwrap(), stream);
    if hangs {
        while tls.read(&mut [0; 1024])? > 0 {}
        return Ok(());
    }
    while let Some(request) = read(&mut tls)? {
        let (pause, drips, closes) = {
            let mind = mind.lock().unwrap();
            (mind.pause, mind.drips, mind.closes)
        };
        std::thread::sleep(pause);
        let Some(answer) = answer(mind, &request) else {
            while tls.read(&mut [0; 1024])? > 0 {}
            return Ok(());
        };
        let bytes = written(&answer);
        if drips {
            let (head, _) = bytes.split_at(bytes.len() / 2);
            tls.write_all(head)?;
            // A space is no end of anything in JSON.
            loop {
                tls.write_all(b" ")?;
                tls.flush()?;
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        tls.write_all(&bytes)?;
        tls.flush()?;
        if closes {
            return tls.sock.shutdown(Shutdown::Both);
        }
    }
    Ok(())
}

fn read(tls: &mut Tls) -> IoResult<Option<Request>> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if tls.read(&mut byte)? == 0 {
            return Ok(None);
        }
        head.push(byte[0]);
    }
    let text = String::from_utf8(head).expect("a request in ASCII");
    let mut lines = text.lines();
    let mut first = lines.next().unwrap().split(' ');
    let (method, path) = (first.next().unwrap().to_owned(), first.next().unwrap().to_owned());
    let headers: Vec<(String, String)> =
        lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().expect("a length"));
    let mut body = vec![0; length];
    tls.read_exact(&mut body)?;
    Ok(Some(Request { method, path, headers, body }))
}

fn written(answer: &Answer) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {} Status\r\nContent-Length: {}\r\nContent-Type: application/json\r\n", answer.status, answer.body.len());
    for (name, value) in &answer.headers {
        text.extend([name, ": ", value, "\r\n"]);
    }
    [text.as_bytes(), b"\r\n", &answer.body].concat()
}
