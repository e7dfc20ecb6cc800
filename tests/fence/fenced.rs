//! The agents in the hands of a real `pacemaker-fenced` (stand-alone, in namespaces of its own): `fence_ipmi` with `ipmi_sim`,
//! `fence_redfish` with sushy-tools' emulator.

use crate::run::{IPMI, REDFISH};
use rig::bmc::IpmiSim;
use rig::redfish::{Sushy, UUID};
use std::fs;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

struct Fenced {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    folder: PathBuf,
}

impl Fenced {
    fn start() -> Self {
        assert!(Path::new("/usr/lib/pacemaker/pacemaker-fenced").exists(), "try: apt-get install pacemaker");
        let folder = std::env::temp_dir().join(format!("twinguard-fenced-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let agents = Path::new(IPMI).parent().unwrap();
        assert_eq!(Path::new(REDFISH).parent(), Some(agents));
        let mut child = Command::new("unshare")
            .args(["--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "--mount-proc", "bash", "-c", include_str!("fenced.sh"), "fenced"])
            .args([agents, &folder])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdin, lines) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()).lines());
        let mut fenced = Fenced { child, stdin, lines, folder };
        assert_eq!(fenced.answer().0, 0);
        fenced
    }

    /// Exit code and output of the command that was sent last.
    fn answer(&mut self) -> (i32, String) {
        let mut said = String::new();
        for line in self.lines.by_ref() {
            let line = line.unwrap();
            if let Some(code) = line.strip_prefix("== ") {
                return (code.parse().unwrap(), said);
            }
            said = said + &line + "\n";
        }
        panic!("fenced has ended: {said}{}", self.log());
    }

    fn admin(&mut self, args: &str) -> (i32, String) {
        writeln!(self.stdin, "stonith_admin {args}").unwrap();
        self.answer()
    }

    /// Succeeds, and this is its output.
    fn does(&mut self, args: &str) -> String {
        let (code, said) = self.admin(args);
        assert_eq!(code, 0, "stonith_admin {args}: {said}\n{}", self.log());
        said
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("fenced.log")).unwrap_or_default()
    }
}

impl Drop for Fenced {
    fn drop(&mut self) {
        // Ends everything in its namespaces.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn pacemakers_fencer_uses_both_agents() {
    let (sim, emulator) = (IpmiSim::start(), Sushy::start(1));
    let mut fenced = Fenced::start();
    for agent in ["fence_ipmi", "fence_redfish"] {
        assert!(fenced.does("-I").contains(agent));
        assert!(fenced.does(&format!("--metadata -a {agent}")).contains(&format!("<resource-agent name=\"{agent}\"")));
        assert_eq!(fenced.admin(&format!("--validate -a {agent} -o ip=192.0.2.1 -o username=admin -o password=x")).0, 0);
        assert_ne!(fenced.admin(&format!("--validate -a {agent} -o username=admin")).0, 0, "no address");
    }
    let ipmi = format!("-a fence_ipmi -o ip=127.0.0.1 -o ipport={} -o username=admin", sim.address().port());
    let ca = emulator.ca();
    let redfish = format!(
        "-a fence_redfish -o ip=127.0.0.1 -o ipport={} -o username=admin -o ca_file={} -o power_timeout=40",
        emulator.address().port(),
        ca.display()
    );
    fenced.does(&format!("-R bmc1 {ipmi} -o password=s3cr3t -o pcmk_host_list=n1"));
    fenced.does(&format!("-R bmc2 {redfish} -o password=s3cr3t -o pcmk_host_list=n2"));
    fenced.does(&format!("-R wrong1 {ipmi} -o password=wrong-password -o pcmk_host_list=n3"));
    fenced.does(&format!("-R wrong2 {redfish} -o password=wrong-password -o pcmk_host_list=n4"));
    for (node, device) in [("n1", "bmc1"), ("n2", "bmc2")] {
        fenced.does(&format!("-Q {device}"));
        assert!(fenced.does(&format!("-l {node}")).contains(device));
    }
    // -Q ends with 0 whatever the agent says; the log has the truth.
    for device in ["wrong1", "wrong2"] {
        fenced.admin(&format!("-Q {device}"));
    }
    let monitors: Vec<String> = fenced.log().lines().filter(|l| l.contains("monitor")).map(str::to_owned).collect();
    for (device, code) in [("bmc1", 0), ("bmc2", 0), ("wrong1", 1), ("wrong2", 1)] {
        let ended = |line: &&String| line.contains(device) && line.contains(&format!("returned {code}"));
        assert!(monitors.iter().any(|line| ended(&line)), "{device}: {monitors:#?}");
    }

    fenced.does("-F n1 -t 60");
    assert!(!sim.is_on());
    fenced.does("-F n2 -t 60");
    assert_eq!(emulator.power(UUID), "Off");
    fenced.does("-U n1 -t 60");
    assert!(sim.is_on());
    fenced.does("-U n2 -t 60");
    assert_eq!(emulator.power(UUID), "On");
    fenced.does("-B n1 -t 60");
    assert!(sim.is_on());
    // Without a cluster it keeps no history of its own: that it answers is all.
    for node in ["n1", "n2"] {
        fenced.does(&format!("-H {node}"));
    }
    for (node, words) in [("n3", "password"), ("n4", "password is wrong")] {
        assert_ne!(fenced.admin(&format!("-F {node} -t 30")).0, 0, "{node} was not fenced");
        assert!(fenced.log().contains(words));
    }
    assert!(sim.is_on());
    assert_eq!(emulator.power(UUID), "On");
    assert!(!fenced.log().contains("s3cr3t"), "a secret stands in the log");
}
