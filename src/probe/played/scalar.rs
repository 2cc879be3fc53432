//! The single values of a facts file; each reader is `None` for what it cannot take.

use std::str::FromStr;

use jiff::civil::Date;

use super::Reserve;
use crate::observed::{Release, Virtualization};
use crate::value::Size;

/// No memory has more bytes than 64 bits can count.
pub(super) const MOST_KB: u64 = u64::MAX / 1024;
/// Linux runs in no less: a lower number was meant in another unit.
const LEAST_RAM_KB: u64 = 8192;

pub(super) fn hostname(text: &str) -> Option<String> {
    let fits = (1..=64).contains(&text.len());
    (fits && text.chars().all(|c| c.is_ascii_graphic())).then(|| text.to_owned())
}

pub(super) fn kernel(text: &str) -> Option<(Release, String)> {
    let starts = text.starts_with(|c: char| c.is_ascii_digit());
    let release = Release::from_str(text).ok()?;
    (starts && text.contains('.') && !text.contains(char::is_whitespace))
        .then(|| (release, text.to_owned()))
}

pub(super) fn memory_kb(text: &str) -> Option<u64> {
    let kb = match Size::parse(text).ok()? {
        Some(size) => size.bytes / 1024,
        None => text.parse().ok()?,
    };
    (1..=MOST_KB).contains(&kb).then_some(kb)
}

/// RAM of a whole host.
pub(super) fn ram_kb(text: &str) -> Option<u64> {
    memory_kb(text).filter(|kb| *kb >= LEAST_RAM_KB)
}

pub(super) fn reserve(text: &str) -> Option<Reserve> {
    if text == "none" { Some(Reserve::Off) } else { memory_kb(text).map(Reserve::Kb) }
}

pub(super) fn node_count(text: &str) -> Option<u32> {
    text.parse().ok().filter(|count| (1..=1024).contains(count))
}

pub(super) fn page_bytes(text: &str) -> Option<u64> {
    let bytes = Size::parse(text).ok()??.bytes;
    (bytes.is_power_of_two() && (4096..=65536).contains(&bytes)).then_some(bytes)
}

pub(super) fn huge_page_bytes(text: &str) -> Option<u64> {
    if text == "0" {
        return Some(0);
    }
    let bytes = Size::parse(text).ok()??.bytes;
    (bytes.is_power_of_two() && (65536..=16 << 30).contains(&bytes)).then_some(bytes)
}

pub(super) fn virtualization(text: &str) -> Option<Virtualization> {
    let name = |t: &str| {
        let fits =
            t.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b));
        (fits && !t.is_empty()).then(|| t.to_owned())
    };
    match (text, text.strip_prefix("container:")) {
        ("none", _) => Some(Virtualization::None),
        // Kinds, not names: `virtualization: container` would play a hypervisor of that name.
        ("container" | "vm" | "true" | "false", _) => None,
        (_, Some(container)) => name(container).map(Virtualization::Container),
        (vm, None) => name(vm).map(Virtualization::Vm),
    }
}

pub(super) fn uuid(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split('-').collect();
    let fits = parts.iter().map(|p| p.len()).eq([8, 4, 4, 4, 12])
        && parts.iter().all(|p| p.bytes().all(|b| b.is_ascii_hexdigit()));
    fits.then(|| text.to_ascii_lowercase())
}

pub(super) fn date(text: &str) -> Option<String> {
    (text.len() == 10).then(|| text.parse::<Date>().ok())?.map(|d| d.to_string())
}

pub(super) fn yes_or_no(text: &str) -> Option<bool> {
    text.parse().ok()
}
