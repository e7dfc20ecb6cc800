//! Two nodes and a switch as network namespaces: `eth0` of both nodes goes to the switch (192.0.2.0/24, the switch answers as
//! 192.0.2.1), `eth1` is a cable between them (192.168.250.0/24). This node is .12 and .2, the peer .11 and .1.

use rig::process::{Done, run};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fs::File;
use std::io::Write;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{JoinHandle, spawn};
use std::time::{Duration, Instant};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// The namespaces; they go away also after a failed test.
pub struct Links(String);

impl Links {
    pub fn new() -> Self {
        let links = Self(format!("twinguard-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst)));
        for host in ["me", "peer", "switch"] {
            ip(&["netns", "add", &links.namespace(host)]);
            links.ip(host, "link set lo up");
        }
        links.ip("switch", "link add br0 type bridge");
        for (host, lan, heartbeat) in [("me", "192.0.2.12", "192.168.250.2"), ("peer", "192.0.2.11", "192.168.250.1")] {
            let (namespace, switch) = (links.namespace(host), links.namespace("switch"));
            ip(&["-n", &namespace, "link", "add", "eth0", "type", "veth", "peer", "name", host, "netns", &switch]);
            links.ip("switch", &format!("link set {host} master br0 up"));
            if host == "me" {
                ip(&["-n", &namespace, "link", "add", "eth1", "type", "veth", "peer", "name", "eth1", "netns", &links.namespace("peer")]);
            }
            for (interface, address) in [("eth0", lan), ("eth1", heartbeat)] {
                links.ip(host, &format!("address add {address}/24 dev {interface}"));
                links.ip(host, &format!("link set {interface} up"));
            }
            let tail = address_tail(lan);
            links.ip(host, &format!("address add fd00::{tail}/64 dev eth0 nodad"));
        }
        links.ip("switch", "address add 192.0.2.1/24 dev br0");
        links.ip("switch", "address add fd00::1/64 dev br0 nodad");
        links.ip("switch", "link set br0 up");
        links.settle();
        links
    }

    /// A new port of a switch needs a moment; the first answer over both links ends it.
    fn settle(&self) {
        for target in ["192.0.2.11", "192.0.2.1", "192.168.250.1", "fd00::11", "fd00::1"] {
            let target = target.parse().unwrap();
            wait_for("answer of the fresh links", || {
                self.inside("me", move || plugin_core::net::ping(target, None, Duration::from_millis(200)).unwrap().is_some())
            });
        }
    }

    pub fn namespace(&self, host: &str) -> String {
        format!("{}-{host}", self.0)
    }

    /// `ip` inside a host.
    pub fn ip(&self, host: &str, command: &str) -> String {
        let namespace = self.namespace(host);
        ip(&[&["-n", namespace.as_str()][..], &command.split(' ').collect::<Vec<_>>()].concat())
    }

    /// Runs a program on this node.
    pub fn run(&self, program: &Path, args: &[&str]) -> Done {
        let namespace = self.namespace("me");
        run(Path::new("/usr/sbin/ip"), &[&["netns", "exec", namespace.as_str(), program.to_str().unwrap()][..], args].concat())
    }

    /// Runs a function inside a host: sockets belong to the namespace in which they are opened.
    pub fn inside<T: Send + 'static>(&self, host: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
        self.start(host, work).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    fn start<T: Send + 'static>(&self, host: &str, work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
        let namespace = File::open(format!("/run/netns/{}", self.namespace(host))).unwrap();
        spawn(move || {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            work()
        })
    }

    /// The peer's sshd: on port 22 of both links, it says `banner` to everybody; an empty one makes it mute.
    pub fn serve(&self, banner: &'static str) {
        let listener = self.inside("peer", || TcpListener::bind("0.0.0.0:22").unwrap());
        // Ends with the test's process; a mute server keeps its connections open.
        spawn(move || {
            let mut open = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let _ = stream.write_all(banner.as_bytes());
                open.push(stream);
            }
        });
    }

    /// The peer without power: its cables are dead, the switch lives on.
    pub fn kill_peer(&self) {
        self.ip("peer", "link set eth0 down");
        self.ip("peer", "link set eth1 down");
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        for host in ["me", "peer", "switch"] {
            run(Path::new("/usr/sbin/ip"), &["netns", "delete", &self.namespace(host)]);
        }
    }
}

fn address_tail(address: &str) -> &str {
    address.rsplit('.').next().unwrap()
}

fn ip(args: &[&str]) -> String {
    let done = run(Path::new("/usr/sbin/ip"), args);
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "ip {args:?}");
    done.stdout
}

pub fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(10), "no {what} within 10 s");
        std::thread::sleep(Duration::from_millis(5));
    }
}
