//! The program that the kernel runs at each access to a parameter.
//!
//! Registers: R6 is the context, R7 the entry of the name that is written, later a task, R8 the
//! record, R9 the flags. What a read costs is the first two instructions.

mod namespaces;
mod prevention;
mod witness;

use super::assembler::{Assembler, AssemblyError, Do, Helper, If, Instruction, Label, Reg, Width};
use super::layout::Layout;
use super::place::{Home, host_mounts};
use super::record::{RECORD_BYTES, flag};
use super::wanted::NAME_BYTES;

/// How the program learns who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// It asks the kernel: since Linux 6.0.
    Helpers,
    /// It reads the task, by BTF.
    Task,
    /// It asks for the process id, but not for the name, which needs CAP_PERFMON.
    Number,
    /// Not at all.
    Unknown,
}

/// When a record wakes the reader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wake {
    /// Each does, when the reader sleeps.
    #[default]
    Always,
    /// Only those of writers outside of the mount namespace with this number, and of refused
    /// writes. The rest raises an event of fanotify too, after the value has changed, and the
    /// record is in the ring by then.
    OutsideOf(u32),
}

impl Wake {
    /// For a reader that fanotify wakes too, on marks in the host's procfs.
    pub fn unless_fanotify_does() -> Self {
        match host_mounts() {
            0 => Self::Always,
            number => Self::OutsideOf(number),
        }
    }
}

/// What the program is made for.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Descriptors of the maps: names, texts, the ring, the count of what was lost.
    pub names: i32,
    /// See `names`.
    pub texts: i32,
    /// See `names`.
    pub ring: i32,
    /// See `names`.
    pub lost: i32,
    /// How writers are identified.
    pub identity: Identity,
    /// Where the kernel keeps things, if that is known.
    pub layout: Option<Layout>,
    /// The namespaces that count.
    pub home: Home,
    /// This process, whose writes are neither recorded nor refused.
    pub process: Option<u32>,
    /// When the reader is woken.
    pub wake: Wake,
    /// Whether writes in other namespaces than `home` are recorded.
    pub others: bool,
}

/// Places on the stack.
const NAME: i16 = -128;
/// A number, then a value: a key in the map of texts.
const TEXT_KEY: i16 = -264;
const TEXT: i16 = -256;
const TASK: i16 = -272;
const POINTER: i16 = -280;
const NUMBER: i16 = -288;

/// In the context: whether it is a write, and where in the file.
const CONTEXT_WRITE: i16 = 0;
const CONTEXT_POSITION: i16 = 4;

impl Plan {
    /// Whether foreign writes can be told from this process's own, and so be refused.
    pub fn can_prevent(&self) -> bool {
        self.identity != Identity::Unknown && self.process.is_some()
    }

    /// Puts the program together.
    ///
    /// # Errors
    /// [`AssemblyError`]
    pub fn assemble(&self) -> Result<Vec<Instruction>, AssemblyError> {
        let mut a = Assembler::default();
        let (write, allow, decided, verdict, refuse) =
            (a.label(), a.label(), a.label(), a.label(), a.label());
        a.load(Width::Word, Reg::R0, Reg::R1, CONTEXT_WRITE);
        a.jump_if_imm(Reg::R0, If::Differs, 0, write);
        a.set(Reg::R0, 1);
        a.exit();

        a.place(write);
        a.mov(Reg::R6, Reg::R1);
        self.pass_own(&mut a, allow);
        self.look_up(&mut a, allow);
        self.tell_namespace(&mut a);
        if self.can_prevent() {
            self.judge(&mut a, decided);
        }
        a.place(decided);
        if !self.others {
            a.jump_if_imm(Reg::R9, If::HasBit, flag::NAMESPACE_OTHER, verdict);
        }
        self.record(&mut a, verdict);

        a.place(verdict);
        a.jump_if_imm(Reg::R9, If::HasBit, flag::DENIED, refuse);
        a.place(allow);
        a.set(Reg::R0, 1);
        a.exit();
        a.place(refuse);
        a.set(Reg::R0, 0);
        a.exit();
        a.finish()
    }

