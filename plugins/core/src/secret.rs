//! Secrets: read from files that only their owner may read, never from arguments.
//!
//! Refuses to print one: [`Secret`] has no `Display` and its `Debug` is `***`.

use crate::{Blind, Host};
use std::fmt;
use std::path::Path;

/// A password or key. Handed out by [`Secret::expose`] only, so that each use can be found.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret that came another way (a field of a standard-input contract).
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself: for the protocol that needs it, never for a log or an error.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Reads a secret; one newline at its end is not part of it.
///
/// # Errors
/// [`Blind::Read`] naming the path: unreadable, empty, or readable by group or others.
pub fn read(host: &dyn Host, path: &Path) -> Result<Secret, Blind> {
    let wrong = |reason: String| Blind::Read { path: path.to_owned(), reason };
    let mode = rustix::fs::stat(path).map_err(|e| wrong(std::io::Error::from(e).to_string()))?.st_mode & 0o777;
    if mode & 0o077 != 0 {
        return Err(wrong(format!("its mode is {mode:04o}, so others can read the secret; run: chmod 0600 {}", path.display())));
    }
    let text = host.read(path)?;
    let text = text.strip_suffix('\n').map_or(text.as_str(), |t| t.strip_suffix('\r').unwrap_or(t));
    if text.is_empty() { Err(wrong("it is empty; write the secret into it".into())) } else { Ok(Secret::new(text)) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;
    use crate::host::System;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn only_a_private_file_is_a_secret_and_it_never_prints() {
        let path = std::env::temp_dir().join(format!("twinguard-secret-{}", std::process::id()));
        let host = System::new(None);
        let with = |text: &str, mode: u32| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            read(&host, &path)
        };
        assert_eq!(with("hunter2 \n", 0o600).unwrap().expose(), "hunter2 ");
        assert_eq!(with("hunter2\n\n", 0o400).unwrap().expose(), "hunter2\n");
        assert_eq!(format!("{:?}", with("hunter2", 0o600).unwrap()), "***");
        for mode in [0o640, 0o604, 0o644, 0o620] {
            let error = with("hunter2", mode).unwrap_err().to_string();
            assert!(error.contains("chmod 0600") && !error.contains("hunter2"), "{error}");
        }
        assert!(with("\n", 0o600).unwrap_err().to_string().contains("empty"));
        std::fs::remove_file(&path).unwrap();
        assert!(read(&host, &path).is_err());
    }
}
