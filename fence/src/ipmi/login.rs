//! Who logs in, with which rights. Refuses what RMCP+ would silently cut: long names, long passwords.

use std::fmt;

/// Privilege levels (IPMI 2.0 section 6.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privilege {
    /// Nearly nothing.
    Callback,
    /// May read the power state.
    User,
    /// May switch the power.
    Operator,
    /// May do everything.
    Administrator,
}

impl Privilege {
    /// The number on the wire.
    pub const fn number(self) -> u8 {
        match self {
            Privilege::Callback => 1,
            Privilege::User => 2,
            Privilege::Operator => 3,
            Privilege::Administrator => 4,
        }
    }

    /// Reads a level as fence agents spell it.
    ///
    /// # Errors
    /// The word and the known ones.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "callback" => Ok(Privilege::Callback),
            "user" => Ok(Privilege::User),
            "operator" => Ok(Privilege::Operator),
            "administrator" | "admin" => Ok(Privilege::Administrator),
            _ => Err(format!("privilege level \"{text}\" is unknown: use administrator, operator, user or callback")),
        }
    }
}

impl fmt::Display for Privilege {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Privilege::Callback => "callback",
            Privilege::User => "user",
            Privilege::Operator => "operator",
            Privilege::Administrator => "administrator",
        })
    }
}

/// Credentials for one BMC. `Debug` shows no secret.
#[derive(Clone)]
pub struct Login {
    user: Vec<u8>,
    password: Vec<u8>,
    kg: Option<Vec<u8>>,
    privilege: Privilege,
}

impl Login {
    /// Takes the credentials. A Kg of zero length, or of zeros only, means "no Kg" (section 13.28).
    ///
    /// # Errors
    /// What is too long for RMCP+: user names have 16 bytes, passwords 20, the Kg 20.
    pub fn new(user: &str, password: &[u8], kg: Option<&[u8]>, privilege: Privilege) -> Result<Self, String> {
        let fits = |what: &str, length: usize, most: usize| {
            if length <= most { Ok(()) } else { Err(format!("the {what} has {length} bytes; IPMI 2.0 allows {most}")) }
        };
        fits("user name", user.len(), 16)?;
        fits("password", password.len(), 20)?;
        fits("Kg", kg.map_or(0, <[u8]>::len), 20)?;
        let kg = kg.filter(|key| key.iter().any(|byte| *byte != 0)).map(<[u8]>::to_vec);
        Ok(Login { user: user.as_bytes().to_vec(), password: password.to_vec(), kg, privilege })
    }

    /// The same account with another privilege level.
    #[must_use]
    pub fn at(&self, privilege: Privilege) -> Self {
        Login { privilege, ..self.clone() }
    }

    /// User name.
    pub fn user(&self) -> &[u8] {
        &self.user
    }

    /// K\[UID\] of section 13.31.
    pub(super) fn user_key(&self) -> &[u8] {
        &self.password
    }

    /// Kg, or K\[UID\] where there is none (section 13.31).
    pub(super) fn session_key(&self) -> &[u8] {
        self.kg.as_deref().unwrap_or(&self.password)
    }

    /// Privilege level asked for.
    pub const fn privilege(&self) -> Privilege {
        self.privilege
    }

    /// Role byte of RAKP 1 (section 13.20): the user is looked up by name alone, whatever level it is configured for.
    pub(super) const fn role(&self) -> u8 {
        0x10 | self.privilege.number()
    }
}

/// Reads a Kg: hexadecimal digits, with or without 0x.
///
/// # Errors
/// What is expected; never the digits.
pub fn kg(text: &str) -> Result<Vec<u8>, String> {
    let digits = text.trim().trim_start_matches("0x");
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    digits.as_bytes().chunks(2).map(pair).collect::<Option<Vec<u8>>>().ok_or_else(|| "pairs of hexadecimal digits are expected".to_owned())
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login({}, {})", String::from_utf8_lossy(&self.user), self.privilege)
    }
}

#[cfg(test)]
mod tests {
    use super::{Login, Privilege, kg};

    #[test]
    fn what_the_wire_would_cut_is_refused() {
        let login = |user: &str, password: &str| Login::new(user, password.as_bytes(), None, Privilege::Operator).map(|_| ());
        assert_eq!(login("sixteen-bytes-ok", "twenty-bytes-are-ok!"), Ok(()));
        assert!(login("seventeen-bytes-x", "x").is_err_and(|e| e.contains("17 bytes")));
        assert!(login("x", "twenty-one-bytes-no-!").is_err_and(|e| e.contains("21 bytes") && !e.contains("twenty-one")));
    }

    #[test]
    fn a_kg_of_zeros_is_none() {
        let key = |kg: &[u8]| Login::new("u", b"pw", Some(kg), Privilege::User).map(|l| l.session_key().to_vec());
        assert_eq!(key(&[0; 20]), Ok(b"pw".to_vec()));
        assert_eq!(key(b"kg"), Ok(b"kg".to_vec()));
    }

    #[test]
    fn a_kg_is_pairs_of_digits_and_an_error_does_not_show_it() {
        assert_eq!(kg("0x00ffA1"), Ok(vec![0x00, 0xff, 0xa1]));
        for wrong in ["abc", "zz", "+1", "a b0"] {
            assert!(kg(wrong).is_err_and(|e| !e.contains(wrong)), "{wrong}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let login = Login::new("fence", b"hunter2", Some(b"kgkgkg"), Privilege::Administrator);
        assert_eq!(format!("{login:?}"), "Ok(Login(fence, administrator))");
    }
}