    /// Lets this process's own writes go at once.
    fn pass_own(&self, a: &mut Assembler, allow: Label) {
        let own = self.process.and_then(|p| i32::try_from(p).ok());
        match (self.identity, self.layout) {
            (Identity::Helpers | Identity::Number, _) => {
                a.call(Helper::GetCurrentPidTgid);
                a.alu_imm(Do::ShiftRight, Reg::R0, 32);
            }
            (Identity::Task, Some(layout)) => {
                a.call(Helper::GetCurrentTask);
                a.mov(Reg::R3, Reg::R0);
                probe(a, (Reg::R10, NUMBER), 4, layout.task.tgid);
                a.load(Width::Word, Reg::R0, Reg::R10, NUMBER);
            }
            _ => return,
        }
        if let Some(own) = own {
            a.jump_if_imm(Reg::R0, If::Equal, own, allow);
        }
    }

    /// Finds what is known of the name that is written; leaves where it is not wanted.
    fn look_up(&self, a: &mut Assembler, allow: Label) {
        // All of it: what lies behind a name counts as part of the key.
        for at in (0..NAME_BYTES).step_by(8) {
            a.store_imm(Width::Double, Reg::R10, NAME + offset(at), 0);
        }
        a.mov(Reg::R1, Reg::R6);
        a.address(Reg::R2, Reg::R10, NAME);
        a.set(Reg::R3, size(NAME_BYTES));
        a.set(Reg::R4, 0);
        // A name that does not fit is cut, as it is in the map.
        a.call(Helper::SysctlGetName);
        a.load_map(Reg::R1, self.names);
        a.address(Reg::R2, Reg::R10, NAME);
        a.call(Helper::MapLookupElem);
        a.jump_if_imm(Reg::R0, If::Equal, 0, allow);
        a.mov(Reg::R7, Reg::R0);
        if self.layout.is_some() {
            a.call(Helper::GetCurrentTask);
            a.store(Width::Double, Reg::R10, TASK, Reg::R0);
        }
    }

    /// Reserves a record, fills it and hands it over; counts it where there is no room.
    fn record(&self, a: &mut Assembler, verdict: Label) {
        let room = a.label();
        a.load_map(Reg::R1, self.ring);
        a.set(Reg::R2, size(RECORD_BYTES));
        a.set(Reg::R3, 0);
        a.call(Helper::RingbufReserve);
        a.jump_if_imm(Reg::R0, If::Differs, 0, room);
        a.load_map_value(Reg::R1, self.lost);
        a.set(Reg::R2, 1);
        a.atomic_add(Reg::R1, 0, Reg::R2);
        a.jump(verdict);
        a.place(room);
        a.mov(Reg::R8, Reg::R0);
        self.bear_witness(a);
    }
}

/// Reads kernel memory at R3 + `from` into memory of the program: zeros where it cannot.
fn probe(a: &mut Assembler, to: (Reg, i16), bytes: i32, from: i16) {
    if from != 0 {
        a.alu_imm(Do::Add, Reg::R3, from.into());
    }
    a.address(Reg::R1, to.0, to.1);
    a.set(Reg::R2, bytes);
    a.call(Helper::ProbeReadKernel);
}

/// Follows a pointer `from` bytes behind R3, back into R3.
fn follow(a: &mut Assembler, from: i16) {
    probe(a, (Reg::R10, POINTER), 8, from);
    a.load(Width::Double, Reg::R3, Reg::R10, POINTER);
}

/// Sizes of buffers, all of them small.
fn size(bytes: usize) -> i32 {
    i32::try_from(bytes).unwrap_or_default()
}

fn offset(bytes: usize) -> i16 {
    i16::try_from(bytes).unwrap_or_default()
}
