//! Whether a foreign write to a prevented parameter is let through.

use super::super::assembler::{Assembler, Do, Helper, If, Label, Reg, Width};
use super::super::record::flag;
use super::super::wanted::{TEXT_BYTES, entry};
use super::{CONTEXT_POSITION, NUMBER, Plan, TEXT, TEXT_KEY, offset, size};

/// Longest number that is looked at, blanks around it included; the kernel's own limit is 22
/// digits.
const MOST_DIGITS: i32 = 24;
/// Base in which a number is read: as it is spelled.
const AS_SPELLED: i32 = 0;

impl Plan {
    /// Sets DENIED in R9, or not.
    pub(super) fn judge(&self, a: &mut Assembler, decided: Label) {
        let (text, admitted) = (a.label(), a.label());
        a.load(Width::Word, Reg::R1, Reg::R7, entry::FLAGS);
        a.alu_imm(Do::And, Reg::R1, entry::PREVENT);
        a.jump_if_imm(Reg::R1, If::Equal, 0, decided);
        // Another namespace's value is not ours to guard, nor one that cannot be told apart.
        a.jump_if_imm(Reg::R9, If::Differs, flag::NAMESPACE_KNOWN, decided);
        a.alu_imm(Do::Or, Reg::R9, flag::DENIED);
        // Written in pieces, a text that is admitted may become part of one that is not.
        a.load(Width::Word, Reg::R1, Reg::R6, CONTEXT_POSITION);
        a.jump_if_imm(Reg::R1, If::Differs, 0, decided);
        for at in (0..TEXT_BYTES).step_by(8) {
            a.store_imm(Width::Double, Reg::R10, TEXT + offset(at), 0);
        }
        a.mov(Reg::R1, Reg::R6);
        a.address(Reg::R2, Reg::R10, TEXT);
        a.set(Reg::R3, size(TEXT_BYTES));
        a.call(Helper::SysctlGetNewValue);
        a.jump_if_imm(Reg::R0, If::AtMost, 0, decided);
        a.mov(Reg::R8, Reg::R0);

        number(a, text, admitted);
        a.place(text);
        a.load(Width::Word, Reg::R1, Reg::R7, entry::FLAGS);
        a.alu_imm(Do::And, Reg::R1, entry::HAS_TEXTS);
        a.jump_if_imm(Reg::R1, If::Equal, 0, decided);
        a.load(Width::Double, Reg::R1, Reg::R7, entry::TEXTS);
        a.store(Width::Double, Reg::R10, TEXT_KEY, Reg::R1);
        a.load_map(Reg::R1, self.texts);
        a.address(Reg::R2, Reg::R10, TEXT_KEY);
        a.call(Helper::MapLookupElem);
        a.jump_if_imm(Reg::R0, If::Equal, 0, decided);
        a.place(admitted);
        a.alu_imm(Do::And, Reg::R9, !flag::DENIED);
    }
}

/// Goes to `admitted` if what is written, R8 bytes long, is one number within the bounds.
fn number(a: &mut Assembler, text: Label, admitted: Label) {
    let (negative, in_bounds) = (a.label(), a.label());
    a.load(Width::Word, Reg::R1, Reg::R7, entry::FLAGS);
    a.alu_imm(Do::And, Reg::R1, entry::NUMBERS);
    a.jump_if_imm(Reg::R1, If::Equal, 0, text);
    a.jump_if_imm(Reg::R8, If::Above, MOST_DIGITS, text);

    convert(a, Helper::Strtoul);
    a.jump_if_imm(Reg::R0, If::AtMost, 0, negative);
    a.load(Width::Double, Reg::R1, Reg::R10, NUMBER);
    a.load(Width::Double, Reg::R2, Reg::R7, entry::POSITIVE.0);
    a.jump_if(Reg::R1, If::Below, Reg::R2, text);
    a.load(Width::Double, Reg::R2, Reg::R7, entry::POSITIVE.1);
    a.jump_if(Reg::R1, If::Above, Reg::R2, text);
    a.jump(in_bounds);

    // A sign is an error to strtoul.
    a.place(negative);
    convert(a, Helper::Strtol);
    a.jump_if_imm(Reg::R0, If::AtMost, 0, text);
    a.load(Width::Double, Reg::R1, Reg::R10, NUMBER);
    a.load(Width::Double, Reg::R2, Reg::R7, entry::NEGATIVE.0);
    a.jump_if(Reg::R1, If::Less, Reg::R2, text);
    a.load(Width::Double, Reg::R2, Reg::R7, entry::NEGATIVE.1);
    a.jump_if(Reg::R1, If::Greater, Reg::R2, text);

    // R0 bytes are the number; behind it only blanks may be, or it is not the whole value.
    a.place(in_bounds);
    for at in 0..MOST_DIGITS {
        let next = a.label();
        a.jump_if_imm(Reg::R8, If::AtMost, at, admitted);
        a.jump_if_imm(Reg::R0, If::Greater, at, next);
        a.load(Width::Byte, Reg::R1, Reg::R10, TEXT + i16::try_from(at).unwrap_or_default());
        for blank in [b'\n', b' ', b'\t', 0] {
            a.jump_if_imm(Reg::R1, If::Equal, blank.into(), next);
        }
        a.jump(text);
        a.place(next);
    }
    a.jump(admitted);
}

fn convert(a: &mut Assembler, helper: Helper) {
    a.store_imm(Width::Double, Reg::R10, NUMBER, 0);
    a.address(Reg::R1, Reg::R10, TEXT);
    a.mov(Reg::R2, Reg::R8);
    a.set(Reg::R3, AS_SPELLED);
    a.address(Reg::R4, Reg::R10, NUMBER);
    a.call(helper);
}
