//! BPF instructions, written one by one and encoded as the kernel takes them.

/// A register of the BPF machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Reg {
    /// What a call returns, and the program.
    R0,
    /// First argument; at the start, the program's context. Lost by a call, as are R2 to R5.
    R1,
    /// Second argument.
    R2,
    /// Third argument.
    R3,
    /// Fourth argument.
    R4,
    /// Kept across calls. No helper that is called takes R5, a fifth argument.
    R6 = 6,
    /// Kept across calls.
    R7,
    /// Kept across calls.
    R8,
    /// Kept across calls.
    R9,
    /// The end of the stack, which grows down from it; never written.
    R10,
}

/// How many bytes a load or store moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Width {
    /// One byte.
    Byte = 0x10,
    /// Four bytes.
    Word = 0x00,
    /// Eight bytes.
    Double = 0x18,
}

/// What a jump asks of its two operands, as 64-bit numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum If {
    /// The same.
    Equal = 0x10,
    /// Unsigned: greater.
    Above = 0x20,
    /// A bit of the second is set in the first.
    HasBit = 0x40,
    /// Different.
    Differs = 0x50,
    /// Signed: greater.
    Greater = 0x60,
    /// Unsigned: smaller.
    Below = 0xa0,
    /// Signed: smaller.
    Less = 0xc0,
    /// Signed: smaller or the same.
    AtMost = 0xd0,
}

/// What is done to a register, in 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Do {
    /// Added.
    Add = 0x00,
    /// Subtracted.
    Subtract = 0x10,
    /// Its bits are set too.
    Or = 0x40,
    /// Only its bits stay.
    And = 0x50,
    /// Shifted right, zeros from the left.
    ShiftRight = 0x70,
    /// Copied.
    Move = 0xb0,
}

/// A function that the kernel offers to programs, by its number in `linux/bpf.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
#[allow(missing_docs, reason = "named as the kernel names them, without `bpf_`")]
pub enum Helper {
    MapLookupElem = 1,
    KtimeGetNs = 5,
    GetCurrentPidTgid = 14,
    GetCurrentUidGid = 15,
    GetCurrentComm = 16,
    GetCurrentTask = 35,
    GetCurrentCgroupId = 80,
    SysctlGetName = 101,
    SysctlGetCurrentValue = 102,
    SysctlGetNewValue = 103,
    Strtol = 105,
    Strtoul = 106,
    ProbeReadUser = 112,
    ProbeReadKernel = 113,
    RingbufReserve = 131,
    RingbufSubmit = 132,
}

/// A place in the program to jump to, known before it is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label(usize);

/// One instruction, laid out as `struct bpf_insn`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Instruction {
    code: u8,
    registers: u8,
    offset: i16,
    immediate: i32,
}

/// A program that cannot be encoded: a mistake in this source, never in what it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssemblyError {
    /// A label that nothing stands at.
    #[error("a jump to a label that was never placed")]
    Nowhere,
    /// Further than a jump reaches.
    #[error("a jump over more than 32,767 instructions")]
    TooFar,
}

/// Collects instructions; jumps may name labels that are placed later.
#[derive(Debug, Default)]
pub struct Assembler {
    instructions: Vec<Instruction>,
    labels: Vec<Option<usize>>,
    jumps: Vec<(usize, Label)>,
}

const LOAD: u8 = 0x61;
const STORE: u8 = 0x63;
const STORE_IMMEDIATE: u8 = 0x62;
const LOAD_64: u8 = 0x18;
const ATOMIC_ADD_64: u8 = 0xdb;
const ALU_64: u8 = 0x07;
const JUMP: u8 = 0x05;
const FROM_REGISTER: u8 = 0x08;
const CALL: u8 = 0x85;
const EXIT: u8 = 0x95;
const PSEUDO_MAP_FD: u8 = 1;
const PSEUDO_MAP_VALUE: u8 = 2;

impl Assembler {
    /// A label to be placed later.
    pub fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    /// The next instruction is where `label` leads.
    pub fn place(&mut self, label: Label) {
        let next = self.instructions.len();
        if let Some(slot) = self.labels.get_mut(label.0) {
            *slot = Some(next);
        }
    }

    /// `to = to op from`.
    pub fn alu(&mut self, op: Do, to: Reg, from: Reg) {
        self.push(ALU_64 | FROM_REGISTER | op as u8, to as u8, from as u8, 0, 0);
    }

    /// `to = to op number`, the number extended with its sign.
    pub fn alu_imm(&mut self, op: Do, to: Reg, number: i32) {
        self.push(ALU_64 | op as u8, to as u8, 0, 0, number);
    }

    /// `to = from`.
    pub fn mov(&mut self, to: Reg, from: Reg) {
        self.alu(Do::Move, to, from);
    }

    /// `to = number`.
    pub fn set(&mut self, to: Reg, number: i32) {
        self.alu_imm(Do::Move, to, number);
    }

