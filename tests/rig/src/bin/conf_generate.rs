//! Writes the Nagios objects and the Director basket anew from the Icinga 2 files. Run by `tests/run generate`.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods, reason = "a developer's tool: it writes files of the repository")]

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    match rig::conf::generate(&top) {
        Err(why) => {
            eprintln!("conf_generate: {why}");
            ExitCode::FAILURE
        }
        Ok(files) => {
            for (path, text) in files {
                if let Err(e) = std::fs::create_dir_all(path.parent().unwrap_or(&top)).and_then(|()| std::fs::write(&path, text)) {
                    eprintln!("conf_generate: cannot write {}: {e}", path.display());
                    return ExitCode::FAILURE;
                }
                println!("{}", path.strip_prefix(&top).unwrap_or(&path).display());
            }
            ExitCode::SUCCESS
        }
    }
}
