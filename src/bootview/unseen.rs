//! Files that count at boot and of which nothing is known here.

use std::sync::Arc;

use super::{BootView, CMDLINE, Loader, Outcome, ProblemKind};
use crate::diagnostic::Position;
use crate::observed::Errno;

impl BootView {
    /// A file of which nothing is known here, and by which this loader may leave a parameter
    /// otherwise than the line at `place` does; `None` for the place: whatever a file says counts.
    ///
    /// That is one that it reads later, or may wait at for ever. What a glob sets an explicit line
    /// or an exclusion keeps off in any file.
    pub fn unseen_beside(&self, loader: Loader, place: Option<&Position>) -> Option<&Position> {
        let outcome = self.of(loader);
        let at = |file: &Arc<str>| outcome.files.iter().position(|path| path == file);
        // procps may read one twice.
        let last_at = |file: &Arc<str>| outcome.files.iter().rposition(|path| path == file);
        let last = |place: &&Position| !outcome.is_glob_at(place);
        let counts = |file: &Arc<str>| match last_at(file) {
            // A directory is not among the files.
            None => true,
            read => read > place.filter(last).and_then(|place| at(&place.file)),
        };
        let unseen = outcome.problems.iter().find(|problem| match problem.what {
            ProblemKind::Special => true,
            // What it sets an explicit line keeps off, in any file.
            ProblemKind::TooManyForms(_) | ProblemKind::TooManyGlobs(_) => {
                !place.is_some_and(|place| outcome.is_explicit_at(place))
            }
            // Where links lead in a circle the loader does not get through either.
            ProblemKind::Unreadable(errno) => errno != Errno::ELOOP && counts(&problem.source.file),
            _ => false,
        });
        unseen.map(|problem| &problem.source)
    }
}

impl Outcome {
    fn is_explicit_at(&self, place: &Position) -> bool {
        *place.file != *CMDLINE && !self.is_glob_at(place)
    }

    fn is_glob_at(&self, place: &Position) -> bool {
        self.lines.iter().any(|line| line.is_glob && line.source == *place)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::bootview::with_file;
    use crate::key::Key;
    use crate::observed::{ConfBody, ConfTree};

    /// What is unseen beside the winner, where the middle one of three files has that line.
    fn beside(line: &str, unseen: &str, body: &ConfBody) -> [Option<String>; 2] {
        let mut tree = with_file(&ConfTree::default(), "/etc/sysctl.d/50-b.conf", Some(line));
        tree = with_file(&tree, unseen, Some("placeholder"));
        let file = tree.dirs[0].files.iter_mut().find(|file| *file.path == *unseen);
        file.unwrap().body = body.clone();
        let view = BootView::new(&tree);
        Loader::ALL.map(|loader| {
            let winner =
                view.winner(loader, &Key::from_path("net/ipv4/conf/lo/rp_filter").unwrap());
            let place = winner.map(|winner| &winner.source);
            view.unseen_beside(loader, place).map(ToString::to_string)
        })
    }

    #[test]
    fn an_earlier_file_counts_where_a_glob_wins() {
        let (explicit, glob) = ("net.ipv4.conf.lo.rp_filter = 1", "net.ipv4.conf.*.rp_filter = 1");
        let (earlier, later) = ("/etc/sysctl.d/10-a.conf", "/etc/sysctl.d/60-c.conf");
        for body in [Errno::EACCES, Errno::EFBIG].map(ConfBody::Unreadable) {
            for (line, place, counts) in [
                (explicit, earlier, false),
                (explicit, later, true),
                (glob, earlier, true),
                (glob, later, true),
            ] {
                let told = counts.then(|| format!("{place}:1"));
                assert_eq!(beside(line, place, &body), [told.clone(), told], "{line} {place}");
            }
        }
        for errno in [Errno::ELOOP, Errno::ENOENT] {
            let nothing = ConfBody::Unreadable(errno);
            assert_eq!(beside(glob, earlier, &nothing), [None, None], "{errno:?}");
        }
        for line in [explicit, glob] {
            let told = Some(format!("{earlier}:1"));
            assert_eq!(beside(line, earlier, &ConfBody::Special), [told.clone(), told]);
        }
    }
}
