//! The ranges and shapes that many parameters share, named after what the kernel checks them with.
#![forbid(unsafe_code)]

use super::Range;
use crate::value::{Rounding, Shape};

/// Greatest signed 32-bit number.
pub(super) const INT_MAX: i128 = 2_147_483_647;
/// Greatest signed 64-bit number.
pub(super) const LONG_MAX: i128 = 9_223_372_036_854_775_807;
/// Greatest unsigned 64-bit number.
pub(super) const ULONG_MAX: i128 = 18_446_744_073_709_551_615;
/// Index limit of an IPC namespace where the kernel was started with `ipcmni_extend`, else 32768.
pub(super) const IPC_MNI: i128 = 1 << 24;

/// Off and on.
pub(super) const SWITCH: &[Range] = &[Range::new(0, 1)];
/// Zero, one and two.
pub(super) const UP_TO_TWO: &[Range] = &[Range::new(0, 2)];
/// Whole percentages.
pub(super) const PERCENT: &[Range] = &[Range::new(0, 100)];
/// Any signed 32-bit number: the kernel checks nothing else.
pub(super) const INT: &[Range] = &[Range::new(-INT_MAX - 1, INT_MAX)];
/// A signed 32-bit number that is not negative.
pub(super) const NATURAL: &[Range] = &[Range::new(0, INT_MAX)];
/// A signed 32-bit number of at least one.
pub(super) const POSITIVE: &[Range] = &[Range::new(1, INT_MAX)];
/// Any unsigned 32-bit number.
pub(super) const UINT: &[Range] = &[Range::new(0, 4_294_967_295)];
/// A signed machine word of 64 bits that is not negative.
pub(super) const LONG: &[Range] = &[Range::new(0, LONG_MAX)];
/// Any unsigned machine word of 64 bits.
pub(super) const ULONG: &[Range] = &[Range::new(0, ULONG_MAX)];
/// A 16-bit number, such as a port or an old user id.
pub(super) const SHORT: &[Range] = &[Range::new(0, 65_535)];

/// Memory for incomplete packets: a machine word since 4.17, a signed 32-bit number before.
pub(super) const FRAGMENTS: &[Range] =
    &[Range::new(0, ULONG_MAX), Range::before(4, 17, 0, INT_MAX)];

/// The fields of a packet that a hash is made of: twelve bits, at least one of them set.
pub(super) const HASH_FIELDS: &[Range] = &[Range::new(1, 0xfff)];

/// Packets of an Ethernet frame's length whose bytes, with what the kernel keeps of each, a signed
/// 32-bit number can count: 1027504 on most machines.
pub(super) const UNRES_QLEN: &[Range] = &[Range::within(0, INT_MAX / 1514)];

/// Milliseconds that are kept in clock ticks.
pub(super) const MS_TICKS: Shape = Shape::Rounded(Rounding::Milliseconds);
/// Hundredths of a second that are kept in clock ticks.
pub(super) const USER_TICKS: Shape = Shape::Rounded(Rounding::Centiseconds);
