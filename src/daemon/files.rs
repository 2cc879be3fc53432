//! The files that a plan is made from, watched with everything on the way to them.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use crate::below;
use crate::observed::SYSCTL_DIRS;
use crate::persist::holds::HOLDS;
use crate::watch::inotify::Inotify;

/// Which entries of a directory count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Names {
    /// All: baselines and sysctl.d files come under any name.
    All,
    /// Those that lead to a file.
    #[default]
    None,
    These(Vec<Vec<u8>>),
}

/// What has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// A baseline, or a file of sysctl.d.
    pub plan: bool,
    /// The file of holds.
    pub holds: bool,
}

/// The watches.
pub struct Files {
    inotify: Inotify,
    watches: BTreeMap<i32, (PathBuf, Names)>,
}

/// The host's own baseline, and its layers.
const BASELINE: &str = "/etc/tunectl/baseline.yaml";
const LAYERS: &str = "/etc/tunectl/baseline.d";
const NAMED: [&str; 2] = ["/etc/tunectl/baselines", "/usr/share/tunectl/baselines"];
const SYSCTL_CONF: &str = "/etc/sysctl.conf";

impl Files {
    /// Watches nothing yet.
    ///
    /// # Errors
    /// There are no more inotify sets.
    pub fn open() -> io::Result<Self> {
        Ok(Self { inotify: Inotify::open()?, watches: BTreeMap::new() })
    }

    /// Watches the baseline, those files that it is made of, and everything that a link leads
    /// through: a ConfigMap is edited by exchanging a link two directories away.
    pub fn watch(&mut self, root: &Path, sources: &[String]) {
        let mut wanted: BTreeMap<PathBuf, Names> = BTreeMap::new();
        let files = [BASELINE, SYSCTL_CONF, HOLDS].into_iter();
        for path in files.chain(sources.iter().map(String::as_str)) {
            lead(root, path, &mut wanted);
        }
        let sysctl = SYSCTL_DIRS.iter().copied();
        for dir in [LAYERS].into_iter().chain(NAMED).chain(sysctl) {
            lead(root, dir, &mut wanted);
            if let Ok(place) = below::resolve(root, dir) {
                wanted.insert(place, Names::All);
            }
        }
        let old = std::mem::take(&mut self.watches);
        for (dir, names) in wanted {
            // What is not there is seen coming in the directory above it.
            if let Ok(watch) = self.inotify.watch_directory(&dir) {
                self.watches.insert(watch, (dir, names));
            }
        }
        for watch in old.keys().filter(|watch| !self.watches.contains_key(*watch)) {
            self.inotify.unwatch(*watch);
        }
    }

    /// What has changed since this was last asked.
    pub fn changed(&mut self) -> Changed {
        let mut changed = Changed::default();
        let holds = Path::new(HOLDS).file_name().unwrap_or_default().as_encoded_bytes();
        let watches = &self.watches;
        let lost = self.inotify.drain(&mut |happened| {
            let Some((dir, names)) = watches.get(&happened.watch) else { return };
            if happened.name == holds && dir.ends_with("run/tunectl") {
                changed.holds = true;
            } else if happened.name.is_empty() {
                changed.plan = true;
            } else {
                changed.plan |= match names {
                    // Of ours, while it is written.
                    Names::All => !happened.name.ends_with(b".tmp"),
                    Names::These(these) => these.iter().any(|name| name == happened.name),
                    Names::None => false,
                };
            }
        });
        Changed { plan: changed.plan || lost, holds: changed.holds || lost }
    }
}

impl AsFd for Files {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

/// Each entry on the way to `path`, in the directory that it is in.
fn lead(root: &Path, path: &str, wanted: &mut BTreeMap<PathBuf, Names>) {
    for place in below::trail(root, Path::new(path)).unwrap_or_default() {
        let (Some(dir), Some(name)) = (place.parent(), place.file_name()) else { continue };
        let name = name.as_encoded_bytes().to_vec();
        match wanted.entry(dir.to_owned()).or_default() {
            Names::All => {}
            Names::These(names) if names.contains(&name) => {}
            Names::These(names) => names.push(name),
            none @ Names::None => *none = Names::These(vec![name]),
        }
    }
}
