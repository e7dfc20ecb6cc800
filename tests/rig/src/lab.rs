//! The two-node lab: two nodes with a real init, three networks, a BMC each, gateway, witness, client, and one shared disk.
//! Everything lives in namespaces and control groups that carry the lab's name, and goes when [`Lab`] is dropped; what a killed
//! lab leaves behind is removed by the next one. The lab switches and looks; it judges nothing but its own invariants ([`audit`]).

pub mod audit;
pub mod bmc;
pub mod cgroup;
pub mod disk;
pub mod follow;
pub mod footprint;
pub mod founded;
pub mod icinga;
pub mod image;
pub mod ledger;
pub mod net;
pub mod node;
pub mod pair;
pub mod power;
pub mod probe;
pub mod product;
pub mod redfish;
pub mod registry;
pub mod scene;
pub mod second;
pub mod site;
pub mod table;
pub mod tool;
pub mod watch;

pub use crate::process::Done;
pub use pair::Plan;
pub use site::{Link, Node, Site};
pub use tool::wait_for;

use crate::smtp::{Certs, Received, Sink};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// A running lab.
pub struct Lab {
    /// Names and places.
    pub site: Site,
    sink: Option<Sink>,
}

impl Lab {
    /// Builds everything and boots both nodes; returns when both inits are up.
    ///
    /// # Errors
    /// What could not be made, with the words of the tool.
    pub fn start(plan: &Plan) -> Result<Self, String> {
        let image = image::image()?;
        let hook = product::binary("lab_chassis")?;
        let (id, run) = registry::claim()?;
        let disk = image::cache().join("labs").join(&id);
        // From here on, dropping the lab cleans up.
        let mut lab = Self { site: Site { id, run, disk, image, loops: Vec::new(), post_ms: plan.post_ms, hook }, sink: None };
        std::fs::create_dir_all(&lab.site.disk).map_err(|e| format!("cannot make {}: {e}", lab.site.disk.display()))?;
        lab.site.save()?;
        lab.site.loops = disk::make(&lab.site.disk)?;
        lab.site.save()?;
        net::make(&lab.site)?;
        product::install(&lab.site)?;
        icinga::install(&lab.site)?;
        let certs = Certs::make(&lab.site.run.join("relay"), &[site::WITNESS]);
        pair::prepare(&lab.site, plan, &certs.ca())?;
        if plan.redfish {
            redfish::prepare(&lab.site)?;
        }
        for node in Node::BOTH {
            power::on(&lab.site, node)?;
        }
        let relay = format!("{}:25", site::WITNESS);
        lab.sink = Some(Sink::start(&relay, &lab.site.run.join("mails"), &certs, Some(&lab.site.netns_path("witness"))));
        for node in Node::BOTH {
            bmc::start(&lab.site, node, bmc::PORT)?;
            if plan.redfish {
                redfish::start(&lab.site, node)?;
            }
            if plan.sound {
                bmc::start(&lab.site, node, bmc::PORT + 1)?;
            }
            if plan.outlets {
                bmc::start_outlet(&lab.site, node)?;
            }
            lab.wait_up(node)?;
        }
        Ok(lab)
    }

    /// Runs a program in a node.
    ///
    /// # Errors
    /// The node is off.
    pub fn exec(&self, node: Node, argv: &[&str]) -> Result<Done, String> {
        node::exec(&self.site, node, argv)
    }

    /// Runs a program in a node and wants exit code 0; its standard output.
    ///
    /// # Errors
    /// What it said.
    pub fn run(&self, node: Node, argv: &[&str]) -> Result<String, String> {
        let done = self.exec(node, argv)?;
        if done.code == Some(0) {
            Ok(done.stdout)
        } else {
            Err(format!("{}: {} ended with {:?}: {}", node.name(), argv.join(" "), done.code, done.stderr.trim()))
        }
    }

    /// Runs one of the host's programs in the network namespace of a host of the lab.
    ///
    /// # Errors
    /// It can't be started.
    pub fn at(&self, host: &str, argv: &[&str]) -> Result<Done, String> {
        let netns = format!("--net={}", self.site.netns_path(host).display());
        let mut command = vec![netns.as_str()];
        command.extend(argv);
        tool::done("nsenter", &command)
    }

    /// A host of the lab gets an answer to a ping.
    pub fn pings(&self, host: &str, address: &str) -> bool {
        self.at(host, &["ping", "-n", "-q", "-c", "1", "-W", "1", address]).is_ok_and(|d| d.code == Some(0))
    }

