//! What is read below a root of the test's own.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

use super::*;

/// A root with the usual directories, gone when dropped.
struct Root(PathBuf);

impl Root {
    fn new(name: &str) -> Self {
        let root =
            Self(std::env::temp_dir().join(format!("tunectl-{name}-{}", std::process::id())));
        let _ = fs::remove_dir_all(&root.0);
        fs::create_dir_all(root.at("/etc/sysctl.d")).unwrap();
        fs::create_dir_all(root.at("/usr/lib/sysctl.d")).unwrap();
        root
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.join(path.trim_start_matches('/'))
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.at(path), text).unwrap();
    }

    fn link(&self, path: &str, target: &str) {
        symlink(target, self.at(path)).unwrap();
    }

    fn read(&self) -> ConfTree {
        read_conf_tree(&self.0)
    }

    /// The body of the one entry of that path.
    #[track_caller]
    fn body(&self, path: &str) -> ConfBody {
        let tree = self.read();
        let files = tree.dirs.iter().flat_map(|d| &d.files).chain(&tree.sysctl_conf);
        let found: Vec<&ConfFile> = files.filter(|f| *f.path == *path).collect();
        assert_eq!(found.len(), 1, "{path} in {tree:?}");
        found[0].body.clone()
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_directory_that_hides_its_files_is_told_from_none() {
    let root = Root::new("closed");
    fs::remove_dir(root.at("/etc/sysctl.d")).unwrap();
    root.link("/etc/sysctl.d", "sysctl.d");
    let tree = root.read();
    let closed: Vec<_> = tree.dirs.iter().map(|dir| (dir.path.as_str(), dir.closed)).collect();
    assert_eq!(closed[0], ("/etc/sysctl.d", Some(Errno::ELOOP)));
    // Neither what is not there nor what is empty hides anything.
    assert!(closed[1..].iter().all(|(_, closed)| closed.is_none()), "{closed:?}");
    // Whoever may not list it does not know what the boot reads.
    if !nix::unistd::geteuid().is_root() {
        fs::remove_file(root.at("/etc/sysctl.d")).unwrap();
        fs::create_dir(root.at("/etc/sysctl.d")).unwrap();
        fs::set_permissions(root.at("/etc/sysctl.d"), fs::Permissions::from_mode(0o311)).unwrap();
        assert_eq!(root.read().dirs[0].closed, Some(Errno::EACCES));
        fs::set_permissions(root.at("/etc/sysctl.d"), fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn directories_are_listed_in_their_order_whether_they_exist_or_not() {
    let root = Root::new("dirs");
    let paths = |tree: ConfTree| tree.dirs.into_iter().map(|d| d.path).collect::<Vec<_>>();
    assert_eq!(paths(root.read()), SYSCTL_DIRS[..4]);
    assert_eq!(root.read().sysctl_conf, None);
    assert_eq!(root.read().cmdline, "");
    // A merged /usr: /lib is the same directory again.
    root.link("/lib", "usr/lib");
    root.write("/usr/lib/sysctl.d/a.conf", "a=1\n");
    assert_eq!(paths(root.read()), SYSCTL_DIRS[..4]);
    assert_eq!(root.body("/usr/lib/sysctl.d/a.conf"), ConfBody::of("a=1\n"));
    // A /lib of its own.
    fs::remove_file(root.at("/lib")).unwrap();
    fs::create_dir_all(root.at("/lib/sysctl.d")).unwrap();
    root.write("/lib/sysctl.d/b.conf", "b=1\n");
    assert_eq!(paths(root.read()), SYSCTL_DIRS);
    assert_eq!(root.body("/lib/sysctl.d/b.conf"), ConfBody::of("b=1\n"));
}

#[test]
fn links_stay_below_the_root() {
    let root = Root::new("links");
    root.write("/etc/sysctl.conf", "a=1\n");
    for (name, target) in [
        ("absolute", "/etc/sysctl.conf"),
        ("relative", "../sysctl.conf"),
        ("up", "../../../../../../../../../etc/sysctl.conf"),
        ("twice", "/etc/sysctl.d/relative.conf"),
        ("through", "/etc/alias/relative.conf"),
    ] {
        let path = format!("/etc/sysctl.d/{name}.conf");
        root.link(&path, target);
        if name == "through" {
            root.link("/etc/alias", "/etc/sysctl.d/");
        }
        assert_eq!(root.body(&path), ConfBody::of("a=1\n"), "{name}");
    }
    let tree = root.read();
    let twice = tree.dirs[0].files.iter().find(|f| f.name() == "twice.conf").unwrap();
    assert_eq!(twice.link.as_deref(), Some("/etc/sysctl.d/relative.conf"));
    // This program's own files are there for the kernel, but not below the root.
    let ours = std::env::current_exe().unwrap();
    root.link("/etc/sysctl.d/out.conf", ours.to_str().unwrap());
    assert_eq!(root.body("/etc/sysctl.d/out.conf"), ConfBody::Unreadable(Errno::ENOENT));
    root.link("/etc/sysctl.d/loop.conf", "loop.conf");
    assert_eq!(root.body("/etc/sysctl.d/loop.conf"), ConfBody::Unreadable(Errno::ELOOP));
    // No /dev below the root, and still it masks.
    root.link("/etc/sysctl.d/null.conf", "/dev/null");
    assert_eq!(root.body("/etc/sysctl.d/null.conf"), ConfBody::Masked);
}

#[test]
fn a_directory_may_itself_be_a_link() {
    let root = Root::new("dirlink");
    fs::remove_dir(root.at("/etc/sysctl.d")).unwrap();
    fs::create_dir_all(root.at("/data/sysctl")).unwrap();
    root.link("/etc/sysctl.d", "/data/sysctl");
    root.write("/data/sysctl/a.conf", "a=1\n");
    root.link("/data/sysctl/b.conf", "a.conf");
    assert_eq!(root.body("/etc/sysctl.d/a.conf"), ConfBody::of("a=1\n"));
    assert_eq!(root.body("/etc/sysctl.d/b.conf"), ConfBody::of("a=1\n"));
}

#[test]
fn what_is_no_regular_file_is_not_read() {
    let root = Root::new("special");
    fs::create_dir(root.at("/etc/sysctl.d/dir.conf")).unwrap();
    assert_eq!(root.body("/etc/sysctl.d/dir.conf"), ConfBody::Directory);
    root.link("/etc/sysctl.d/todir.conf", ".");
    assert_eq!(root.body("/etc/sysctl.d/todir.conf"), ConfBody::Directory);
    // Opening a FIFO that nobody writes to would wait for ever.
    let fifo = root.at("/etc/sysctl.d/fifo.conf");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRUSR).unwrap();
    assert_eq!(root.body("/etc/sysctl.d/fifo.conf"), ConfBody::Special);
    root.link("/etc/sysctl.d/tofifo.conf", "fifo.conf");
    assert_eq!(root.body("/etc/sysctl.d/tofifo.conf"), ConfBody::Special);
    root.write("/etc/sysctl.d/README", "a=1\n");
    assert_eq!(root.body("/etc/sysctl.d/README"), ConfBody::NotRead);
    root.write("/etc/sysctl.d/empty.conf", "");
    assert_eq!(root.body("/etc/sysctl.d/empty.conf"), ConfBody::Masked);
}

#[test]
fn what_cannot_be_read_says_why() {
    let root = Root::new("unreadable");
    root.link("/etc/sysctl.d/gone.conf", "nowhere");
    assert_eq!(root.body("/etc/sysctl.d/gone.conf"), ConfBody::Unreadable(Errno::ENOENT));
    root.link("/etc/sysctl.conf", "/etc/nowhere");
    assert_eq!(root.body("/etc/sysctl.conf"), ConfBody::Unreadable(Errno::ENOENT));
    let size = usize::try_from(MAX_FILE_BYTES).unwrap();
    root.write("/etc/sysctl.d/full.conf", &"#".repeat(size));
    assert!(matches!(root.body("/etc/sysctl.d/full.conf"), ConfBody::Text(b) if b.len() == size));
    root.write("/etc/sysctl.d/large.conf", &"#".repeat(size + 1));
    assert_eq!(root.body("/etc/sysctl.d/large.conf"), ConfBody::Unreadable(Errno::EFBIG));
    root.write("/etc/sysctl.d/secret.conf", "a=1\n");
    let closed = fs::Permissions::from_mode(0o0);
    fs::set_permissions(root.at("/etc/sysctl.d/secret.conf"), closed).unwrap();
    // Permissions do not stop root.
    let expected = if nix::unistd::geteuid().is_root() {
        ConfBody::of("a=1\n")
    } else {
        ConfBody::Unreadable(Errno::EACCES)
    };
    assert_eq!(root.body("/etc/sysctl.d/secret.conf"), expected);
}

#[test]
fn two_names_of_one_file_have_the_same_text() {
    let root = Root::new("twice");
    root.write("/etc/sysctl.conf", "a=1\n");
    root.link("/etc/sysctl.d/99-sysctl.conf", "../sysctl.conf");
    fs::hard_link(root.at("/etc/sysctl.conf"), root.at("/usr/lib/sysctl.d/hard.conf")).unwrap();
    for path in ["/etc/sysctl.conf", "/etc/sysctl.d/99-sysctl.conf", "/usr/lib/sysctl.d/hard.conf"]
    {
        assert_eq!(root.body(path), ConfBody::of("a=1\n"));
    }
}

#[test]
fn the_command_line_is_taken_from_below_the_root() {
    let root = Root::new("cmdline");
    fs::create_dir(root.at("/proc")).unwrap();
    root.write("/proc/cmdline", "quiet sysctl.vm.swappiness=40\n");
    assert_eq!(root.read().cmdline, "quiet sysctl.vm.swappiness=40");
}

#[test]
fn the_running_system_can_be_read() {
    let tree = read_conf_tree(Path::new("/"));
    assert_eq!(tree.dirs[0].path, "/etc/sysctl.d");
    if let Ok(text) = fs::read("/etc/sysctl.conf") {
        assert_eq!(tree.sysctl_conf.unwrap().body, ConfBody::of(text));
    }
    let cmdline = fs::read("/proc/cmdline").unwrap_or_default();
    assert_eq!(tree.cmdline, String::from_utf8_lossy(&cmdline).trim_end());
}
