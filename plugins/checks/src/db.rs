//! Talking to a database server, for `check_db_query` and `check_db_sync`: log in, read inside a read-only transaction, come
//! back in time, and sort what went wrong into "it is broken" and "I could not look".
//!
//! Refuses to write: every session is read-only, one statement at a time. Judges no value.

mod fault;
mod login;
mod mariadb;
mod postgresql;
mod session;
mod tls;

pub use fault::Fault;
pub use login::{Engine, Login, Target, state};
pub use session::{Progress, Session, Table, job, open, together};
