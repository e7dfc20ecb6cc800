//! A real Icinga 2 on the shipped files and the shipped example of a node.

use crate::top;
use rig::process::{Done, run};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

const ICINGA: &str = "/usr/sbin/icinga2";

static NEXT: AtomicU32 = AtomicU32::new(0);

/// An Icinga with folders of its own, which are gone afterwards.
pub struct Icinga(pub PathBuf);

impl Icinga {
    /// The shipped example of a node, and `more`.
    pub fn new(more: &str) -> Self {
        Self::of(&top().join("icinga-conf/icinga2/example/hosts.conf.example"), "pbx1", more)
    }

    /// The node `name` with the objects of `hosts`, and `more`.
    pub fn of(hosts: &Path, name: &str, more: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("twinguard-icinga-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst)));
        std::fs::create_dir_all(&folder).unwrap();
        let icinga = Self(folder);
        for name in ["data", "log", "cache", "spool", "run"] {
            std::fs::create_dir_all(icinga.0.join(name)).unwrap();
        }
        let copied = Command::new("/usr/bin/cp").arg("-r").arg(top().join("icinga-conf/icinga2")).arg(icinga.0.join("twinguard")).status();
        assert!(copied.unwrap().success());
        std::fs::copy(hosts, icinga.0.join("hosts.conf")).unwrap();
        std::fs::copy(icinga.0.join("twinguard/example/constants.conf.example"), icinga.0.join("constants.conf")).unwrap();
        let text = format!(
            "include \"constants.conf\"\nconst PluginDir = \"/usr/lib/nagios/plugins\"\nconst PluginContribDir = PluginDir\nconst ManubulonPluginDir = PluginDir\nconst NodeName = \"{name}\"\nconst ZoneName = NodeName\n\
             include <itl>\ninclude <plugins>\ninclude <plugins-contrib>\ninclude <manubulon>\ninclude \"hosts.conf\"\ninclude_recursive \"twinguard\"\n{more}\n"
        );
        std::fs::write(icinga.0.join("icinga2.conf"), text).unwrap();
        // Icinga gives its rights up and then reads as its own user.
        let owned = Command::new("/usr/bin/chown").args(["-R", "nagios:nagios"]).arg(&icinga.0).status();
        assert!(owned.unwrap().success(), "Icinga's user is missing: apt install icinga2-bin icinga2-common");
        icinga
    }

    pub fn run(&self, args: &[&str]) -> Done {
        assert!(Path::new(ICINGA).is_file(), "{ICINGA} is missing: apt install icinga2-bin icinga2-common");
        let folders = self.folders();
        run(Path::new(ICINGA), &args.iter().copied().chain(folders.iter().map(String::as_str)).collect::<Vec<_>>())
    }

    /// The options that move every folder of Icinga.
    fn folders(&self) -> Vec<String> {
        let folders = [("Config", ""), ("Data", "data"), ("Log", "log"), ("Cache", "cache"), ("Spool", "spool"), ("InitRun", "run")];
        folders.iter().map(|(name, folder)| format!("-D{name}Dir={}", self.0.join(folder).display())).collect()
    }

    /// Starts the daemon; its log is `log/daemon.log`.
    pub fn start(&self) -> Child {
        let log = File::create(self.0.join("log/daemon.log")).unwrap();
        let mut daemon = Command::new(ICINGA);
        daemon.args(["daemon", "-c", self.0.join("icinga2.conf").to_str().unwrap()]).args(self.folders());
        daemon.stdin(Stdio::null()).stderr(log.try_clone().unwrap()).stdout(log).spawn().unwrap()
    }

    pub fn validate(&self) -> Done {
        let main = self.0.join("icinga2.conf");
        self.run(&["daemon", "-C", "-x", "warning", "-c", main.to_str().unwrap()])
    }
}

impl Drop for Icinga {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const SILENCE: Done = Done { code: Some(0), stdout: String::new(), stderr: String::new() };

#[test]
fn the_shipped_configuration_is_loaded_without_a_word() {
    let icinga = Icinga::new("");
    assert_eq!(icinga.validate(), SILENCE);
    let objects = |kind: &str| icinga.run(&["object", "list", "--type", kind]).stdout;
    let services = objects("Service");
    for (service, expected) in [
        (
            "twinguard-master-alive",
            &[
                "volatile = true",
                "event_command = \"twinguard_takeover\"",
                "retry_interval = 0.2",
                "enable_flapping = false",
                "twinguard_master_alive_failover = true",
            ][..],
        ),
        ("twinguard-master-links", &["volatile = false", "event_command = \"\"", "check_command = \"twinguard_master_alive\""]),
        ("twinguard-disk", &["volatile = false", "event_command = \"\"", "check_command = \"twinguard_disk\""]),
    ] {
        let start =
            services.find(&format!("Object 'pbx1!{service}' of type 'Service':")).unwrap_or_else(|| panic!("{service} is missing in {services}"));
        let object = services[start..].split("\nObject '").next().unwrap();
        for line in expected {
            assert!(object.contains(line), "{service}: no {line} in {object}");
        }
    }
    let notifications = objects("Notification");
    for name in ["pbx1!twinguard-mail-host", "pbx1!twinguard-disk!twinguard-mail-service", "pbx1!twinguard-master-links!twinguard-mail-service"] {
        assert!(notifications.contains(&format!("Object '{name}'")), "{name} is missing in {notifications}");
    }
    assert!(!notifications.contains("twinguard-master-alive"), "a volatile service would mail on every result");
}

#[test]
fn the_calm_profile_is_still_a_failover_service() {
    let icinga = Icinga::new(
        "apply Service \"calm\" {\n import \"twinguard-failover-calm\"\n check_command = \"twinguard_master_alive\"\n assign where host.vars.twinguard_role == \"node\"\n}",
    );
    assert_eq!(icinga.validate(), SILENCE);
    let calm = icinga.run(&["object", "list", "--type", "Service", "--name", "pbx1!calm"]).stdout;
    for line in ["check_interval = 5", "retry_interval = 2", "volatile = true", "event_command = \"twinguard_takeover\""] {
        assert!(calm.contains(line), "no {line} in {calm}");
    }
}

#[test]
fn the_gate_notices_what_icinga_only_warns_of() {
    let warned = Icinga::new("apply Service \"x\" {\n check_command = \"dummy\"\n assign where host.vars.nobody_has_this\n}").validate();
    assert_eq!(warned.code, Some(0));
    assert!(warned.stdout.contains("does not match anywhere"), "{warned:?}");
    let broken = Icinga::new("object CheckCommand \"twinguard_disk\" { command = [ \"x\" ] }").validate();
    assert_ne!(broken.code, Some(0));
    assert!(broken.stdout.contains("re-defined") || broken.stderr.contains("re-defined"), "{broken:?}");
}

#[test]
fn nothing_is_ever_scheduled_on_another_node() {
    for (path, text) in crate::files() {
        let code = text.lines().filter(|line| !line.trim_start().starts_with(['*', '/']));
        assert!(
            code.clone().all(|line| !line.contains("command_endpoint") && !line.contains("object Zone") && !line.contains("object Endpoint")),
            "{}",
            path.display()
        );
    }
}
