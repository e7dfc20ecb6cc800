//! A second group, at home on n2: an nginx of its own under another name, on a port of its own, without data. What differs between
//! the groups' machines is written into the nodes' own layers.

use super::site::Node;
use super::tool::write;
use std::path::Path;

/// Its name.
pub const GROUP: &str = "web2";
/// Its failover address.
pub const IP: &str = "10.77.0.101";
/// The port it listens at.
pub const PORT: u16 = 8080;

/// Its part of `cluster.toml`.
pub fn group() -> String {
    format!(
        "[[group]]\nname = \"{GROUP}\"\nhome = \"{home}\"\nip = [{{ address = \"{IP}/24\", link = \"lan\" }}]\ndata = {{ kind = \"none\" }}\n\
         services = [\"{GROUP}.service\"]\nverify = [\"http:{IP}:{PORT}\"]\n\n",
        home = Node::N2.name(),
    )
}

/// Its program, unit and page in a node's layer.
///
/// # Errors
/// What could not be written.
pub fn install(root: &Path) -> Result<(), String> {
    // Another name, so that an observer of processes tells the two apart.
    let link = root.join("usr/local/sbin").join(GROUP);
    write(&root.join("usr/local/sbin/.keep"), b"")?;
    std::os::unix::fs::symlink("/usr/sbin/nginx", &link).map_err(|e| format!("cannot make {}: {e}", link.display()))?;
    let unit = format!(
        "[Unit]\nDescription=The second group\n\n[Service]\nExecStart=/usr/local/sbin/{GROUP} -c /etc/{GROUP}.conf -g 'daemon off; pid /run/{GROUP}.pid;'\n"
    );
    write(&root.join("etc/systemd/system").join(format!("{GROUP}.service")), unit.as_bytes())?;
    let page = format!("node=<!--# echo var=\"hostname\" -->\ndata={}\n", super::disk::CONTENT);
    write(&root.join("srv/second/page.txt"), page.as_bytes())?;
    let conf = format!(
        "events {{ }}\nhttp {{ server {{ listen 0.0.0.0:{PORT}; root /srv/second; default_type text/plain; ssi on; ssi_types text/plain; \
         location / {{ try_files /page.txt =503; }} }} }}\n"
    );
    write(&root.join("etc").join(format!("{GROUP}.conf")), conf.as_bytes())
}
