//! Whom `fence_redfish` believes: no password and no command goes to anybody else.

use super::row;
use crate::run::{Done, REDFISH, agent_by_stdin};
use rig::redfish::{Certificate, Mind, Redfish};
use std::process::Command;

/// Turns the power off, trusting as `trust` says.
fn off(service: &Redfish, trust: &str) -> Done {
    let (ip, port) = (service.address().ip(), service.address().port());
    agent_by_stdin(REDFISH, &format!("action=off\nip={ip}\nipport={port}\nusername=admin\npassword=s3cr3t\n{trust}\n"))
}

fn ca(service: &Redfish) -> String {
    format!("ca_file={}", service.ca().display())
}

/// What `openssl` prints as the fingerprint of a certificate.
fn fingerprint(certificate: &std::path::Path) -> String {
    let output = Command::new("openssl").args(["x509", "-noout", "-fingerprint", "-sha256", "-in"]).arg(certificate).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().split_once('=').unwrap().1.to_owned()
}

#[test]
fn a_certificate_that_is_not_believed_gets_nothing() {
    for (certificate, fault, says) in [
        (Certificate::OtherName, "TLS: another host's certificate", "for another name"),
        (Certificate::Expired, "TLS: expired", "expired"),
        (Certificate::SelfSigned, "TLS: self-signed", "its own authority"),
        (Certificate::Old, "TLS: X.509 version 1", "UnsupportedCertVersion"),
    ] {
        let service = Redfish::start_at("127.0.0.1:0", Mind::default(), certificate);
        let done = off(&service, &ca(&service));
        row(fault, &service, &done);
        done.is(1).says("").complains(says);
        let mind = service.mind();
        assert_eq!((mind.requests.len(), mind.is_on()), (0, true), "{fault}");
    }
    let service = Redfish::start(Mind::default());
    let done = off(&service, "");
    row("TLS: an authority that the system does not know", &service, &done);
    // The way out is in the error: the fingerprint to compare and to pin.
    let right = fingerprint(&service.ca().with_file_name("server.pem")).replace(':', "").to_lowercase();
    done.is(1).says("").complains("signed by no authority").complains(&format!("set pin to sha256:{right}"));
    assert_eq!(service.mind().requests.len(), 0);
}

#[test]
fn a_pinned_certificate_is_believed_whatever_it_says_and_no_other_is() {
    for certificate in [Certificate::Good, Certificate::Expired, Certificate::OtherName, Certificate::SelfSigned, Certificate::Old] {
        let service = Redfish::start_at("127.0.0.1:0", Mind::default(), certificate);
        let shown = service.ca().with_file_name(if certificate == Certificate::SelfSigned { "ca.pem" } else { "server.pem" });
        let right = fingerprint(&shown);
        let wrong = right.chars().rev().collect::<String>();
        off(&service, &format!("pin=sha256:{wrong}")).is(1).says("").complains("not the pinned one");
        assert_eq!(service.mind().requests.len(), 0);
        off(&service, &format!("pin={}", right.replace(':', "").to_lowercase())).is(0).says("Success: Powered OFF").quietly();
    }
}

#[test]
fn anybody_is_believed_on_request_only() {
    for certificate in [Certificate::Expired, Certificate::OtherName, Certificate::SelfSigned, Certificate::Old] {
        let service = Redfish::start_at("127.0.0.1:0", Mind::default(), certificate);
        off(&service, "ssl=1\nssl_secure=1").is(1).says("");
        off(&service, "ssl_insecure=1").is(0).says("Success: Powered OFF").quietly();
    }
}

#[test]
fn what_excludes_each_other_is_refused() {
    let service = Redfish::start(Mind::default());
    off(&service, &format!("{}\nssl_insecure=1", ca(&service))).is(1).complains("exclude each other");
    off(&service, "pin=sha256:00").is(1).complains("\"00\" is no SHA-256 fingerprint");
    off(&service, "ca_file=/no/such/file").is(1).complains("/no/such/file");
    assert_eq!(service.mind().requests.len(), 0);
}

#[test]
fn who_shows_a_pinned_certificate_has_to_own_its_key() {
    for certificate in [Certificate::Good, Certificate::Old] {
        let (right, thief) = (Redfish::start_at("127.0.0.1:0", Mind::default(), certificate), Redfish::thief(Mind::default(), certificate));
        let pin = fingerprint(&right.ca().with_file_name("server.pem"));
        assert_eq!(fingerprint(&thief.ca().with_file_name("server.pem")), pin);
        off(&right, &format!("pin={pin}")).is(0);
        off(&thief, &format!("pin={pin}")).is(1).says("").complains("BadSignature");
        assert_eq!(thief.mind().requests.len(), 0);
    }
}
