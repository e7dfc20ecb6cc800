//! The client: writes one numbered record after the other through the cluster IP and notes a number only when its commit came back.

use crate::lab::tool::now_ms;
use postgres::config::SslMode;
use postgres::{Client, Config, NoTls};
use std::fs::File;
use std::io::Write;
use std::net::IpAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// A commit that has not come back by then is given up; it may have happened or not, and was not acknowledged.
const PATIENCE: Duration = Duration::from_millis(1500);
/// Pause between two records.
const PAUSE: Duration = Duration::from_millis(10);

/// `lab_writer ADDRESS FILE`: writes until it is killed. The line `NUMBER MILLISECONDS` stands in the file for each record that was
/// acknowledged, with the time at which it was sent.
///
/// # Errors
/// Wrong usage, or the file can't be written.
pub fn main(args: &[String]) -> Result<String, String> {
    let [address, file] = args else { return Err("usage: lab_writer ADDRESS FILE".into()) };
    let address: IpAddr = address.parse().map_err(|_| format!("\"{address}\" is no address"))?;
    let mut file = File::options().create(true).append(true).open(file).map_err(|e| format!("cannot write {file}: {e}"))?;
    let mut number = 0_i64;
    let mut session: Option<Session> = None;
    loop {
        number += 1;
        let sent = now_ms();
        let open = session.take().or_else(|| Session::open(address));
        // A session that failed or is late is dropped whole: its answer would come from another time.
        session = open.filter(|s| s.write(number));
        if session.is_some() {
            file.write_all(format!("{number} {sent}\n").as_bytes()).map_err(|e| format!("cannot write the ledger: {e}"))?;
        }
        std::thread::sleep(PAUSE);
    }
}

/// A connection in a thread of its own, so that a dead server can't hold the client.
struct Session {
    numbers: Sender<i64>,
    answers: Receiver<bool>,
}

impl Session {
    fn open(address: IpAddr) -> Option<Self> {
        let (numbers, asked) = channel::<i64>();
        let (answer, answers) = channel();
        std::thread::spawn(move || {
            let mut config = Config::new();
            config.hostaddr(address).user("postgres").dbname("postgres").ssl_mode(SslMode::Disable);
            config.connect_timeout(PATIENCE).tcp_user_timeout(PATIENCE);
            let client = config.connect(NoTls);
            let _ = answer.send(client.is_ok());
            let Ok(mut client) = client else { return };
            for number in asked {
                if answer.send(insert(&mut client, number)).is_err() {
                    return;
                }
            }
        });
        let session = Self { numbers, answers };
        session.answered().then_some(session)
    }

    fn write(&self, number: i64) -> bool {
        self.numbers.send(number).is_ok() && self.answered()
    }

    fn answered(&self) -> bool {
        !matches!(self.answers.recv_timeout(PATIENCE), Ok(false) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected))
    }
}

fn insert(client: &mut Client, number: i64) -> bool {
    client.execute("INSERT INTO ledger (n) VALUES ($1)", &[&number]).is_ok()
}
