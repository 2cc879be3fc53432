//! The ring that the program writes its records into, read in place.
#![allow(unsafe_code, reason = "the kernel writes the other end of this memory")]

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use super::super::memory;
use super::sys::{self, Mapping};

/// Set in a record's length while the program fills it.
const BUSY: u32 = 1 << 31;
/// Set if the program gave the record up.
const DISCARDED: u32 = 1 << 30;
/// Length and page number in front of each record.
const HEADER: usize = 8;

/// A ring and how far it was read.
#[derive(Debug)]
pub struct Ring {
    map: OwnedFd,
    /// One page: how far it was read. The only one that this side writes.
    consumer: Mapping,
    /// One page: how far it is written; then the data, twice in a row, so that a record that
    /// goes over the end is in one piece.
    producer: Mapping,
    page: usize,
    size: usize,
}

impl Ring {
    /// Makes one of about `size` bytes: a power of two, and whole pages.
    ///
    /// # Errors
    /// As bpf(2) and mmap(2).
    pub fn new(size: usize) -> io::Result<Self> {
        let page = memory::page_size();
        let size = size.max(page).next_power_of_two();
        let entries = u32::try_from(size).map_err(io::Error::other)?;
        let map = sys::create_map(sys::MAP_RINGBUF, 0, 0, entries, 0)?;
        let consumer = Mapping::new(map.as_fd(), 0, page, true)?;
        let producer = Mapping::new(map.as_fd(), page, page + 2 * size, false)?;
        Ok(Self { map, consumer, producer, page, size })
    }

    /// Its descriptor: readable when there is something to read.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.map.as_fd()
    }

    /// Gives `each` every record that stood in the ring when this was called, and frees it.
    /// Nothing is allocated or copied.
    pub fn drain(&mut self, each: &mut dyn FnMut(&[u8])) -> usize {
        let (Some(consumer), Some(producer)) = (self.consumer.at(0, 8), self.producer.at(0, 8))
        else {
            return 0;
        };
        // SAFETY: both stand at the start of a page that is mapped as long as `self`, and the
        // kernel too reads and writes them as whole words.
        let (consumer, producer) = unsafe {
            (consumer.cast::<AtomicUsize>().as_ref(), producer.cast::<AtomicUsize>().as_ref())
        };
        let end = producer.load(Ordering::Acquire);
        let mut at = consumer.load(Ordering::Relaxed);
        let mut count = 0;
        while at != end {
            let start = self.page + (at & (self.size - 1));
            let Some(header) = self.producer.at(start, HEADER) else {
                break;
            };
            // SAFETY: records begin at multiples of 8 inside the mapping; the kernel writes the
            // length as a whole word, and last.
            let word = unsafe { header.cast::<AtomicU32>().as_ref() }.load(Ordering::Acquire);
            if word & BUSY != 0 {
                break;
            }
            let length = usize::try_from(word & !DISCARDED).unwrap_or(usize::MAX);
            let Some(data) = self.producer.at(start + HEADER, length) else {
                break;
            };
            if word & DISCARDED == 0 {
                // SAFETY: the record is in the mapping, and a record that is not busy is not
                // written again before `consumer` has passed it, which is below.
                each(unsafe { std::slice::from_raw_parts(data.as_ptr(), length) });
                count += 1;
            }
            at = at.wrapping_add((HEADER + length).next_multiple_of(8));
            consumer.store(at, Ordering::Release);
        }
        count
    }
}

/// A number that the program counts up.
#[derive(Debug)]
pub struct Counter {
    map: OwnedFd,
    value: Mapping,
}

impl Counter {
    /// Begins at 0.
    ///
    /// # Errors
    /// As bpf(2) and mmap(2).
    pub fn new() -> io::Result<Self> {
        let map = sys::create_map(sys::MAP_ARRAY, 4, 8, 1, sys::MMAPABLE)?;
        let value = Mapping::new(map.as_fd(), 0, memory::page_size(), false)?;
        Ok(Self { map, value })
    }

    /// Its map.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.map.as_fd()
    }

    /// How far it is.
    pub fn get(&self) -> u64 {
        // SAFETY: it stands at the start of a page that is mapped as long as `self`, and is only
        // ever changed as a whole.
        let value = self.value.at(0, 8).map(|v| unsafe { v.cast::<AtomicU64>().as_ref() });
        value.map_or(0, |v| v.load(Ordering::Relaxed))
    }
}