    /// Waits until systemd has started everything.
    ///
    /// # Errors
    /// It did not within a minute, or a unit failed: their names.
    pub fn wait_up(&self, node: Node) -> Result<(), String> {
        let state = || self.exec(node, &["systemctl", "is-system-running"]).map(|d| d.stdout.trim().to_owned()).unwrap_or_default();
        wait_for(&format!("start of {}", node.name()), Duration::from_mins(1), || ["running", "degraded"].contains(&state().as_str()))
            .map_err(|e| format!("{e}\n{}", tool::read(self.site.console(node))))?;
        let failed = self.run(node, &["systemctl", "list-units", "--state=failed", "--plain", "--no-legend"])?;
        if failed.trim().is_empty() { Ok(()) } else { Err(format!("{}: failed units: {}", node.name(), failed.trim())) }
    }

    /// The mails that arrived at the relay.
    pub fn mails(&self) -> Vec<Received> {
        self.sink.as_ref().map(Sink::mails).unwrap_or_default()
    }

    /// Where the client writes its samples.
    pub fn client_file(&self) -> PathBuf {
        self.site.run.join("client.samples")
    }

    /// Starts the client that asks the cluster IP every 20 ms; the file with its [`probe::Sample`]s.
    ///
    /// # Errors
    /// It can't be started.
    pub fn start_client(&self) -> Result<PathBuf, String> {
        let file = self.client_file();
        self.start_client_of(&format!("{}:80", site::CLUSTER_IP), &file)?;
        Ok(file)
    }

    /// The same for another target and file.
    ///
    /// # Errors
    /// It can't be started.
    pub fn start_client_of(&self, target: &str, file: &Path) -> Result<(), String> {
        let program = product::binary("lab_probe")?;
        node::start_helper(&self.site, Some("client"), "client.log", &[&program.to_string_lossy(), target, &file.to_string_lossy()])
    }

    /// The machine crashes: cables and processes dead at once; its BMC goes on reading ON.
    ///
    /// # Errors
    /// Something of it survives.
    pub fn crash(&self, node: Node) -> Result<(), String> {
        power::crash(&self.site, node)
    }

    /// The plug is pulled; its BMC reads OFF.
    ///
    /// # Errors
    /// Something of it survives.
    pub fn plug(&self, node: Node) -> Result<(), String> {
        power::off(&self.site, node)
    }

    /// Power comes back.
    ///
    /// # Errors
    /// The starter can't be started.
    pub fn power_on(&self, node: Node) -> Result<(), String> {
        power::on(&self.site, node)
    }

    /// The machine hangs: no process runs, the kernel still answers pings.
    ///
    /// # Errors
    /// It can't be frozen.
    pub fn hang(&self, node: Node) -> Result<(), String> {
        node::cgroup(&self.site, node)?.freeze(true)
    }

    /// It goes on.
    ///
    /// # Errors
    /// It can't be thawed.
    pub fn thaw(&self, node: Node) -> Result<(), String> {
        node::cgroup(&self.site, node)?.freeze(false)
    }

    /// A cable is cut.
    ///
    /// # Errors
    /// What `ip` said.
    pub fn cut(&self, node: Node, link: Link) -> Result<(), String> {
        net::cable(&self.site, node.name(), &[link], false)
    }

    /// It is repaired.
    ///
    /// # Errors
    /// What `ip` said.
    pub fn uncut(&self, node: Node, link: Link) -> Result<(), String> {
        net::cable(&self.site, node.name(), &[link], true)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        registry::remove(&self.site.id);
    }
}

/// Starts a lab to look at, says how to enter its nodes, and ends it when standard input ends.
///
/// # Errors
/// As [`Lab::start`].
pub fn hold() -> Result<String, String> {
    let lab = Lab::start(&Plan::default())?;
    for which in Node::BOTH {
        let init = node::init(&lab.site, which).unwrap_or_default();
        eprintln!("{}: nsenter --target {init} --all bash    console: {}", which.name(), lab.site.console(which).display());
    }
    eprintln!("lab {} in {}; end it with Ctrl-D", lab.site.id, lab.site.run.display());
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).map_err(|e| e.to_string())?;
    Ok(String::new())
}

/// Arguments of a lab program.
pub fn arguments() -> Vec<String> {
    std::env::args().skip(1).collect()
}

/// Ends a lab program: prints what it has to say, or what went wrong.
pub fn finish(result: Result<String, String>) -> ExitCode {
    match result {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(text) => {
            eprintln!("{text}");
            ExitCode::FAILURE
        }
    }
}
