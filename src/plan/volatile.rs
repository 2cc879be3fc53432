//! What lies in /run: a boot begins without it.

use crate::bootview::{BootView, Loader, dropin, without};
use crate::observed::ConfTree;

use super::{Item, Note};

/// The directory whose files a reboot takes away, unless something writes them anew.
const VOLATILE: &str = "/run/sysctl.d/";

/// The files that a boot finds. Of those in /run it is ours alone, where tunectl-boot writes it
/// anew. `None`: all that are there.
pub(super) fn lasting(conf: &ConfTree, boot_unit: bool) -> Option<ConfTree> {
    let goes =
        |path: &str| path.starts_with(VOLATILE) && !(boot_unit && *path == *dropin::HOST_PATH);
    has(conf, goes).then(|| without(conf, goes))
}

/// The same without ours. `None`: there are none of ours.
pub(super) fn others(lasting: &ConfTree) -> Option<ConfTree> {
    let ours = |path: &str| dropin::PATHS.contains(&path);
    has(lasting, ours).then(|| without(lasting, ours))
}

fn has(conf: &ConfTree, wanted: impl Fn(&str) -> bool) -> bool {
    conf.dirs.iter().flat_map(|dir| &dir.files).any(|file| wanted(&file.path))
}

/// Adds to each item what a file in /run sets in this boot alone, and which one hides until then
/// the file that the next boot goes by.
pub(super) fn annotate(items: &mut [Item], conf: &ConfTree, lasting: &BootView, loader: Loader) {
    let now = lasting.of_changed(conf);
    for item in items {
        let winner = now.winner(loader, &item.desired.key);
        if let Some(line) = winner.filter(|line| is_foreign(&line.source.file)) {
            let (source, value) = (line.source.clone(), line.value.to_string());
            item.notes.push(Note::UntilReboot { source, value });
        }
        let by = item.next_boot(loader).1.and_then(|source| {
            let (dir, name) = source.file.rsplit_once('/')?;
            let path = format!("{VOLATILE}{name}");
            // What lies in /etc hides the one in /run.
            let is_hidden = !dir.starts_with("/etc") && is_foreign(&path);
            conf.entry(&path).filter(|_| is_hidden)
        });
        if let Some(by) = by {
            item.notes.push(Note::HiddenUntilReboot { by: by.path.to_string() });
        }
    }
}

fn is_foreign(path: &str) -> bool {
    path.starts_with(VOLATILE) && *path != *dropin::HOST_PATH
}
