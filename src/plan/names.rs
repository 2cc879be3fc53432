//! Names that the kernel knows, and those that it takes in a network namespace.

use crate::key::Key;
use crate::observed::{Reading, Snapshot};

use super::note::Note;

/// Where the kernel tells of the names that a parameter may have; a write of another one makes it
/// load a module, where there is one of that name (case E20).
pub(super) fn known_in(key: &Key) -> Option<Key> {
    let list = match key.as_path() {
        "net/ipv4/tcp_congestion_control" => "tcp_available_congestion_control",
        "net/mptcp/path_manager" => "available_path_managers",
        "net/mptcp/scheduler" => "available_schedulers",
        _ => return None,
    };
    Some(key.sibling(list))
}

/// Where the kernel tells of the names that it takes from any network namespace. The host's own may
/// write that list, and need not: what it sets is added. To the others it is fixed (5.13 and later;
/// `tcp_set_default_congestion_control` in `net/ipv4/tcp_cong.c`).
pub(super) fn allowed_in(key: &Key) -> Option<Key> {
    let is_so = key.as_path() == "net/ipv4/tcp_congestion_control";
    is_so.then(|| key.sibling("tcp_allowed_congestion_control"))
}

/// That a name is not among those that the kernel takes here, or knows.
pub(super) fn unlisted(key: &Key, name: &str, snapshot: &Snapshot) -> Option<Note> {
    if let Some(list) = allowed_in(key).filter(|list| is_fixed(list, snapshot))
        && let Some(allowed) = without(&list, name, snapshot)
    {
        return Some(Note::NotAllowedHere { name: name.to_owned(), list, allowed });
    }
    let list = known_in(key)?;
    let known = without(&list, name, snapshot)?;
    Some(Note::NotLoaded { name: name.to_owned(), list, known })
}

/// Whether a write of a name that goes through adds it to a list.
pub(super) fn adds(list: &Key, name: &str, snapshot: &Snapshot) -> bool {
    !is_fixed(list, snapshot)
        && (snapshot.text(list).is_none() || without(list, name, snapshot).is_some())
}

/// What a list has, where that name is not in it.
fn without(list: &Key, name: &str, snapshot: &Snapshot) -> Option<String> {
    let text = snapshot.text(list)?;
    (!text.split_whitespace().any(|word| word == name)).then(|| text.to_owned())
}

fn is_fixed(list: &Key, snapshot: &Snapshot) -> bool {
    snapshot.get(list).is_some_and(Reading::is_fixed)
}
