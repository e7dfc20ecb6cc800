//! A machine as the product's steps see it: the programs that they run, with their effects on the world and their failures.

use crate::worker::Turn;
use crate::world::{GROUPS, LAN, NAMES, Shared, World};
use fence::takeover::machine::{Machine, Programs};
use plugin_core::cluster::Verify;
use plugin_core::host::{Command, Output};
use plugin_core::{Blind, Host};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

/// Unix time of the world's beginning, ms.
pub const EPOCH_MS: i64 = 1_800_000_000_000;

pub fn device(group: usize) -> String {
    format!("/dev/{}", GROUPS[group])
}

pub fn folder(group: usize) -> String {
    format!("/srv/{}", GROUPS[group])
}

pub fn address(group: usize) -> String {
    format!("192.0.2.{}", 10 + group)
}

pub fn unit(group: usize) -> String {
    format!("{}.service", GROUPS[group])
}

/// The machine of one worker.
pub struct Seat<'a> {
    pub shared: Shared,
    pub node: usize,
    pub turn: &'a Turn,
    /// Boot time at which its time is over.
    until: Duration,
}

impl<'a> Seat<'a> {
    pub fn new(shared: &Shared, node: usize, turn: &'a Turn, limit: Duration) -> Self {
        let until = boottime(&shared.lock(), node).saturating_add(limit);
        Self { shared: shared.clone(), node, turn, until }
    }

    /// Virtual time passes.
    fn spend(&self, ms: u64) {
        let at = self.shared.lock().now + ms;
        self.turn.sleep_until(at);
    }
}

pub fn boottime(world: &World, node: usize) -> Duration {
    Duration::from_millis(world.now - world.machines[node].booted_at)
}

pub fn wall_ms(world: &World, node: usize) -> i64 {
    EPOCH_MS + i64::try_from(world.now).expect("a short history") + world.machines[node].skew
}

fn said(code: i32, stdout: impl Into<String>) -> Output {
    Output { code: Some(code), stdout: stdout.into(), stderr: String::new() }
}

impl Host for Seat<'_> {
    fn now(&self) -> Duration {
        boottime(&self.shared.lock(), self.node)
    }

    fn wall_ms(&self) -> i64 {
        wall_ms(&self.shared.lock(), self.node)
    }

    fn left(&self) -> Duration {
        self.until.saturating_sub(self.now())
    }

    fn wait(&self, time: Duration) {
        let time = time.min(self.left());
        self.spend(u64::try_from(time.as_millis()).expect("a short wait").max(1));
    }

    fn read(&self, path: &Path) -> Result<String, Blind> {
        let world = self.shared.lock();
        let held = &world.machines[self.node].held;
        let text = if path == Path::new("/proc/self/mountinfo") {
            let line = |g: usize| format!("30 22 7:{g} / {} rw - ext4 {} rw\n", folder(g), device(g));
            Some((0..2).filter(|g| held[*g].mount).map(line).collect())
        } else {
            let of = |g: &usize| path == Path::new(&folder(*g)).join(".twinguard/epoch") && held[*g].mount;
            (0..2).find(of).and_then(|g| world.devices[g].clone())
        };
        text.ok_or_else(|| Blind::Read { path: path.to_owned(), reason: "no such file".to_owned() })
    }

    fn run(&self, command: &Command) -> Result<Output, Blind> {
        let words: Vec<String> = command.args.iter().map(|a| a.to_string_lossy().into_owned()).collect();
        let time = self.shared.lock().chance.between(5, 60);
        self.spend(time / 2);
        let output = effect(&mut self.shared.lock(), self.node, &command.program.to_string_lossy(), &words);
        self.shared.lock().audit();
        // Between the effect and its answer an agent can die as well.
        self.spend(time - time / 2);
        Ok(output)
    }
}

