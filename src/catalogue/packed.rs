//! The tables as the program carries them: one text, rows of plain numbers, and an index.
//!
//! Each pointer in a static table has to be relocated whenever the program starts, and every page
//! of them copied. So the tables exist only while the program is compiled, and an entry's
//! references are made when it is looked up.
#![forbid(unsafe_code)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::large_stack_arrays,
    clippy::too_many_lines,
    reason = "at compile time: `small` checks, as `try_from` cannot be called; there is no heap, \
              and there are no iterators"
)]

use super::{Effect, Hazard, Kind, Latch, Order, Parameter, Range, Scope, TABLES};
use crate::key::same;
use crate::observed::Release;
use crate::value::{Shape, Unit};

/// What is looked up is spread over that many slots by its hash.
const SLOTS: usize = 4096;
/// A slot without a row.
const FREE: u16 = u16::MAX;

/// A part of the text, or of one of the pools.
#[derive(Clone, Copy)]
pub(super) struct Part {
    start: u32,
    length: u16,
}

/// An entry without references.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) key: Part,
    pub(super) summary: Part,
    pub(super) source: Part,
    pub(super) pair: Option<Part>,
    pub(super) module: Option<Part>,
    pub(super) reads_back: Option<Part>,
    pub(super) ranges: Part,
    pub(super) order: Part,
    pub(super) effects: Part,
    pub(super) owners: Part,
    pub(super) shape: Shape,
    pub(super) unit: Unit,
    pub(super) kind: Kind,
    pub(super) latch: Option<Latch>,
    pub(super) scope: Scope,
    pub(super) since: Option<Release>,
    pub(super) until: Option<Release>,
    pub(super) hazard: Option<Hazard>,
    pub(super) unlimited: Option<i8>,
    pub(super) sized_at_boot: bool,
}

/// How long everything is.
struct Lengths {
    rows: usize,
    text: usize,
    ranges: usize,
    order: usize,
    effects: usize,
    owners: usize,
    movers: usize,
    limited: usize,
}

struct Packed {
    text: [u8; LENGTHS.text],
    rows: [Row; LENGTHS.rows],
    ranges: [Range; LENGTHS.ranges],
    order: [Order; LENGTHS.order],
    effects: [Effect; LENGTHS.effects],
    owners: [Part; LENGTHS.owners],
    slots: [u16; SLOTS],
    movers: [u16; LENGTHS.movers],
    limited: [u16; LENGTHS.limited],
}

const LENGTHS: Lengths = lengths();
const PACKED: Packed = pack();

static BYTES: [u8; LENGTHS.text] = PACKED.text;
static TEXT: &str = match std::str::from_utf8(&BYTES) {
    Ok(text) => text,
    Err(_) => "",
};
static ROWS: [Row; LENGTHS.rows] = PACKED.rows;
pub(super) static RANGES: [Range; LENGTHS.ranges] = PACKED.ranges;
pub(super) static ORDER: [Order; LENGTHS.order] = PACKED.order;
pub(super) static EFFECTS: [Effect; LENGTHS.effects] = PACKED.effects;
pub(super) static OWNERS: [Part; LENGTHS.owners] = PACKED.owners;
static INDEX: [u16; SLOTS] = PACKED.slots;
static MOVERS: [u16; LENGTHS.movers] = PACKED.movers;
static LIMITED: [u16; LENGTHS.limited] = PACKED.limited;

/// Every entry, table by table.
pub(super) fn all() -> impl Iterator<Item = Parameter> {
    ROWS.iter().map(Parameter)
}

/// The entries that change others.
pub(super) fn movers() -> impl Iterator<Item = Parameter> {
    MOVERS.iter().map(|at| Parameter(&ROWS[usize::from(*at)]))
}

/// The entries that another one limits.
pub(super) fn limited() -> impl Iterator<Item = Parameter> {
    LIMITED.iter().map(|at| Parameter(&ROWS[usize::from(*at)]))
}

/// Whether one of its orders is a limit.
const fn is_limited(order: &[Order]) -> bool {
    let mut at = 0;
    while at < order.len() {
        if matches!(order[at], Order::AtMost(..)) {
            return true;
        }
        at += 1;
    }
    false
}

/// The entry whose key is these pieces, one behind the other.
pub(super) fn found(key: [&str; 3]) -> Option<Parameter> {
    let hash = |start: u32, piece: &str| piece.bytes().fold(start, hash_step);
    let mut slot = slot_of(key.into_iter().fold(HASH_START, hash));
    loop {
        let row = ROWS.get(usize::from(INDEX[slot]))?;
        if is_made_of(text(row.key), key) {
            return Some(Parameter(row));
        }
        slot = (slot + 1) % SLOTS;
    }
}

/// Whether a text is these pieces, one behind the other.
fn is_made_of(text: &str, pieces: [&str; 3]) -> bool {
    // Most often it is the first piece, whole.
    let [first, rest @ ..] = pieces;
    text.len() == pieces.iter().map(|piece| piece.len()).sum::<usize>()
        && (same(text, first)
            || text.strip_prefix(first).is_some_and(|behind| {
                rest.into_iter().try_fold(behind, str::strip_prefix).is_some()
            }))
}

pub(super) fn text(part: Part) -> &'static str {
    let start = part.start as usize;
    TEXT.get(start..start + usize::from(part.length)).unwrap_or_default()
}

