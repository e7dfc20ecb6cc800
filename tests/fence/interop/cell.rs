//! The situations. Each returns what was seen, or what went wrong.

use super::peer::{Peer, Running, Wish};
use crate::run::{Done, by_stdin};
use rig::bmc::{Passing, Proxy};
use std::net::SocketAddr;
use std::time::Duration;

/// What was seen, or why it is not good.
pub type Cell = Result<String, String>;

/// Runs over a lossy wire.
const LOSSY: usize = 50;
/// Runs in a row before the sessions are counted.
const SESSIONS: usize = 200;
const NOW: Duration = Duration::ZERO;
/// Above this a refusal was not "at once", however loaded the machine is.
const SOON: Duration = Duration::from_secs(15);

fn as_user(address: SocketAddr, account: (&str, &str), more: &str) -> Done {
    let (user, password) = account;
    by_stdin(&format!("ip={}\nipport={}\nusername={user}\npassword={password}\n{more}\n", address.ip(), address.port()))
}

fn admin(address: SocketAddr, more: &str) -> Done {
    as_user(address, ("admin", "s3cr3t"), more)
}

fn wanted(done: &Done, code: i32, text: &str) -> Result<(), String> {
    let said = if code == 1 { &done.err } else { &done.out };
    if done.code == code && said.contains(text) { Ok(()) } else { Err(format!("{code} with \"{text}\" wanted, {done:?}")) }
}

fn power(running: &Running, on: bool) -> Result<(), String> {
    if running.is_on() == on { Ok(()) } else { Err(format!("the power is {}", if on { "off" } else { "on" })) }
}

fn absent(why: &str) -> String {
    format!("none: {why}")
}

pub fn status(peer: Peer) -> Cell {
    let bmc = peer.start(Wish::default());
    wanted(&admin(bmc.address(), "action=status"), 0, "Status: ON")?;
    wanted(&admin(bmc.address(), "action=identity"), 0, "guid:a123456789abcdefa123456789abcdef")?;
    Ok("ON, and the GUID".into())
}

pub fn off(peer: Peer) -> Cell {
    let bmc = peer.start(Wish::default());
    wanted(&admin(bmc.address(), "action=off"), 0, "Success: Powered OFF")?;
    power(&bmc, false)?;
    wanted(&admin(bmc.address(), "action=status"), 2, "Status: OFF")?;
    wanted(&admin(bmc.address(), "action=off"), 0, "Success: Already OFF")?;
    Ok("OFF; again: already OFF".into())
}

pub fn on(peer: Peer) -> Cell {
    let bmc = peer.start(Wish::default());
    wanted(&admin(bmc.address(), "action=off"), 0, "Success: Powered OFF")?;
    wanted(&admin(bmc.address(), "action=on"), 0, "Success: Powered ON")?;
    power(&bmc, true)?;
    wanted(&admin(bmc.address(), "action=reboot"), 0, "Success: Rebooted")?;
    power(&bmc, true)?;
    Ok("ON; reboot too".into())
}

pub fn wrong_password(peer: Peer) -> Cell {
    let bmc = peer.start(Wish::default());
    let done = as_user(bmc.address(), ("admin", "wrong-password"), "action=off");
    wanted(&done, 1, "password")?;
    power(&bmc, true)?;
    if done.took > SOON { Err(format!("{done:?}")) } else { Ok("refused at once".into()) }
}

pub fn unknown_user(peer: Peer) -> Cell {
    let bmc = peer.start(Wish::default());
    // pyghmi says nothing at all to a stranger.
    let (text, seen) = if peer == Peer::Pyghmi { ("timed out", "silence, timed out") } else { ("does not know user \"nobody\"", "refused at once") };
    let done = as_user(bmc.address(), ("nobody", "s3cr3t"), "action=off\nlogin_timeout=1\nshell_timeout=1\npower_timeout=2");
    wanted(&done, 1, text)?;
    power(&bmc, true).map(|()| seen.into())
}

pub fn operator(peer: Peer) -> Cell {
    if peer == Peer::Pyghmi {
        return Ok(absent("pyghmi's accounts have no privilege level"));
    }
    let bmc = peer.start(Wish::default());
    for more in ["action=off\nprivlvl=operator", "action=on\nprivlvl=administrator"] {
        let done = as_user(bmc.address(), ("oper", "operpass"), more);
        wanted(&done, 0, "Success: Powered")?;
    }
    power(&bmc, true)?;
    Ok("off, and on by stepping down".into())
}

pub fn user(peer: Peer) -> Cell {
    if peer == Peer::Pyghmi {
        return Ok(absent("pyghmi's accounts have no privilege level"));
    }
    let bmc = peer.start(Wish::default());
    wanted(&as_user(bmc.address(), ("ro", "ropass"), "action=status\nprivlvl=user"), 0, "Status: ON")?;
    wanted(&as_user(bmc.address(), ("ro", "ropass"), "action=off\nprivlvl=user"), 1, "0xd4")?;
    power(&bmc, true)?;
    Ok("status; off refused (0xd4)".into())
}

pub fn kg(peer: Peer) -> Cell {
    let bmc = peer.start(Wish { kg: Some("kg-of-this-bmc"), ..Wish::default() });
    wanted(&admin(bmc.address(), "action=off\nhexadecimal_kg=6b672d6f662d746869732d626d64"), 1, "Kg")?;
    wanted(&admin(bmc.address(), "action=off"), 1, "Kg")?;
    power(&bmc, true)?;
    wanted(&admin(bmc.address(), "action=off\nhexadecimal_kg=6b672d6f662d746869732d626d63"), 0, "Success: Powered OFF")?;
    Ok("right: off; wrong, none: refused".into())
}

