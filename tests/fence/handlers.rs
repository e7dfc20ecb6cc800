//! DRBD's handlers as the kernel starts them.

use rig::process::{binary, run};

/// drbd.conf(5): 3 to 7 tell DRBD what became of the peer; whatever goes wrong in the call itself must be none of them.
#[test]
fn a_misspelt_handler_tells_drbd_nothing_about_the_peer() {
    for args in [&["fence-peer", "--no-such-option"][..], &["fence-peer", "r0", "r1"], &["fence-peer"], &["--fence-peer"], &["fence-peer", "--help"]]
    {
        let done = run(&binary("twinguard"), args);
        assert!(!matches!(done.code, Some(4..=7) | None), "{args:?}: {done:?}");
        assert!(done.code != Some(3) || !args.contains(&"fence-peer"), "{args:?}: {done:?}");
    }
}
