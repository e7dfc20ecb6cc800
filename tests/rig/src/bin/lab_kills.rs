//! `tests/run kills`.

fn main() -> std::process::ExitCode {
    rig::lab::finish(rig::kills::main(&rig::lab::arguments()))
}
