//! A lab to look at: starts it, says how to enter the nodes, and ends it when its standard input ends.
use rig::lab::{Lab, Node, Plan, finish, node};
use std::process::ExitCode;

fn main() -> ExitCode {
    finish(hold())
}

fn hold() -> Result<String, String> {
    let lab = Lab::start(&Plan::default())?;
    for which in Node::BOTH {
        let init = node::init(&lab.site, which).unwrap_or_default();
        eprintln!("{}: nsenter --target {init} --all bash    console: {}", which.name(), lab.site.console(which).display());
    }
    eprintln!("lab {} in {}; end it with Ctrl-D", lab.site.id, lab.site.run.display());
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).map_err(|e| e.to_string())?;
    Ok(String::new())
}
