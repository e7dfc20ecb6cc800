//! A certificate authority and one server certificate, made by openssl at test time. Valid for two days; refuses to be
//! kept in the repository.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Turns a program's clock (Debian: libfaketime).
const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

/// The files of one authority and its server certificate.
#[derive(Clone, Debug)]
pub struct Certs {
    folder: PathBuf,
}

impl Certs {
    /// Makes them in `folder`; `names` are DNS names and addresses of the server.
    pub fn make(folder: &Path, names: &[&str]) -> Certs {
        Certs::signed(folder, names, &[])
    }

    /// The same, and the server's certificate has ended eight days ago.
    pub fn make_expired(folder: &Path, names: &[&str]) -> Certs {
        Certs::signed(folder, names, &[("LD_PRELOAD", FAKETIME), ("FAKETIME", "-10d")])
    }

    /// A certificate of X.509 version 1 with an RSA key, as old BMCs make it: no names, no extensions.
    pub fn make_version_1(folder: &Path, names: &[&str]) -> Certs {
        let certs = Certs::make(folder, names);
        openssl(folder, &[], "req -newkey rsa:2048 -nodes -subj /CN=test-server -keyout server.key -out server.csr");
        openssl(folder, &[], "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out server.pem");
        certs
    }

    fn signed(folder: &Path, names: &[&str], env: &[(&str, &str)]) -> Certs {
        std::fs::create_dir_all(folder).unwrap();
        let certs = Certs { folder: folder.to_owned() };
        let alternatives: Vec<String> =
            names.iter().map(|n| if n.parse::<std::net::IpAddr>().is_ok() { format!("IP:{n}") } else { format!("DNS:{n}") }).collect();
        // A certificate that is its own authority is refused as a server's by rustls, so there are two.
        openssl(folder, &[], "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test-ca -keyout ca.key -out ca.pem");
        openssl(folder, &[], "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=test-server -keyout server.key -out server.csr");
        std::fs::write(folder.join("server.ext"), format!("basicConstraints=CA:FALSE\nsubjectAltName={}\n", alternatives.join(","))).unwrap();
        openssl(folder, env, "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile server.ext -out server.pem");
        certs
    }

    /// The authority's certificate: what a client trusts.
    pub fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// The server's certificate.
    pub fn cert(&self) -> PathBuf {
        self.folder.join("server.pem")
    }

    /// The server's key.
    pub fn key(&self) -> PathBuf {
        self.folder.join("server.key")
    }
}

fn openssl(folder: &Path, env: &[(&str, &str)], args: &str) {
    let output = Command::new("/usr/bin/openssl").args(args.split(' ')).envs(env.iter().copied()).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "openssl {args}: {}", String::from_utf8_lossy(&output.stderr));
}
