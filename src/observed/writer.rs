//! Who changed a parameter, as far as that is known.

/// The process behind a write. What is not known is `None`; nothing is guessed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Writer {
    /// Its process id in the host's pid namespace.
    pub pid: Option<u32>,
    /// Its name, as the kernel keeps it: at most 15 bytes.
    pub comm: Option<String>,
    /// The program file.
    pub exe: Option<String>,
    /// The command line, arguments separated by blanks, secrets masked.
    pub cmdline: Option<String>,
    /// Its real user id.
    pub uid: Option<u32>,
    /// The user who logged in, whatever the process became since (`sudo`).
    pub login_uid: Option<u32>,
    /// Its cgroup's path below the cgroup v2 root.
    pub cgroup: Option<String>,
    /// The systemd unit that it belongs to.
    pub unit: Option<String>,
    /// The container's id.
    pub container: Option<String>,
    /// Its parent, then that one's.
    pub ancestors: Vec<Ancestor>,
    /// How it became known.
    pub via: Via,
    /// The namespace that it wrote in.
    pub namespace: Option<Namespace>,
}

/// A parent process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ancestor {
    /// Its process id.
    pub pid: u32,
    /// Its name.
    pub comm: String,
}

/// How a writer became known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Via {
    /// The BPF program saw it in the act.
    Bpf,
    /// fanotify gave its process id.
    Fanotify,
    /// It was found below /proc.
    Proc,
    /// It is not known.
    #[default]
    None,
}

impl Via {
    /// As scripts know it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bpf => "bpf",
            Self::Fanotify => "fanotify",
            Self::Proc => "proc",
            Self::None => "none",
        }
    }
}

/// Whose namespace a write was made in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Namespace {
    /// The host's own.
    Host,
    /// Another one.
    Other,
}

impl Namespace {
    /// As scripts know it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Other => "other",
        }
    }
}

/// What changed a parameter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cause {
    /// A process wrote it.
    Process,
    /// The kernel did by itself.
    Kernel,
    /// Nobody knows.
    #[default]
    Unknown,
}

impl Cause {
    /// As scripts know it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Kernel => "kernel",
            Self::Unknown => "unknown",
        }
    }
}