/// Carries a command out.
fn effect(world: &mut World, node: usize, program: &str, words: &[String]) -> Output {
    let group_of = |name: fn(usize) -> String| (0..2).find(|g| words.iter().any(|w| w.split('/').next() == Some(&name(*g)) || *w == name(*g)));
    let verb = words.first().map_or("", String::as_str);
    let broken = world.machines[node].broken.clone();
    let (group, changes): (Option<usize>, bool) = match program {
        Programs::IP => (group_of(address), words.iter().any(|w| w == "add" || w == "del")),
        Programs::UMOUNT => (group_of(folder), true),
        Programs::DEBUGFS => (group_of(device), false),
        Programs::FSCK_EXT | Programs::MOUNT => (group_of(device), true),
        Programs::SYSTEMCTL => (group_of(unit), verb != "show"),
        other => panic!("the simulator has no {other}"),
    };
    let group = group.unwrap_or_else(|| panic!("{program} {} names no resource", words.join(" ")));
    if changes {
        let text = format!("{program} {}", words.join(" "));
        world.say(|| format!("{} runs {text}", NAMES[node]));
        world.machines[node].touched.push(text);
    }
    let marker = world.devices[group].clone();
    let held = &mut world.machines[node].held[group];
    match (program, verb) {
        (Programs::IP, "addr") => {
            held.address = words.iter().any(|w| w == "add");
            said(0, "")
        }
        (Programs::IP, _) => said(0, if held.address { "2: eth0 inet" } else { "" }),
        (Programs::DEBUGFS, _) => said(0, marker.unwrap_or_default()),
        (Programs::FSCK_EXT, _) => said(if broken.fsck { 4 } else { 0 }, "clean"),
        (Programs::MOUNT, _) if broken.mount => said(32, "cannot mount"),
        (Programs::MOUNT, _) => {
            held.mount = true;
            said(0, "")
        }
        (Programs::UMOUNT, _) if broken.umount => said(32, "target is busy"),
        (Programs::UMOUNT, _) => {
            held.mount = false;
            said(0, "")
        }
        (_, "show") => said(0, if held.unit { "active\n" } else { "inactive\n" }),
        (_, "start") if broken.start[group] => said(1, "it does not start"),
        (_, "stop") if broken.stop => said(1, "it does not stop"),
        (_, verb) => {
            held.unit = verb == "start";
            said(0, "")
        }
    }
}

impl Machine for Seat<'_> {
    fn name(&self) -> String {
        NAMES[self.node].to_owned()
    }

    fn arp_probe(&self, _interface: &str, address: Ipv4Addr, tries: u32, gap: Duration) -> Result<Option<[u8; 6]>, Blind> {
        self.wait(gap * tries);
        let world = self.shared.lock();
        let group = (0..2).find(|g| self::address(*g) == address.to_string()).expect("a failover address");
        let other = 1 - self.node;
        let there = world.answers(other) && world.machines[other].held[group].address && world.path(LAN);
        Ok((there || world.machines[self.node].broken.stranger).then_some([2, 0, 0, 0, 0, 9]))
    }

    fn announce(&self, _interface: &str, _address: IpAddr) -> Result<(), Blind> {
        Ok(())
    }

    fn answers(&self, target: &Verify, _timeout: Duration) -> Result<bool, Blind> {
        self.spend(5);
        Ok(target_group(target).is_some_and(|group| self.shared.lock().machines[self.node].held[group].all()))
    }

    fn write_durably(&self, path: &Path, text: &str) -> Result<(), String> {
        self.spend(5);
        let mut world = self.shared.lock();
        let of = |g: &usize| path.starts_with(folder(*g));
        let group = (0..2).find(of).expect("a marker lies in its mount");
        if !world.machines[self.node].held[group].mount {
            return Err(format!("{}: not mounted", path.display()));
        }
        world.devices[group] = Some(text.to_owned());
        world.machines[self.node].touched.push(format!("writes {}", path.display()));
        Ok(())
    }

    fn flush(&self, _folder: &Path) {}
}

/// The group that a `verify` asks for.
pub fn target_group(target: &Verify) -> Option<usize> {
    let Verify::Banner(at) = target else { return None };
    (0..2).find(|g| at.ip().to_string() == address(*g))
}
