//! What only a program of another owner, or a broken one, brings about.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

use std::fs;

use super::assembler::{Assembler, Reg};
use super::*;

/// A program that its owner attached for itself alone, in a cgroup made for the test.
#[test]
fn a_place_that_another_program_holds_alone_is_said_to_be() {
    let root = match place::open_cgroup(None) {
        Ok((_, path)) if nix::unistd::geteuid().is_root() => path,
        _ => {
            eprintln!("left out: needs root and cgroup v2");
            return;
        }
    };
    let path = root.join(format!("tunectl-occupied-{}", std::process::id()));
    fs::create_dir(&path).unwrap();
    let (cgroup, _) = place::open_cgroup(Some(&path)).unwrap();
    let mut a = Assembler::default();
    a.set(Reg::R0, 1);
    a.exit();
    let program = sys::load(&a.finish().unwrap(), None).unwrap();
    sys::attach_alone(program.as_fd(), cgroup.as_fd()).unwrap();

    let options = Options { cgroup: Some(path.clone()), ..Options::default() };
    let error = Bpf::attach_with(&Wanted::default(), &options).unwrap_err();
    // It is detached with its cgroup.
    fs::remove_dir(&path).unwrap();
    assert!(matches!(error, BpfError::Occupied { .. }), "{error}");
    assert!(error.to_string().contains("BPF_F_ALLOW_MULTI"), "{error}");
}

#[test]
fn a_refused_program_is_an_error_that_has_the_verifiers_reasons() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("left out: needs root");
        return;
    }
    let mut a = Assembler::default();
    a.mov(Reg::R0, Reg::R9);
    a.exit();
    let program = a.finish().unwrap();
    assert!(sys::load(&program, None).is_err());
    let log = reasons(&program);
    assert!(log.contains("R9 !read_ok"), "{log}");
}
