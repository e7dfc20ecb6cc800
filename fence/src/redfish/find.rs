//! From the service's root to the one system that is the node. Refuses to guess (`pick`), and to walk through endless collections.

use super::Trouble;
use super::http::Answer;
use super::line::Line;
use super::pick::{Found, Wanted, pick};
use super::resource::{self, Collection, Root, System};
use plugin_core::Host;

/// Systems of one service that are looked at.
const SYSTEMS: usize = 64;

/// The state of a system, for services that want it back.
pub type Etag = Option<String>;

/// The wanted system of the service, and whether it shares its UUID with another one.
pub fn find(line: &mut Line, host: &dyn Host, root: &str, wanted: &Wanted) -> Result<(Found, bool, Etag), Trouble> {
    let mut next = Some(if let Wanted::Path(path) = wanted {
        let answer = line.get(host, path)?;
        // A collection where a system is named: as good as naming nothing.
        if resource::read::<Collection>(&answer.body).is_err() {
            let (system, etag) = parsed(path, &answer)?;
            return Ok(((path.clone(), system), false, etag));
        }
        path.clone()
    } else {
        let answer = line.get(host, root)?;
        let root: Root = resource::read(&answer.body).map_err(|e| Trouble::Garbled(format!("GET {root}: {e}")))?;
        root.systems.ok_or_else(|| Trouble::Config("the service's root has no Systems: set redfish_uri to the root".into()))?.path
    });
    let mut paths = Vec::new();
    while let Some(page) = next.take() {
        let answer = line.get(host, &page)?;
        let collection: Collection = resource::read(&answer.body).map_err(|e| Trouble::Garbled(format!("GET {page}: {e}")))?;
        if collection.members.is_empty() && collection.next.is_some() {
            return Err(Trouble::Garbled(format!("GET {page}: a page without members")));
        }
        paths.extend(collection.members.into_iter().map(|m| m.path));
        if paths.len() > SYSTEMS {
            return Err(Trouble::Config(format!("the service has more than {SYSTEMS} systems: name the node's one by its path")));
        }
        next = collection.next;
    }
    let mut found = Vec::new();
    let mut etags = Vec::new();
    for path in paths {
        let path = line.path(&path)?;
        let (system, etag) = one(line, host, &path)?;
        etags.push((path.clone(), etag));
        found.push((path, system));
    }
    let (found, shared) = pick(found, wanted)?;
    let etag = etags.into_iter().find(|(path, _)| *path == found.0).and_then(|(_, etag)| etag);
    Ok((found, shared, etag))
}

/// Reads the system at `path`.
pub fn one(line: &mut Line, host: &dyn Host, path: &str) -> Result<(System, Etag), Trouble> {
    let answer = line.get(host, path)?;
    parsed(path, &answer)
}

fn parsed(path: &str, answer: &Answer) -> Result<(System, Etag), Trouble> {
    let system = resource::system(&answer.body).map_err(|e| Trouble::Garbled(format!("GET {path}: {e}")))?;
    Ok((system, answer.etag().map(str::to_owned)))
}
