//! The calls of bpf(2) that are needed, and memory shared with the kernel.
#![allow(unsafe_code, reason = "bpf(2) and mmap(2) have no safe form in the crates at hand")]

use std::ffi::{CString, c_int, c_long, c_void};
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::ptr::{self, NonNull};

use super::assembler::Instruction;

/// Kinds of maps.
pub const MAP_HASH: u32 = 1;
/// See [`MAP_HASH`].
pub const MAP_ARRAY: u32 = 2;
/// See [`MAP_HASH`].
pub const MAP_RINGBUF: u32 = 27;
/// Memory of a hash map is taken as it is filled.
pub const NO_PREALLOC: u32 = 1;
/// An array map may be mapped.
pub const MMAPABLE: u32 = 1 << 10;

const MAP_CREATE: c_int = 0;
const MAP_UPDATE_ELEM: c_int = 2;
const MAP_DELETE_ELEM: c_int = 3;
const PROG_LOAD: c_int = 5;
const OBJ_PIN: c_int = 6;
const OBJ_GET: c_int = 7;
const OBJ_GET_INFO_BY_FD: c_int = 15;
const PROG_QUERY: c_int = 16;
const LINK_CREATE: c_int = 28;
const LINK_DETACH: c_int = 34;
const TYPE_CGROUP_SYSCTL: u32 = 23;
const ATTACH_CGROUP_SYSCTL: u32 = 18;
const ALLOW_MULTI: u32 = 2;
/// The kernel offers helpers that read its memory only to programs that say that they may be had
/// under the GPL too; Apache-2.0 alone is not on its list. It is said of these instructions.
const LICENSE: &std::ffi::CStr = c"Dual MIT/GPL";
const NAME: [u8; 16] = *b"tunectl_watch\0\0\0";

/// The attributes of a call, with no padding that the compiler would leave unset.
#[repr(C)]
#[derive(Default)]
struct MapCreate {
    kind: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    flags: u32,
    inner: u32,
    numa_node: u32,
    name: [u8; 16],
}

#[repr(C)]
struct MapElement {
    map: u32,
    padding: u32,
    key: u64,
    value: u64,
    flags: u64,
}

#[repr(C)]
struct ProgramLoad {
    kind: u32,
    count: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
    interface: u32,
    attach_type: u32,
}

#[repr(C)]
#[derive(Default)]
struct LinkCreate {
    program: u32,
    target: u32,
    attach_type: u32,
    flags: u32,
}

#[repr(C)]
#[derive(Default)]
struct LinkDetach {
    link: u32,
    flags: u32,
}

#[repr(C)]
#[derive(Default)]
struct ObjectPath {
    path: u64,
    fd: u32,
    flags: u32,
}

#[repr(C)]
#[derive(Default)]
struct ProgramQuery {
    target: u32,
    attach_type: u32,
    query_flags: u32,
    attach_flags: u32,
    ids: u64,
    count: u32,
    padding: u32,
}

#[repr(C)]
struct ObjectInfo {
    fd: u32,
    size: u32,
    info: u64,
}

/// The beginning of what the kernel tells of a map.
#[repr(C)]
#[derive(Default)]
struct MapInfo {
    kind: u32,
    id: u32,
    key_size: u32,
    value_size: u32,
}

/// Calls bpf(2) with attributes made of plain numbers.
///
/// # Safety
/// Addresses in `attributes` must be those of memory that the command may read or write.
unsafe fn bpf<T>(command: c_int, attributes: &mut T) -> io::Result<c_long> {
    let address = ptr::from_mut(attributes).cast::<c_void>();
    // SAFETY: `attributes` is as long as said, all of it set; what it points to is the caller's.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, address, size_of::<T>()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn raw(fd: BorrowedFd<'_>) -> u32 {
    fd.as_raw_fd().cast_unsigned()
}