pub fn ipv6(peer: Peer) -> Cell {
    let bmc = peer.start(Wish { ipv6: true, ..Wish::default() });
    wanted(&admin(bmc.address(), "action=off"), 0, "Success: Powered OFF")?;
    power(&bmc, false)?;
    Ok("off over ::1".into())
}

/// Every run over a wire that loses packets in both directions has to succeed, five at a time.
fn lossy(peer: Peer, percent: u64) -> Cell {
    let bmc = peer.start(Wish::default());
    let wire = Proxy::lossy(bmc.address(), percent, 20_261_122 + percent);
    let address = wire.address();
    let done: Vec<Done> = std::thread::scope(|scope| {
        let share = |at: usize| (at..LOSSY).step_by(5).map(move |_| admin(address, "action=status\nlogin_timeout=20"));
        let threads: Vec<_> = (0..5).map(|at| scope.spawn(move || share(at).collect::<Vec<_>>())).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let mean = done.iter().map(|done| done.took.as_secs_f64()).sum::<f64>() / LOSSY as f64;
    match done.iter().find(|done| done.code != 0) {
        None => Ok(format!("{LOSSY}/{LOSSY}, {mean:.1} s each")),
        Some(first) => Err(format!("{} of {LOSSY} failed, one of them: {first:?}", done.iter().filter(|done| done.code != 0).count())),
    }
}

pub fn loss_5(peer: Peer) -> Cell {
    lossy(peer, 5)
}

pub fn loss_20(peer: Peer) -> Cell {
    lossy(peer, 20)
}

pub fn late(peer: Peer) -> Cell {
    let bmc = peer.start(Wish::default());
    // Later than the first wait, so that every question is asked twice and the answer of the first comes meanwhile.
    let wire = Proxy::start(bmc.address(), |p: Passing<'_>| vec![(Duration::from_millis(if p.to_bmc { 0 } else { 400 }), p.bytes.to_vec())]);
    wanted(&admin(wire.address(), "action=off\nlogin_timeout=20"), 0, "Success: Powered OFF")?;
    power(&bmc, false)?;
    wanted(&admin(wire.address(), "action=on\nlogin_timeout=20"), 0, "Success: Powered ON")?;
    Ok("off, on: each reply 0.4 s late".into())
}

pub fn doubled(peer: Peer) -> Cell {
    if peer == Peer::Pyghmi {
        return Ok(absent("pyghmi forgets a session when Open Session comes twice (ipmitool fails too)"));
    }
    let bmc = peer.start(Wish::default());
    let wire = Proxy::start(bmc.address(), |p: Passing<'_>| vec![(NOW, p.bytes.to_vec()), (NOW, p.bytes.to_vec())]);
    wanted(&admin(wire.address(), "action=off"), 0, "Success: Powered OFF")?;
    power(&bmc, false)?;
    wanted(&admin(wire.address(), "action=on"), 0, "Success: Powered ON")?;
    if let Running::Rig(bmc) = &bmc
        && bmc.mind().controls != [0, 1]
    {
        return Err(format!("commands done: {:?}", bmc.mind().controls));
    }
    Ok("off, on: each once".into())
}

/// Every status code of table 13-15 in place of success (errors are not signed): no success, no command.
fn rakp_errors(peer: Peer, kind: u8) -> Cell {
    let bmc = peer.start(Wish::default());
    let codes: Vec<u8> = (0x01..=0x12).collect();
    std::thread::scope(|scope| {
        let threads: Vec<_> = codes
            .iter()
            .map(|code| {
                let (code, target, bmc) = (*code, bmc.address(), &bmc);
                scope.spawn(move || {
                    let wire = Proxy::start(target, move |p: Passing<'_>| {
                        let mut bytes = p.bytes.to_vec();
                        if !p.to_bmc && bytes.get(5) == Some(&kind) && bytes.len() > 24 {
                            // Tag, status, reserved, console id; the length follows.
                            bytes.truncate(24);
                            (bytes[14], bytes[15], bytes[17]) = (8, 0, code);
                        }
                        vec![(NOW, bytes)]
                    });
                    let done = admin(wire.address(), "action=off\nlogin_timeout=1\nshell_timeout=0\npower_timeout=1");
                    wanted(&done, 1, "off failed").map_err(|e| format!("status {code:#04x}: {e}")).and_then(|()| power(bmc, true))
                })
            })
            .collect();
        threads.into_iter().try_for_each(|thread| thread.join().unwrap())
    })?;
    Ok(format!("{} codes: refused, ON", codes.len()))
}

pub fn rakp2_errors(peer: Peer) -> Cell {
    rakp_errors(peer, 0x13)
}

pub fn rakp4_errors(peer: Peer) -> Cell {
    rakp_errors(peer, 0x15)
}

pub fn sessions(peer: Peer) -> Cell {
    // Small BMCs hold four; ipmi_sim holds 63, pyghmi any number.
    let bmc = peer.start(Wish { room: Some(4), ..Wish::default() });
    for run in 0..SESSIONS {
        wanted(&admin(bmc.address(), "action=status"), 0, "Status: ON").map_err(|e| format!("run {run}: {e}"))?;
    }
    match &bmc {
        Running::Rig(bmc) if bmc.mind().open_sessions() + bmc.mind().inside.refused() as usize > 0 => {
            Err(format!("{} sessions are open, {} were refused", bmc.mind().open_sessions(), bmc.mind().inside.refused()))
        }
        Running::Pyghmi(_) => Ok(format!("{SESSIONS} runs (it counts none)")),
        _ => Ok(format!("none after {SESSIONS} runs")),
    }
}
