//! Which of a service's systems is the node. Pure. Refuses to guess.

use super::Trouble;
use super::resource::{System, uuid};

/// The administrator's choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The only one that there is.
    Only,
    /// The one with this `Id` or UUID.
    Named(String),
    /// The one with this `Id` or UUID, or the only one: a cluster names the node on every call, whatever the device calls it.
    Hinted(String),
    /// The one at this path.
    Path(String),
}

impl Wanted {
    /// A path begins with `/`.
    pub fn parse(text: &str) -> Self {
        if text.starts_with('/') { Wanted::Path(text.to_owned()) } else { Wanted::Named(text.to_owned()) }
    }
}

/// A system and its path.
pub type Found = (String, System);

/// The one that is wanted, and whether it shares its UUID with another one.
///
/// # Errors
/// [`Trouble::Config`]: none fits, or several do.
pub fn pick(mut systems: Vec<Found>, wanted: &Wanted) -> Result<(Found, bool), Trouble> {
    let list = systems.iter().map(|(path, system)| label(path, system)).collect::<Vec<_>>().join(", ");
    let fits = |name: &str, system: &System| system.id.as_deref() == Some(name) || (system.uuid.is_some() && uuid(name) == system.uuid);
    let places: Vec<usize> = match wanted {
        Wanted::Named(name) | Wanted::Hinted(name) => (0..).zip(&systems).filter(|(_, (_, system))| fits(name, system)).map(|(at, _)| at).collect(),
        Wanted::Only | Wanted::Path(_) => Vec::new(),
    };
    let at = match (places.as_slice(), wanted) {
        ([at], _) => *at,
        ([], Wanted::Only | Wanted::Hinted(_) | Wanted::Path(_)) if systems.len() == 1 => 0,
        ([], Wanted::Named(name)) => return Err(Trouble::Config(format!("no system of the service is called \"{name}\"; it has: {list}"))),
        _ => {
            let what = "name the node's one by its Id, UUID or path (system in cluster.toml; plug or systems_uri of the agent)";
            return Err(Trouble::Config(format!(
                "the service has {} systems ({list}), and to guess would switch off another node: {what}",
                systems.len()
            )));
        }
    };
    let shared = systems.get(at).is_some_and(|(_, one)| one.uuid.is_some() && systems.iter().filter(|(_, s)| s.uuid == one.uuid).count() > 1);
    Ok((systems.swap_remove(at), shared))
}

fn label(path: &str, system: &System) -> String {
    system.id.clone().unwrap_or_else(|| path.to_owned()).chars().filter(|c| !c.is_control()).take(40).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]
mod tests {
    use super::*;
    use crate::power::Power;
    use crate::redfish::resource::Reading;

    fn found(id: &str, digit: char) -> Found {
        let uuid = (digit != '-').then(|| digit.to_string().repeat(32));
        (format!("/s/{id}"), System { id: Some(id.into()), uuid, power: Reading::Known(Power::On), reset: None })
    }

    fn picked(systems: &[Found], wanted: &Wanted) -> Result<(String, bool), String> {
        pick(systems.to_vec(), wanted).map(|((path, _), shared)| (path, shared)).map_err(|e| e.to_string())
    }

    #[test]
    fn one_is_taken_two_are_never_guessed() {
        let (one, two) = (vec![found("1", 'a')], vec![found("1", 'a'), found("2", 'b')]);
        assert_eq!(picked(&one, &Wanted::Only), Ok(("/s/1".into(), false)));
        assert_eq!(picked(&one, &Wanted::Hinted("n1".into())), Ok(("/s/1".into(), false)));
        assert!(picked(&one, &Wanted::Named("n1".into())).unwrap_err().contains("called \"n1\"; it has: 1"));
        for unclear in [Wanted::Only, Wanted::Hinted("n1".into())] {
            assert!(picked(&two, &unclear).unwrap_err().contains("2 systems (1, 2)"));
        }
        for name in ["2", &"B".repeat(32)] {
            assert_eq!(picked(&two, &Wanted::Hinted(name.into())), Ok(("/s/2".into(), false)));
            assert_eq!(picked(&two, &Wanted::Named(name.into())), Ok(("/s/2".into(), false)));
        }
        assert!(picked(&[], &Wanted::Only).unwrap_err().contains("0 systems"));
    }

    #[test]
    fn a_shared_uuid_names_nobody() {
        let twins = [found("1", 'a'), found("2", 'a')];
        assert_eq!(picked(&twins, &Wanted::Named("1".into())), Ok(("/s/1".into(), true)));
        assert!(picked(&twins, &Wanted::Named("a".repeat(32))).is_err());
        let none = [found("1", '-'), found("2", '-')];
        assert_eq!(picked(&none, &Wanted::Named("1".into())), Ok(("/s/1".into(), false)));
        assert!(picked(&none, &Wanted::Named(String::new())).is_err());
    }
}
