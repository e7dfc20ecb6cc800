//! Any ClusterLabs fence agent as a power switch: PDUs, hypervisors, Redfish, SBD. Spoken to by standard input, so that no secret
//! stands in a command line.
//!
//! Knows no identity: such a device proves nothing until a drill has shown which node it switches. Believes only the exit code of
//! `status`, never the one of `off`.

use crate::power::{Power, PowerError, PowerSwitch};
use plugin_core::Host;
use plugin_core::host::{Blind, Command, System};
use plugin_core::secret::Secret;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Where Debian and the cluster stack keep fence agents.
const FOLDER: &str = "/usr/sbin";
/// An agent's complaint is cut to this many characters.
const LONGEST_COMPLAINT: usize = 200;

/// One agent with its options.
pub struct External {
    program: PathBuf,
    name: String,
    options: BTreeMap<String, String>,
    secret: Option<Secret>,
}

impl External {
    /// `agent` is the name of a program in `/usr/sbin` that starts with `fence_`, or an absolute path. The secret becomes `password=`.
    ///
    /// # Errors
    /// A sentence: a name that is no agent's, an option that would break out of its line.
    pub fn new(agent: &str, options: BTreeMap<String, String>, secret: Option<Secret>) -> Result<Self, String> {
        let program = if agent.starts_with('/') { PathBuf::from(agent) } else { PathBuf::from(FOLDER).join(agent) };
        let file = program.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if !file.starts_with("fence_") || (!agent.starts_with('/') && file != agent) {
            return Err(format!("agent = \"{agent}\": name a fence agent (fence_…) in {FOLDER}, or its absolute path"));
        }
        for (key, value) in &options {
            if key.contains(['\n', '=']) || value.contains('\n') || matches!(key.as_str(), "action" | "option") {
                return Err(format!("option {key}: the action is not an option, and keys and values are one line each"));
            }
        }
        if secret.as_ref().is_some_and(|secret| secret.expose().contains('\n')) {
            return Err("the secret has more than one line".into());
        }
        let place =
            ["plug", "port", "ip", "ipaddr"].iter().filter_map(|key| options.get(*key)).fold(String::new(), |all, value| format!("{all} {value}"));
        Ok(External { program, name: format!("{file}{place}"), options, secret })
    }

    /// Runs one action; the exit code and what it complained about, without the secret.
    fn act(&self, host: &dyn Host, action: &str) -> Result<(i32, String), PowerError> {
        let mut input = format!("action={action}\n");
        for (key, value) in &self.options {
            input.extend([key, "=", value, "\n"]);
        }
        if let Some(secret) = &self.secret {
            input.extend(["password=", secret.expose(), "\n"]);
        }
        let mut command = Command::new(&self.program);
        command.stdin = Some(input.into_bytes());
        // A machine without a deadline of its own would let a hanging agent hang: this run ends with our share of the time.
        let ran = System::new(Some(host.left())).run(&command);
        let output = ran.map_err(|blind| match blind {
            Blind::Deadline { .. } => PowerError::Silent(format!("use {}: {action} timed out and was killed", self.name)),
            other => PowerError::Config(format!("use {}: cannot {other}; install the package fence-agents", self.name)),
        })?;
        let secret = self.secret.as_ref().map_or("", Secret::expose);
        let clean = if secret.is_empty() { output.stderr } else { output.stderr.replace(secret, "***") };
        let complaint = clean.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().chars().take(LONGEST_COMPLAINT).collect();
        Ok((output.code.unwrap_or(1), complaint))
    }
}

impl PowerSwitch for External {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn identity(&mut self, _: &dyn Host) -> Result<Option<String>, PowerError> {
        Ok(None)
    }

    fn status(&mut self, host: &dyn Host) -> Result<Power, PowerError> {
        match self.act(host, "status")? {
            (0, _) => Ok(Power::On),
            (2, _) => Ok(Power::Off),
            // The contract has one code for every failure: unreachable, denied, unclear.
            (code, complaint) => Err(PowerError::Silent(format!("use {}: status ended with exit code {code}: {complaint}", self.name))),
        }
    }

    fn set(&mut self, host: &dyn Host, want: Power) -> Result<(), PowerError> {
        let action = match want {
            Power::On => "on",
            Power::Off => "off",
        };
        match self.act(host, action)? {
            (0, _) => Ok(()),
            (code, complaint) => Err(PowerError::Refused(format!("use {}: {action} ended with exit code {code}: {complaint}", self.name))),
        }
    }
}
