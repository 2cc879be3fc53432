//! Makes the directories that a file of ours is missing.
#![allow(clippy::disallowed_methods, reason = "an edge")]

use std::io;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, fchmod, fstat, fsync, mkdirat, openat};
use rustix::io::Errno;

use crate::below::is_closed;

use super::PersistError;

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Makes a directory and those above it that are missing, each 0755 whatever the umask says, and
/// flushes what each was made in.
pub(super) fn make_directories(path: &Path) -> Result<(), PersistError> {
    made(path).map_err(PersistError::new("create", path))
}

fn made(path: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = path
        .ancestors()
        .take_while(|p| !p.as_os_str().is_empty() && matches!(std::fs::exists(p), Ok(false)))
        .collect();
    let Some(first) = missing.last() else { return Ok(()) };
    let above = match first.parent() {
        Some(above) if !above.as_os_str().is_empty() => above,
        _ => Path::new("."),
    };
    let mut above = openat(CWD, above, DIRECTORY, Mode::empty())?;
    for directory in missing.into_iter().rev() {
        let Some(name) = directory.file_name() else { continue };
        let made = match mkdirat(&above, name, Mode::from_raw_mode(0o755)) {
            Err(Errno::EXIST) => false,
            made => made.map(|()| true)?,
        };
        // Of what another user can exchange, nothing is given rights: it may be anything by now.
        // In a sticky directory what is ours stays.
        let alone = is_closed(&fstat(&above)?);
        // One that has come in between may be a link of an operator's; what was made just now is none.
        let how = if made || !alone { DIRECTORY | OFlags::NOFOLLOW } else { DIRECTORY };
        let new = openat(&above, name, how, Mode::empty())?;
        if made {
            if alone {
                fchmod(&new, Mode::from_raw_mode(0o755))?;
            }
            fsync(&above)?;
        }
        above = new;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::disallowed_types, reason = "tests")]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    #[test]
    fn rights_are_given_where_nobody_else_can_exchange_what_they_are_given_to() {
        let base = std::env::temp_dir().join(format!("tunectl-made-{}", std::process::id()));
        fs::create_dir_all(&base).unwrap();
        let mode = |path: &str| fs::metadata(base.join(path)).unwrap().permissions().mode() & 0o777;
        // With a umask that denies all, in another process: it is the process's.
        let child = |name: &str| {
            let body = format!("umask 077; mkdir -p {0}/{name}/a", base.display());
            assert!(
                std::process::Command::new("sh").args(["-c", &body]).status().unwrap().success()
            );
        };
        child("old");
        make_directories(&base.join("old/a/b/c")).unwrap();
        assert_eq!((mode("old/a"), mode("old/a/b"), mode("old/a/b/c")), (0o700, 0o755, 0o755));
        // A directory of everybody's: what was put there meanwhile is entered through no link.
        fs::create_dir(base.join("all")).unwrap();
        fs::set_permissions(base.join("all"), Permissions::from_mode(0o777)).unwrap();
        make_directories(&base.join("all/a")).unwrap();
        assert!(mode("all/a") & 0o700 == 0o700);
        fs::create_dir(base.join("kept")).unwrap();
        fs::set_permissions(base.join("kept"), Permissions::from_mode(0o700)).unwrap();
        symlink("../kept", base.join("all/dangling")).unwrap();
        fs::remove_dir(base.join("kept")).unwrap();
        assert!(make_directories(&base.join("all/dangling/x")).is_err());
        assert!(!base.join("kept").exists());
        fs::remove_dir_all(base).unwrap();
    }
}
