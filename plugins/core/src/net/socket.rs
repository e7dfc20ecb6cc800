//! What every socket here needs: its interface, its deadline, and errors sorted into "nobody there" and "could not look".

use crate::Blind;
use crate::host::system::{boottime, timespec};
use nix::sys::socket::{setsockopt, sockopt::BindToDevice};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use std::ffi::OsString;
use std::os::fd::AsFd;
use std::time::Duration;

/// Counts down from its making.
#[derive(Clone, Copy, Debug)]
pub struct Timer {
    start: Duration,
    end: Duration,
}

impl Timer {
    /// Ends after `timeout`.
    pub fn new(timeout: Duration) -> Self {
        let start = boottime();
        Self { start, end: start.saturating_add(timeout) }
    }

    /// Zero once it has ended.
    pub fn left(self) -> Duration {
        self.end.saturating_sub(boottime())
    }

    /// Time since its making.
    pub fn passed(self) -> Duration {
        boottime().saturating_sub(self.start)
    }

    /// Waits until `fd` has `flags`; false = time is up.
    ///
    /// # Errors
    /// What poll(2) says.
    pub fn ready(self, fd: impl AsFd, flags: PollFlags) -> Result<bool, Errno> {
        loop {
            let left = self.left();
            match poll(&mut [PollFd::new(&fd, flags)], timespec(left).as_ref()) {
                Ok(0) if left.is_zero() => return Ok(false),
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return Ok(true),
                Err(e) => return Err(e),
            }
        }
    }
}

/// Binds a socket to an interface, so that nothing leaves through another one (`SO_BINDTODEVICE`; no right is needed
/// since Linux 5.7).
pub fn bind_to(fd: &impl AsFd, interface: Option<&str>, target: &str) -> Result<(), Blind> {
    let Some(interface) = interface else { return Ok(()) };
    match setsockopt(fd, BindToDevice, &OsString::from(interface)) {
        Ok(()) => Ok(()),
        Err(nix::errno::Errno::ENODEV) => Err(no_interface(interface)),
        Err(nix::errno::Errno::EPERM) => Err(missing_right(target, &format!("binding to {interface}"))),
        Err(e) => Err(blind(target, &format!("it can't be bound to {interface}: {}", e.desc()))),
    }
}

/// Nobody there: what the kernel says when no answer can come. Not EADDRNOTAVAIL: no address or no port left is our own fault.
pub fn nobody(error: Errno) -> bool {
    [
        Errno::HOSTUNREACH,
        Errno::NETUNREACH,
        Errno::NETDOWN,
        Errno::HOSTDOWN,
        Errno::TIMEDOUT,
        Errno::CONNREFUSED,
        Errno::CONNRESET,
        Errno::NODEV,
        Errno::NONET,
    ]
    .contains(&error)
}

/// A failing system call on the way to `target`.
pub fn failed(target: &str, what: &str, error: Errno) -> Blind {
    if error == Errno::PERM || error == Errno::ACCESS {
        return blind(target, &format!("{what}: not permitted; a packet filter of this node, or cap_net_raw is missing"));
    }
    blind(target, &format!("{what}: {}", std::io::Error::from(error)))
}

pub fn blind(target: &str, reason: &str) -> Blind {
    Blind::Net { target: target.to_owned(), reason: reason.to_owned() }
}

pub fn no_interface(interface: &str) -> Blind {
    blind(interface, "there is no such interface on this node; correct its name")
}

/// The right that packages give to the binaries that ping.
pub fn missing_right(target: &str, what: &str) -> Blind {
    let program = std::env::current_exe().map_or_else(|_| "PROGRAM".into(), |p| p.display().to_string());
    let sysctl = "sysctl -w net.ipv4.ping_group_range=\"0 2147483647\"";
    blind(target, &format!("{what} needs cap_net_raw; run: setcap cap_net_raw+ep {program} (for pings alone also: {sysctl})"))
}