/// A descriptor that bpf(2) has just returned.
fn owned(result: c_long) -> io::Result<OwnedFd> {
    let fd = c_int::try_from(result).map_err(io::Error::other)?;
    // SAFETY: the kernel has just made this descriptor, with O_CLOEXEC, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Makes a map.
///
/// # Errors
/// As bpf(2).
pub fn create_map(
    kind: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    flags: u32,
) -> io::Result<OwnedFd> {
    let mut attributes = MapCreate {
        kind,
        key_size,
        value_size,
        max_entries,
        flags,
        name: NAME,
        ..MapCreate::default()
    };
    // SAFETY: there are no addresses in the attributes.
    owned(unsafe { bpf(MAP_CREATE, &mut attributes) }?)
}

/// Sets one element of a map made with these sizes.
///
/// # Errors
/// As bpf(2).
pub fn set_element<const K: usize, const V: usize>(
    map: &Map<K, V>,
    key: &[u8; K],
    value: &[u8; V],
) -> io::Result<()> {
    let (key, value) = (address(key), address(value));
    let mut attributes = MapElement { map: raw(map.fd()), padding: 0, key, value, flags: 0 };
    // SAFETY: the key and the value are as long as the map's: it was made so, or looked at.
    unsafe { bpf(MAP_UPDATE_ELEM, &mut attributes) }.map(|_| ())
}

/// Takes one element out of a map; one that is not there is no error.
///
/// # Errors
/// As bpf(2).
pub fn remove_element<const K: usize, const V: usize>(
    map: &Map<K, V>,
    key: &[u8; K],
) -> io::Result<()> {
    let mut attributes =
        MapElement { map: raw(map.fd()), padding: 0, key: address(key), value: 0, flags: 0 };
    // SAFETY: as above.
    match unsafe { bpf(MAP_DELETE_ELEM, &mut attributes) } {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// A hash map whose keys and values have these lengths.
#[derive(Debug)]
pub struct Map<const K: usize, const V: usize>(OwnedFd);

impl<const K: usize, const V: usize> Map<K, V> {
    /// Makes one for at most `most` elements.
    ///
    /// # Errors
    /// As bpf(2).
    pub fn hash(most: u32) -> io::Result<Self> {
        let sizes = (u32::try_from(K), u32::try_from(V));
        let (Ok(key), Ok(value)) = sizes else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        create_map(MAP_HASH, key, value, most, NO_PREALLOC).map(Self)
    }

    /// One that was opened.
    ///
    /// # Errors
    /// Its keys or values have other lengths, or as bpf(2).
    pub fn of(fd: OwnedFd) -> io::Result<Self> {
        use std::os::fd::AsFd as _;
        let mut info = MapInfo::default();
        let size = u32::try_from(size_of::<MapInfo>()).map_err(io::Error::other)?;
        let at = ptr::from_mut(&mut info) as u64;
        let mut attributes = ObjectInfo { fd: raw(fd.as_fd()), size, info: at };
        // SAFETY: the kernel writes at most as many bytes as said, of plain numbers, into what lives
        // through the call.
        unsafe { bpf(OBJ_GET_INFO_BY_FD, &mut attributes) }?;
        let sizes = (usize::try_from(info.key_size), usize::try_from(info.value_size));
        if (info.kind, sizes) != (MAP_HASH, (Ok(K), Ok(V))) {
            return Err(io::Error::other("its map is not of this version of tunectl"));
        }
        Ok(Self(fd))
    }

    /// Its descriptor.
    pub fn fd(&self) -> BorrowedFd<'_> {
        use std::os::fd::AsFd as _;
        self.0.as_fd()
    }
}

/// Loads a program that is asked about each access to a parameter. With `log`, the verifier
/// writes into it why it refuses.
///
/// # Errors
/// As bpf(2).
pub fn load(program: &[Instruction], log: Option<&mut [u8]>) -> io::Result<OwnedFd> {
    let log_level = u32::from(log.is_some());
    let (log, log_size) = log.map_or((0, 0), |l| (l.as_mut_ptr() as u64, l.len()));
    let mut attributes = ProgramLoad {
        kind: TYPE_CGROUP_SYSCTL,
        count: u32::try_from(program.len()).map_err(io::Error::other)?,
        instructions: program.as_ptr() as u64,
        license: LICENSE.as_ptr() as u64,
        log_level,
        log_size: u32::try_from(log_size).map_err(io::Error::other)?,
        log,
        kernel_version: 0,
        flags: 0,
        name: NAME,
        interface: 0,
        attach_type: ATTACH_CGROUP_SYSCTL,
    };
    // SAFETY: instructions, licence and log live through the call and are as long as said.
    owned(unsafe { bpf(PROG_LOAD, &mut attributes) }?)
}

/// Attaches a program to a cgroup until the returned descriptor is closed.
///
/// # Errors
/// As bpf(2).
pub fn link(program: BorrowedFd<'_>, cgroup: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let mut attributes = LinkCreate {
        program: raw(program),
        target: raw(cgroup),
        attach_type: ATTACH_CGROUP_SYSCTL,
        flags: 0,
    };
    // SAFETY: there are no addresses in the attributes.
    owned(unsafe { bpf(LINK_CREATE, &mut attributes) }?)
}

/// Detaches a program at once, whoever still has its link (since Linux 5.9).
///
/// # Errors
/// As bpf(2).
pub fn detach(link: BorrowedFd<'_>) -> io::Result<()> {
    let mut attributes = LinkDetach { link: raw(link), flags: 0 };
    // SAFETY: there are no addresses in the attributes.
    unsafe { bpf(LINK_DETACH, &mut attributes) }.map(|_| ())
}

/// Keeps a map or a link at a place in a bpf file system.
///
/// # Errors
/// As bpf(2).
pub fn pin(object: BorrowedFd<'_>, place: &Path) -> io::Result<()> {
    let path = CString::new(place.as_os_str().as_bytes())?;
    let mut attributes = ObjectPath { path: path.as_ptr() as u64, fd: raw(object), flags: 0 };
    // SAFETY: the path lives through the call and ends with a NUL.
    unsafe { bpf(OBJ_PIN, &mut attributes) }.map(|_| ())
}

/// Opens what was kept there.
///
/// # Errors
/// As bpf(2).
pub fn pinned(place: &Path) -> io::Result<OwnedFd> {
    let path = CString::new(place.as_os_str().as_bytes())?;
    let mut attributes = ObjectPath { path: path.as_ptr() as u64, ..ObjectPath::default() };
    // SAFETY: as above.
    owned(unsafe { bpf(OBJ_GET, &mut attributes) }?)
}

/// How many programs of this kind are attached to a cgroup itself, and whether others may join.
///
/// # Errors
/// As bpf(2).
pub fn attached(cgroup: BorrowedFd<'_>) -> io::Result<(u32, bool)> {
    let mut attributes = ProgramQuery {
        target: raw(cgroup),
        attach_type: ATTACH_CGROUP_SYSCTL,
        ..ProgramQuery::default()
    };
    // SAFETY: no list of ids is asked for.
    unsafe { bpf(PROG_QUERY, &mut attributes) }?;
    Ok((attributes.count, attributes.attach_flags & ALLOW_MULTI != 0))
}

/// Lifts the limit on locked memory, which kernels before 5.11 count maps against.
pub fn lift_memory_limit() {
    let limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: the structure lives through the call. Where it is refused, the map is refused too.
    unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const limit) };
}

