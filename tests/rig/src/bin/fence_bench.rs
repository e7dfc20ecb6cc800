//! What a call of `fence_ipmi` costs beside `fence_ipmilan`: `tests/run fence-bench`.

fn main() {
    rig::cost::main();
}
