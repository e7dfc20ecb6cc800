//! The interop table: every BMC against every situation, printed. A cell is what was seen, or why it can't exist; one that fails
//! fails the test. `tests/run interop` runs nothing else.

mod cell;
mod judges;
mod peer;

use cell::Cell;
use peer::Peer;
use std::fmt::Write as _;

type Row = (&'static str, fn(Peer) -> Cell);

const ROWS: [Row; 16] = [
    ("status", cell::status),
    ("off, twice read", cell::off),
    ("on", cell::on),
    ("wrong password", cell::wrong_password),
    ("unknown user", cell::unknown_user),
    ("OPERATOR account", cell::operator),
    ("USER account", cell::user),
    ("Kg", cell::kg),
    ("IPv6", cell::ipv6),
    ("5 % loss", cell::loss_5),
    ("20 % loss", cell::loss_20),
    ("late replies", cell::late),
    ("all doubled", cell::doubled),
    ("RAKP 2 errors", cell::rakp2_errors),
    ("RAKP 4 errors", cell::rakp4_errors),
    ("sessions left", cell::sessions),
];

/// All rows for one BMC, each in a thread of its own: they mostly wait.
fn column(peer: Peer) -> Vec<Cell> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = ROWS.iter().map(|(_, cell)| scope.spawn(move || cell(peer))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err("the test panicked".into()))).collect()
    })
}

#[test]
fn every_bmc_in_every_situation() {
    let columns: Vec<Vec<Cell>> = std::thread::scope(|scope| {
        let threads: Vec<_> = Peer::ALL.map(|peer| scope.spawn(move || column(peer))).into_iter().collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut table = format!("| | {} |\n|---|---|---|---|\n", Peer::ALL.map(Peer::name).join(" | "));
    for (at, (name, _)) in ROWS.iter().enumerate() {
        let cells = columns.iter().map(|column| match &column[at] {
            Ok(seen) => seen.clone(),
            Err(why) => format!("FAILED: {why}"),
        });
        let _ = writeln!(table, "| {name} | {} |", cells.collect::<Vec<_>>().join(" | "));
    }
    println!("{table}\nthe rig's BMC before other clients: {}", judges::all().join("; "));
    assert!(columns.iter().flatten().all(Result::is_ok), "{table}");
}