pub(super) fn part<T>(pool: &'static [T], part: Part) -> &'static [T] {
    let start = part.start as usize;
    pool.get(start..start + usize::from(part.length)).unwrap_or_default()
}

// FNV-1a, in 32 bits.
const HASH_START: u32 = 0x811c_9dc5;

const fn hash_step(hash: u32, byte: u8) -> u32 {
    (hash ^ byte as u32).wrapping_mul(0x0100_0193)
}

const fn slot_of(hash: u32) -> usize {
    (hash ^ (hash >> 16)) as usize % SLOTS
}

const fn small(number: usize) -> u16 {
    assert!(number < FREE as usize, "the tables outgrow 16 bits");
    number as u16
}

const fn lengths() -> Lengths {
    const fn of(text: Option<&str>) -> usize {
        match text {
            Some(text) => text.len(),
            None => 0,
        }
    }
    let mut all = Lengths {
        rows: 0,
        text: 0,
        ranges: 0,
        order: 0,
        effects: 0,
        owners: 0,
        movers: 0,
        limited: 0,
    };
    let mut table = 0;
    while table < TABLES.len() {
        let mut at = 0;
        while at < TABLES[table].len() {
            let p = &TABLES[table][at];
            all.rows += 1;
            all.text += p.key.len() + p.summary.len() + p.source.len();
            all.text += of(p.pair) + of(p.module) + of(p.reads_back);
            all.ranges += p.ranges.len();
            all.order += p.order.len();
            all.effects += p.effects.len();
            let mut owner = 0;
            while owner < p.owners.len() {
                all.text += p.owners[owner].len();
                owner += 1;
            }
            all.owners += p.owners.len();
            all.movers += !p.effects.is_empty() as usize;
            all.limited += is_limited(p.order) as usize;
            at += 1;
        }
        table += 1;
    }
    all
}

/// Copies items to the end of a pool.
macro_rules! append {
    ($pool:expr, $used:ident, $items:expr) => {{
        let items = $items;
        let (_, free) = $pool.split_at_mut($used);
        let (place, _) = free.split_at_mut(items.len());
        place.copy_from_slice(items);
        $used += items.len();
        Part { start: ($used - items.len()) as u32, length: small(items.len()) }
    }};
}

macro_rules! append_option {
    ($pool:expr, $used:ident, $text:expr) => {
        match $text {
            Some(text) => Some(append!($pool, $used, text.as_bytes())),
            None => None,
        }
    };
}

const fn pack() -> Packed {
    const NOWHERE: Part = Part { start: 0, length: 0 };
    let p = &TABLES[0][0];
    let blank = Row {
        key: NOWHERE,
        summary: NOWHERE,
        source: NOWHERE,
        pair: None,
        module: None,
        reads_back: None,
        ranges: NOWHERE,
        order: NOWHERE,
        effects: NOWHERE,
        owners: NOWHERE,
        shape: p.shape,
        unit: p.unit,
        kind: p.kind,
        latch: None,
        scope: p.scope,
        since: None,
        until: None,
        hazard: None,
        unlimited: None,
        sized_at_boot: false,
    };
    let mut packed = Packed {
        text: [0; LENGTHS.text],
        rows: [blank; LENGTHS.rows],
        ranges: [Range::new(0, 0); LENGTHS.ranges],
        order: [Order::After(""); LENGTHS.order],
        effects: [Effect::Copies(""); LENGTHS.effects],
        owners: [NOWHERE; LENGTHS.owners],
        slots: [FREE; SLOTS],
        movers: [0; LENGTHS.movers],
        limited: [0; LENGTHS.limited],
    };
    let (mut rows, mut text, mut ranges) = (0, 0, 0);
    let (mut order, mut effects, mut owners) = (0, 0, 0);
    // The keys come first, together: looking one up touches nothing else.
    let mut table = 0;
    while table < TABLES.len() {
        let mut at = 0;
        while at < TABLES[table].len() {
            let key = TABLES[table][at].key.as_bytes();
            packed.rows[rows].key = append!(packed.text, text, key);
            let mut hash = HASH_START;
            let mut byte = 0;
            while byte < key.len() {
                hash = hash_step(hash, key[byte]);
                byte += 1;
            }
            let mut slot = slot_of(hash);
            while packed.slots[slot] != FREE {
                slot = (slot + 1) % SLOTS;
            }
            packed.slots[slot] = small(rows);
            rows += 1;
            at += 1;
        }
        table += 1;
    }
    table = 0;
    rows = 0;
    let (mut movers, mut limited) = (0, 0);
    while table < TABLES.len() {
        let mut at = 0;
        while at < TABLES[table].len() {
            let p = &TABLES[table][at];
            let of_row = Part { start: owners as u32, length: small(p.owners.len()) };
            while owners < of_row.start as usize + p.owners.len() {
                let name = p.owners[owners - of_row.start as usize].as_bytes();
                packed.owners[owners] = append!(packed.text, text, name);
                owners += 1;
            }
            packed.rows[rows] = Row {
                key: packed.rows[rows].key,
                summary: append!(packed.text, text, p.summary.as_bytes()),
                source: append!(packed.text, text, p.source.as_bytes()),
                pair: append_option!(packed.text, text, p.pair),
                module: append_option!(packed.text, text, p.module),
                reads_back: append_option!(packed.text, text, p.reads_back),
                ranges: append!(packed.ranges, ranges, p.ranges),
                order: append!(packed.order, order, p.order),
                effects: append!(packed.effects, effects, p.effects),
                owners: of_row,
                shape: p.shape,
                unit: p.unit,
                kind: p.kind,
                latch: p.latch,
                scope: p.scope,
                since: p.since,
                until: p.until,
                hazard: p.hazard,
                unlimited: p.unlimited,
                sized_at_boot: p.sized_at_boot,
            };
            if !p.effects.is_empty() {
                packed.movers[movers] = small(rows);
                movers += 1;
            }
            if is_limited(p.order) {
                packed.limited[limited] = small(rows);
                limited += 1;
            }
            rows += 1;
            at += 1;
        }
        table += 1;
    }
    packed
}
