//! Runs the real `fence_ipmi` and `fence_redfish`, by standard input or by flags, and never lets it print a secret.

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Words that may never be printed.
pub const SECRETS: [&str; 5] = ["s3cr3t", "operpass", "ropass", "wrong-password", "6b67"];

/// What a run left behind.
#[derive(Debug)]
pub struct Done {
    pub code: i32,
    pub out: String,
    pub err: String,
    pub took: Duration,
}

impl Done {
    /// Ended with this code.
    pub fn is(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }

    /// Standard output is exactly this line.
    pub fn says(self, line: &str) -> Self {
        assert_eq!(self.out.trim_end(), line, "{self:?}");
        self
    }

    /// Standard error holds this text.
    pub fn complains(self, text: &str) -> Self {
        assert!(self.err.contains(text), "no {text:?} in {self:?}");
        self
    }

    /// Nothing on standard error.
    pub fn quietly(self) -> Self {
        assert_eq!(self.err, "", "{self:?}");
        self
    }
}

/// The agents.
pub const IPMI: &str = env!("CARGO_BIN_EXE_fence_ipmi");
pub const REDFISH: &str = env!("CARGO_BIN_EXE_fence_redfish");

fn spawn(agent: &str, args: &[&str], env: &[(&str, &str)]) -> Child {
    let mut command = Command::new(agent);
    command.args(args).env_remove("IPMI_PASSWORD").env_remove("REDFISH_PASSWORD").envs(env.iter().copied());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the agent")
}

fn finish(child: Child, start: Instant) -> Done {
    let output = child.wait_with_output().expect("its output");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    let done =
        Done { code: output.status.code().expect("an exit, no signal"), out: text(output.stdout), err: text(output.stderr), took: start.elapsed() };
    for secret in SECRETS {
        assert!(!done.out.contains(secret) && !done.err.contains(secret), "a secret is printed: {done:?}");
    }
    assert!(!done.err.contains("panicked"), "{done:?}");
    done
}

/// Starts `fence_ipmi` with these lines on standard input.
pub fn start(input: &str) -> Child {
    start_agent(IPMI, input)
}

/// Starts an agent with these lines on standard input.
pub fn start_agent(agent: &str, input: &str) -> Child {
    let mut child = spawn(agent, &[], &[]);
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("it reads");
    child
}

/// Runs `fence_ipmi` as a cluster does: no arguments, these lines on standard input.
pub fn by_stdin(input: &str) -> Done {
    agent_by_stdin(IPMI, input)
}

/// Runs an agent as a cluster does.
pub fn agent_by_stdin(agent: &str, input: &str) -> Done {
    let begin = Instant::now();
    finish(start_agent(agent, input), begin)
}

/// Runs `fence_ipmi` as a person does; standard input holds nonsense that must not be read.
pub fn by_flags(args: &[&str], env: &[(&str, &str)]) -> Done {
    agent_by_flags(IPMI, args, env)
}

/// Runs an agent as a person does.
pub fn agent_by_flags(agent: &str, args: &[&str], env: &[(&str, &str)]) -> Done {
    let begin = Instant::now();
    let mut child = spawn(agent, args, env);
    // It may have ended without reading.
    let _ = child.stdin.take().expect("a pipe").write_all(b"action=nonsense\n");
    finish(child, begin)
}

/// The lines for an action as `admin`, with further lines.
pub fn lines(address: SocketAddr, action: &str, more: &str) -> String {
    format!("action={action}\nip={}\nipport={}\nusername=admin\npassword=s3cr3t\n{more}\n", address.ip(), address.port())
}

/// An action as `admin`.
pub fn admin(address: SocketAddr, action: &str, more: &str) -> Done {
    by_stdin(&lines(address, action, more))
}
