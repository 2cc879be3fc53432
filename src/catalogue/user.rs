//! Limits of each user namespace: `user.*`.
#![forbid(unsafe_code)]

use super::bounds::NATURAL;
use super::{Effect, Entry, Scope};
use crate::value::Shape;

const DOC: &str = "Documentation/admin-guide/sysctl/user.rst";
const SOURCE: &str = "kernel/ucount.c";

/// The kernel starts with half of kernel.threads-max.
const fn limit(key: &'static str, summary: &'static str) -> Entry {
    Entry::new(key, Shape::Number, summary, DOC)
        .ranges(NATURAL)
        .scope(Scope::User)
        .since(4, 9)
        .sized_at_boot()
}

/// Sorted by canonical path.
pub(super) const TABLE: &[Entry] = &[
    limit(
        "user/max_cgroup_namespaces",
        "How many cgroup namespaces each user may have in this user namespace",
    ),
    Entry::new(
        "user/max_fanotify_groups",
        Shape::Number,
        "How many fanotify groups each user may have in this user namespace",
        SOURCE,
    )
    .ranges(NATURAL)
    .scope(Scope::User)
    .since(5, 13)
    .effects(&[Effect::Copies("fs/fanotify/max_user_groups")]),
    Entry::new(
        "user/max_fanotify_marks",
        Shape::Number,
        "How many fanotify marks each user may have in this user namespace",
        SOURCE,
    )
    .ranges(NATURAL)
    .scope(Scope::User)
    .since(5, 13)
    .effects(&[Effect::Copies("fs/fanotify/max_user_marks")])
    .sized_at_boot(),
    Entry::new(
        "user/max_inotify_instances",
        Shape::Number,
        "How many inotify instances each user may have in this user namespace",
        SOURCE,
    )
    .ranges(NATURAL)
    .scope(Scope::User)
    .since(4, 11)
    .effects(&[Effect::Copies("fs/inotify/max_user_instances")]),
    Entry::new(
        "user/max_inotify_watches",
        Shape::Number,
        "How many inotify watches each user may have in this user namespace",
        SOURCE,
    )
    .ranges(NATURAL)
    .scope(Scope::User)
    .since(4, 11)
    .effects(&[Effect::Copies("fs/inotify/max_user_watches")])
    .sized_at_boot(),
    limit(
        "user/max_ipc_namespaces",
        "How many IPC namespaces each user may have in this user namespace",
    ),
    limit(
        "user/max_mnt_namespaces",
        "How many mount namespaces each user may have in this user namespace",
    ),
    limit(
        "user/max_net_namespaces",
        "How many network namespaces each user may have in this user namespace",
    ),
    limit(
        "user/max_pid_namespaces",
        "How many PID namespaces each user may have in this user namespace",
    ),
    limit(
        "user/max_time_namespaces",
        "How many time namespaces each user may have in this user namespace",
    )
    .since(5, 7),
    limit(
        "user/max_user_namespaces",
        "How many user namespaces each user may have in this one; 0 forbids new ones",
    ),
    limit(
        "user/max_uts_namespaces",
        "How many UTS namespaces each user may have in this user namespace",
    ),
];