fn address<T>(of: &T) -> u64 {
    ptr::from_ref(of) as u64
}

/// Memory shared with the kernel; unmapped when dropped.
#[derive(Debug)]
pub struct Mapping {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: it owns its memory, which no thread is tied to.
unsafe impl Send for Mapping {}

impl Mapping {
    /// Maps `length` bytes of a map from `offset`, writable or not.
    ///
    /// # Errors
    /// As mmap(2).
    pub fn new(map: BorrowedFd<'_>, offset: usize, length: usize, write: bool) -> io::Result<Self> {
        let protection = libc::PROT_READ | if write { libc::PROT_WRITE } else { 0 };
        let offset = libc::off_t::try_from(offset).map_err(io::Error::other)?;
        // SAFETY: a new mapping at an address of the kernel's choice touches nothing that is.
        let start = unsafe {
            let (null, fd) = (ptr::null_mut(), map.as_raw_fd());
            libc::mmap(null, length, protection, libc::MAP_SHARED, fd, offset)
        };
        match NonNull::new(start.cast::<u8>()) {
            Some(start) if start.as_ptr().cast() != libc::MAP_FAILED => Ok(Self { start, length }),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// The address `at` bytes from its start, if `length` bytes are there.
    pub fn at(&self, at: usize, length: usize) -> Option<NonNull<u8>> {
        let end = at.checked_add(length)?;
        // SAFETY: the sum stays inside the mapping.
        (end <= self.length).then(|| unsafe { self.start.add(at) })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: this mapping is ours, and no reference into it outlives `self`.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.length) };
    }
}

/// Attaches a program so that no other may join it, as others might have, until it is detached.
///
/// # Errors
/// As bpf(2).
#[cfg(test)]
pub fn attach_alone(program: BorrowedFd<'_>, cgroup: BorrowedFd<'_>) -> io::Result<()> {
    const PROG_ATTACH: c_int = 8;
    let mut attributes = LinkCreate {
        program: raw(cgroup),
        target: raw(program),
        attach_type: ATTACH_CGROUP_SYSCTL,
        flags: 0,
    };
    // SAFETY: there are no addresses in the attributes, which begin as those of a link do, with
    // the two descriptors the other way round.
    unsafe { bpf(PROG_ATTACH, &mut attributes) }.map(|_| ())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]
mod tests {
    use super::*;
    use std::os::fd::AsFd as _;

    #[test]
    fn a_map_of_other_lengths_is_not_taken_for_ours() {
        lift_memory_limit();
        let ours = match Map::<128, 48>::hash(4) {
            Ok(map) => map,
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{error}");
                eprintln!("left out: needs root");
                return;
            }
        };
        let fd = || ours.fd().try_clone_to_owned().unwrap();
        let map = Map::<128, 48>::of(fd()).unwrap();
        set_element(&map, &[7; 128], &[1; 48]).unwrap();
        remove_element(&map, &[7; 128]).unwrap();
        remove_element(&ours, &[7; 128]).unwrap();
        assert!(Map::<64, 48>::of(fd()).is_err());
        assert!(Map::<256, 48>::of(fd()).is_err());
        assert!(Map::<128, 40>::of(fd()).is_err());
        let array = create_map(MAP_ARRAY, 4, 8, 1, 0).unwrap();
        assert!(Map::<4, 8>::of(array).is_err());
        let file = std::fs::File::open("/dev/null").unwrap();
        assert!(Map::<4, 8>::of(file.as_fd().try_clone_to_owned().unwrap()).is_err());
    }
}
