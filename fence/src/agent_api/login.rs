//! Options that every agent of a BMC has: where it is, and who asks.

use super::{Kind, Opt, Values};
use plugin_core::Host;
use plugin_core::host::Command;
use plugin_core::secret::{self, Secret};
use std::path::Path;

/// Where the device is.
pub const IP: Opt = Opt::text("ip", "Name or address of the BMC").short('a').old(&["ipaddr"]);
/// Who asks.
pub const USERNAME: Opt = Opt::text("username", "User name").short('l').old(&["login"]);
/// The password itself.
pub const PASSWORD: Opt = Opt::text("password", "Password; on the command line every user can see it").short('p').old(&["passwd"]);
/// Where the password stands.
pub const PASSWORD_FILE: Opt = Opt::text("password-file", "File (0600) with the password").old(&["passwd-file"]);
/// What prints the password.
pub const PASSWORD_SCRIPT: Opt = Opt::text("password-script", "Program (absolute path) that prints the password").short('S').old(&["passwd-script"]);
/// Old clusters name the device as the plug.
pub const PORT_AS_IP: Opt = Opt::text("port-as-ip", "plug is the address of the BMC").kind(Kind::Boolean);

/// The device's address.
///
/// # Errors
/// A sentence: it is missing.
pub fn address(values: &Values) -> Result<&str, String> {
    if values.is_set("port-as-ip") {
        return values.text("plug").ok_or_else(|| "port_as_ip needs plug=ADDRESS".into());
    }
    values.text("ip").ok_or_else(|| "ip= is missing: name the BMC".into())
}

/// The port, if one is given.
///
/// # Errors
/// A sentence: it is none.
pub fn port(values: &Values) -> Result<Option<u16>, String> {
    values.text("ipport").map(|text| text.parse().map_err(|_| format!("ipport={text} is no port"))).transpose()
}

/// The password from the file, the script, or the option (with its environment variable), in this order.
///
/// # Errors
/// A sentence: the file or the script can't be used.
pub fn password(values: &Values, host: &dyn Host) -> Result<Secret, String> {
    if let Some(path) = values.text("password-file") {
        return secret::read(host, Path::new(path)).map_err(|e| format!("password_file: cannot {e}"));
    }
    if let Some(path) = values.text("password-script") {
        let output = host.run(&Command::new(path)).map_err(|e| format!("password_script: cannot {e}"))?;
        return if output.success() { Ok(Secret::new(output.stdout.trim_end_matches('\n'))) } else { Err(format!("password_script: {path} failed")) };
    }
    Ok(Secret::new(values.text("password").unwrap_or_default()))
}
