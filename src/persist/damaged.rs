//! Keeps state files that make no sense, or are not obeyed, beside their places, before others are
//! put there.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::fs;
use std::path::Path;

use crate::below;

use super::state::{self, StateError};
use super::{holds, originals};

/// Renames each such file to its name with `.damaged` behind it, and says so. The lock is held.
pub fn set_aside(root: &Path) {
    for (path, of) in [
        (originals::FIRST, &originals::damage as &dyn Fn(&[u8]) -> Option<String>),
        (originals::OF_BOOT, &originals::damage),
        (holds::KEPT, &holds::damage),
        (holds::HOLDS, &holds::damage),
    ] {
        let why = match state::read(root, path) {
            Ok(Some(bytes)) => of(&bytes),
            // A slip of chown or chmod makes it that: what it says is not lost.
            Err(StateError::Foreign(why)) if why != state::NO_FILE => {
                Some(format!("is not obeyed, because {why}"))
            }
            // What cannot be read whoever reads it is told of.
            Ok(None) | Err(_) => None,
        };
        let Some(why) = why else { continue };
        let kept = below::resolve_parent(root, path).and_then(|place| {
            let mut beside = place.clone().into_os_string();
            beside.push(".damaged");
            // One that was kept before may be the only good one.
            match fs::symlink_metadata(&beside) {
                Ok(_) => Err(std::io::ErrorKind::AlreadyExists.into()),
                Err(_) => fs::rename(place, beside),
            }
        });
        match kept {
            Ok(()) => log::warn!("{path} {why}: it is kept as {path}.damaged"),
            Err(error) => log::warn!("{path} {why}, and cannot be kept beside: {error}"),
        }
    }
}
