//! The two-node lab: that it behaves as real machines do, and every failure that the product has to master.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests: a broken expectation has to end the test at once, with its own words"
)]

mod itself;
