//! What is written down of a write: who, what, and how the reader is told.

use super::super::assembler::{Assembler, Do, Helper, If, Reg, Width};
use super::super::layout::Layout;
use super::super::record::{COMM_BYTES, COMMAND_BYTES, VALUE_BYTES, at, flag};
use super::super::wanted::NAME_BYTES;
use super::namespaces::own_number;
use super::{
    CONTEXT_POSITION, Identity, NAME, NUMBER, POINTER, Plan, TASK, Wake, follow, offset, probe,
    size,
};

/// How a record is handed over: the reader is woken if it has read all there was.
const IF_ASLEEP: i32 = 0;
/// It is not woken. The kernel does not wake it either for the next record that is handed over
/// with [`IF_ASLEEP`], as it finds this one unread.
const SILENT: i32 = 1;
/// It is woken.
const FORCED: i32 = 2;

/// Offsets of the two halves of a 64-bit number.
const LOW: i16 = if cfg!(target_endian = "little") { 0 } else { 4 };
const HIGH: i16 = 4 - LOW;

impl Plan {
    /// Fills the record at R8 and hands it over.
    pub(super) fn bear_witness(&self, a: &mut Assembler) {
        a.call(Helper::KtimeGetNs);
        a.store(Width::Double, Reg::R8, at::TIME, Reg::R0);
        a.call(Helper::GetCurrentUidGid);
        a.store(Width::Double, Reg::R8, at::UID_GID, Reg::R0);
        a.call(Helper::GetCurrentCgroupId);
        a.store(Width::Double, Reg::R8, at::CGROUP, Reg::R0);
        self.identify(a);
        for at in (0..NAME_BYTES).step_by(8).map(offset) {
            a.load(Width::Double, Reg::R1, Reg::R10, NAME + at);
            a.store(Width::Double, Reg::R8, at::NAME + at, Reg::R1);
        }
        for (helper, value, length) in [
            (Helper::SysctlGetCurrentValue, at::OLD, at::OLD_LENGTH),
            (Helper::SysctlGetNewValue, at::NEW, at::NEW_LENGTH),
        ] {
            a.mov(Reg::R1, Reg::R6);
            a.address(Reg::R2, Reg::R8, value);
            a.set(Reg::R3, size(VALUE_BYTES));
            a.call(helper);
            a.store(Width::Word, Reg::R8, length, Reg::R0);
        }
        a.load(Width::Word, Reg::R1, Reg::R6, CONTEXT_POSITION);
        a.store(Width::Word, Reg::R8, at::POSITION, Reg::R1);
        // The ring's memory still holds what was there before.
        for field in [at::PARENT, at::GRANDPARENT, at::LOGIN_UID, at::COMMAND_LENGTH] {
            a.store_imm(Width::Word, Reg::R8, field, 0);
        }
        if let Some(layout) = &self.layout {
            describe(a, layout);
        }
        a.store(Width::Word, Reg::R8, at::FLAGS, Reg::R9);
        self.hand_over(a);
    }

    /// Process, thread and name.
    fn identify(&self, a: &mut Assembler) {
        match (self.identity, &self.layout) {
            (Identity::Helpers, _) => {
                a.call(Helper::GetCurrentPidTgid);
                a.store(Width::Double, Reg::R8, at::PID_TGID, Reg::R0);
                a.address(Reg::R1, Reg::R8, at::COMM);
                a.set(Reg::R2, size(COMM_BYTES));
                a.call(Helper::GetCurrentComm);
            }
            (Identity::Task, Some(layout)) => {
                let task = &layout.task;
                for (to, bytes, from) in [
                    (at::PID_TGID + LOW, 4, task.pid),
                    (at::PID_TGID + HIGH, 4, task.tgid),
                    (at::COMM, size(COMM_BYTES), task.comm),
                ] {
                    a.load(Width::Double, Reg::R3, Reg::R10, TASK);
                    probe(a, (Reg::R8, to), bytes, from);
                }
            }
            (identity, _) => {
                let known = identity == Identity::Number;
                if known {
                    a.call(Helper::GetCurrentPidTgid);
                    a.store(Width::Double, Reg::R8, at::PID_TGID, Reg::R0);
                } else {
                    a.store_imm(Width::Double, Reg::R8, at::PID_TGID, 0);
                }
                for at in [at::COMM, at::COMM + 8] {
                    a.store_imm(Width::Double, Reg::R8, at, 0);
                }
            }
        }
    }