    /// `to = number`, all 64 bits of it.
    pub fn set_wide(&mut self, to: Reg, number: u64) {
        let half = |n: u64| u32::try_from(n & u64::from(u32::MAX)).unwrap_or_default();
        self.push(LOAD_64, to as u8, 0, 0, half(number).cast_signed());
        self.push(0, 0, 0, 0, half(number >> 32).cast_signed());
    }

    /// `to = base + offset`.
    pub fn address(&mut self, to: Reg, base: Reg, offset: i16) {
        self.mov(to, base);
        if offset != 0 {
            self.alu_imm(Do::Add, to, offset.into());
        }
    }

    /// `to = *(base + offset)`.
    pub fn load(&mut self, width: Width, to: Reg, base: Reg, offset: i16) {
        self.push(LOAD | width as u8, to as u8, base as u8, offset, 0);
    }

    /// `*(base + offset) = from`.
    pub fn store(&mut self, width: Width, base: Reg, offset: i16, from: Reg) {
        self.push(STORE | width as u8, base as u8, from as u8, offset, 0);
    }

    /// `*(base + offset) = number`.
    pub fn store_imm(&mut self, width: Width, base: Reg, offset: i16, number: i32) {
        self.push(STORE_IMMEDIATE | width as u8, base as u8, 0, offset, number);
    }

    /// Adds to eight bytes in memory, undisturbed by other processors.
    pub fn atomic_add(&mut self, base: Reg, offset: i16, from: Reg) {
        self.push(ATOMIC_ADD_64, base as u8, from as u8, offset, 0);
    }

    /// `to =` the map that the descriptor stands for.
    pub fn load_map(&mut self, to: Reg, descriptor: i32) {
        self.push(LOAD_64, to as u8, PSEUDO_MAP_FD, 0, descriptor);
        self.push(0, 0, 0, 0, 0);
    }

    /// `to =` the address of the first value of an array map.
    pub fn load_map_value(&mut self, to: Reg, descriptor: i32) {
        self.push(LOAD_64, to as u8, PSEUDO_MAP_VALUE, 0, descriptor);
        self.push(0, 0, 0, 0, 0);
    }

    /// Goes to `label`.
    pub fn jump(&mut self, label: Label) {
        self.jumps.push((self.instructions.len(), label));
        self.push(JUMP, 0, 0, 0, 0);
    }

    /// Goes to `label` if `what` holds of two registers.
    pub fn jump_if(&mut self, left: Reg, what: If, right: Reg, label: Label) {
        self.jumps.push((self.instructions.len(), label));
        self.push(JUMP | FROM_REGISTER | what as u8, left as u8, right as u8, 0, 0);
    }

    /// Goes to `label` if `what` holds of a register and a number extended with its sign.
    pub fn jump_if_imm(&mut self, left: Reg, what: If, right: i32, label: Label) {
        self.jumps.push((self.instructions.len(), label));
        self.push(JUMP | what as u8, left as u8, 0, 0, right);
    }

    /// Calls a function of the kernel.
    pub fn call(&mut self, helper: Helper) {
        self.push(CALL, 0, 0, 0, helper as i32);
    }

    /// Ends the program; R0 is its answer.
    pub fn exit(&mut self) {
        self.push(EXIT, 0, 0, 0, 0);
    }

    /// The program with each jump measured.
    ///
    /// # Errors
    /// A label that was never placed, or stands too far away.
    pub fn finish(mut self) -> Result<Vec<Instruction>, AssemblyError> {
        for (at, label) in self.jumps {
            let to = self.labels.get(label.0).copied().flatten().ok_or(AssemblyError::Nowhere)?;
            // Counted from the instruction after the jump.
            let distance = to.cast_signed() - at.cast_signed() - 1;
            let distance = i16::try_from(distance).map_err(|_| AssemblyError::TooFar)?;
            if let Some(jump) = self.instructions.get_mut(at) {
                jump.offset = distance;
            }
        }
        Ok(self.instructions)
    }

