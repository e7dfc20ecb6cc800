//! `tests/run speed`.

fn main() -> std::process::ExitCode {
    rig::lab::finish(rig::speed::main(&rig::lab::arguments()))
}