    fn hand_over(&self, a: &mut Assembler) {
        match (self.wake, &self.layout) {
            (Wake::OutsideOf(mount), Some(layout)) => {
                let hand_over = a.label();
                a.set(Reg::R7, FORCED);
                a.jump_if_imm(Reg::R9, If::HasBit, flag::DENIED, hand_over);
                a.set(Reg::R7, SILENT);
                a.jump_if_imm(Reg::R9, If::HasBit, flag::NAMESPACE_OTHER, hand_over);
                own_number(a, layout, layout.mount);
                a.load(Width::Word, Reg::R1, Reg::R10, NUMBER);
                a.set_wide(Reg::R2, mount.into());
                a.jump_if(Reg::R1, If::Equal, Reg::R2, hand_over);
                a.set(Reg::R7, FORCED);
                a.place(hand_over);
            }
            _ => a.set(Reg::R7, IF_ASLEEP),
        }
        a.mov(Reg::R1, Reg::R8);
        a.mov(Reg::R2, Reg::R7);
        a.call(Helper::RingbufSubmit);
    }
}

/// What only the task knows: login uid, command line, parents.
fn describe(a: &mut Assembler, layout: &Layout) {
    let task = &layout.task;
    if let Some(login_uid) = task.login_uid {
        a.load(Width::Double, Reg::R3, Reg::R10, TASK);
        probe(a, (Reg::R8, at::LOGIN_UID), 4, login_uid);
        a.alu_imm(Do::Or, Reg::R9, flag::LOGIN_KNOWN);
    }
    command_line(a, layout);
    a.load(Width::Double, Reg::R7, Reg::R10, TASK);
    for (id, name) in [(at::PARENT, at::PARENT_COMM), (at::GRANDPARENT, at::GRANDPARENT_COMM)] {
        a.mov(Reg::R3, Reg::R7);
        follow(a, task.real_parent);
        a.mov(Reg::R7, Reg::R3);
        probe(a, (Reg::R8, id), 4, task.tgid);
        a.mov(Reg::R3, Reg::R7);
        probe(a, (Reg::R8, name), size(COMM_BYTES), task.comm);
    }
}

/// The arguments, and nothing behind them: the environment follows at once.
fn command_line(a: &mut Assembler, layout: &Layout) {
    let (fits, failed, done) = (a.label(), a.label(), a.label());
    a.load(Width::Double, Reg::R3, Reg::R10, TASK);
    follow(a, layout.task.mm);
    a.mov(Reg::R7, Reg::R3);
    probe(a, (Reg::R10, NUMBER), 8, layout.arguments.0);
    a.mov(Reg::R3, Reg::R7);
    probe(a, (Reg::R10, POINTER), 8, layout.arguments.1);
    a.load(Width::Double, Reg::R3, Reg::R10, NUMBER);
    a.load(Width::Double, Reg::R2, Reg::R10, POINTER);
    // A thread of the kernel has none.
    a.jump_if(Reg::R2, If::Below, Reg::R3, done);
    a.jump_if(Reg::R2, If::Equal, Reg::R3, done);
    a.alu(Do::Subtract, Reg::R2, Reg::R3);
    a.jump_if_imm(Reg::R2, If::Below, size(COMMAND_BYTES) + 1, fits);
    a.alu_imm(Do::Or, Reg::R9, flag::COMMAND_CUT);
    a.set(Reg::R2, size(COMMAND_BYTES));
    a.place(fits);
    a.store(Width::Word, Reg::R8, at::COMMAND_LENGTH, Reg::R2);
    a.address(Reg::R1, Reg::R8, at::COMMAND);
    a.call(Helper::ProbeReadUser);
    a.jump_if_imm(Reg::R0, If::Differs, 0, failed);
    a.alu_imm(Do::Or, Reg::R9, flag::COMMAND_KNOWN);
    a.jump(done);
    a.place(failed);
    a.store_imm(Width::Word, Reg::R8, at::COMMAND_LENGTH, 0);
    a.place(done);
}