    fn push(&mut self, code: u8, to: u8, from: u8, offset: i16, immediate: i32) {
        // Two bit fields of four bits, which compilers place by the machine's byte order.
        let registers =
            if cfg!(target_endian = "little") { from << 4 | to } else { to << 4 | from };
        self.instructions.push(Instruction { code, registers, offset, immediate });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// The eight bytes of each instruction, as objdump of clang's output shows them on a
    /// little-endian machine.
    fn bytes(write: impl FnOnce(&mut Assembler)) -> Vec<[u8; 8]> {
        let mut a = Assembler::default();
        write(&mut a);
        let each = |i: &Instruction| {
            let ([o0, o1], [i0, i1, i2, i3]) = (i.offset.to_le_bytes(), i.immediate.to_le_bytes());
            [i.code, i.registers, o0, o1, i0, i1, i2, i3]
        };
        a.finish().unwrap().iter().map(each).collect()
    }

    #[test]
    fn arithmetic_is_encoded_in_64_bits() {
        // r6 = r1; r0 = 1; r2 += -0x80; r1 |= r9; r1 &= 7; r0 >>= 0x20; r2 -= r3; exit
        let found = bytes(|a| {
            a.mov(Reg::R6, Reg::R1);
            a.set(Reg::R0, 1);
            a.alu_imm(Do::Add, Reg::R2, -128);
            a.alu(Do::Or, Reg::R1, Reg::R9);
            a.alu_imm(Do::And, Reg::R1, 7);
            a.alu_imm(Do::ShiftRight, Reg::R0, 32);
            a.alu(Do::Subtract, Reg::R2, Reg::R3);
            a.exit();
        });
        assert_eq!(
            found,
            [
                [0xbf, 0x16, 0, 0, 0, 0, 0, 0],
                [0xb7, 0x00, 0, 0, 1, 0, 0, 0],
                [0x07, 0x02, 0, 0, 0x80, 0xff, 0xff, 0xff],
                [0x4f, 0x91, 0, 0, 0, 0, 0, 0],
                [0x57, 0x01, 0, 0, 7, 0, 0, 0],
                [0x77, 0x00, 0, 0, 0x20, 0, 0, 0],
                [0x1f, 0x32, 0, 0, 0, 0, 0, 0],
                [0x95, 0x00, 0, 0, 0, 0, 0, 0],
            ]
        );
    }

    #[test]
    fn memory_is_encoded_with_its_width_and_offset() {
        // r7 = *(u32 *)(r6 + 4); *(u64 *)(r10 - 16) = r0; *(u64 *)(r10 - 8) = 0;
        // r1 = *(u8 *)(r10 - 1); *(u32 *)(r8 + 40) = r1; lock *(u64 *)(r2 + 0) += r1
        let found = bytes(|a| {
            a.load(Width::Word, Reg::R7, Reg::R6, 4);
            a.store(Width::Double, Reg::R10, -16, Reg::R0);
            a.store_imm(Width::Double, Reg::R10, -8, 0);
            a.load(Width::Byte, Reg::R1, Reg::R10, -1);
            a.store(Width::Word, Reg::R8, 40, Reg::R1);
            a.atomic_add(Reg::R2, 0, Reg::R1);
        });
        assert_eq!(
            found,
            [
                [0x61, 0x67, 4, 0, 0, 0, 0, 0],
                [0x7b, 0x0a, 0xf0, 0xff, 0, 0, 0, 0],
                [0x7a, 0x0a, 0xf8, 0xff, 0, 0, 0, 0],
                [0x71, 0xa1, 0xff, 0xff, 0, 0, 0, 0],
                [0x63, 0x18, 40, 0, 0, 0, 0, 0],
                [0xdb, 0x12, 0, 0, 0, 0, 0, 0],
            ]
        );
    }

    #[test]
    fn calls_and_maps_are_encoded() {
        // r1 = map fd 9 ll; r1 = map value of fd 10 ll; r2 = 0x1f0000000 ll; call 131
        let found = bytes(|a| {
            a.load_map(Reg::R1, 9);
            a.load_map_value(Reg::R1, 10);
            a.set_wide(Reg::R2, 0x1_f000_0000);
            a.call(Helper::RingbufReserve);
        });
        assert_eq!(
            found,
            [
                [0x18, 0x11, 0, 0, 9, 0, 0, 0],
                [0; 8],
                [0x18, 0x21, 0, 0, 10, 0, 0, 0],
                [0; 8],
                [0x18, 0x02, 0, 0, 0, 0, 0, 0xf0],
                [0, 0, 0, 0, 1, 0, 0, 0],
                [0x85, 0, 0, 0, 131, 0, 0, 0],
            ]
        );
    }

    #[test]
    fn jumps_are_counted_from_the_instruction_after_them() {
        // L: if r7 != 0 goto +2; if r1 > r2 goto -2; goto +0; exit
        let found = bytes(|a| {
            let (start, end) = (a.label(), a.label());
            a.place(start);
            a.jump_if_imm(Reg::R7, If::Differs, 0, end);
            a.jump_if(Reg::R1, If::Above, Reg::R2, start);
            a.jump(end);
            a.place(end);
            a.exit();
        });
        assert_eq!(
            found,
            [
                [0x55, 0x07, 2, 0, 0, 0, 0, 0],
                [0x2d, 0x21, 0xfe, 0xff, 0, 0, 0, 0],
                [0x05, 0x00, 0, 0, 0, 0, 0, 0],
                [0x95, 0x00, 0, 0, 0, 0, 0, 0],
            ]
        );
    }

    #[test]
    fn a_label_that_is_nowhere_or_too_far_is_an_error() {
        let mut a = Assembler::default();
        let end = a.label();
        a.jump(end);
        assert_eq!(a.finish(), Err(AssemblyError::Nowhere));

        let mut a = Assembler::default();
        let end = a.label();
        a.jump(end);
        (0..40_000).for_each(|_| a.exit());
        a.place(end);
        assert_eq!(a.finish(), Err(AssemblyError::TooFar));
    }
}
