//! Hands sources out to threads: a big file in pieces, a stream block by block to whoever waits.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "an edge, and where threads begin"
)]

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::blocks::{Block, Blocks, Next, PIECE};
use super::count::Lines;
use super::lines::{Form, LONGEST};
use super::source::{Sources, is_packed, whole_size};

/// How often whoever waits is told how far it has come.
const TOLD: Duration = Duration::from_millis(100);

/// A record, and where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// The number of its source.
    pub source: usize,
    /// Its first byte in the source, unpacked.
    pub offset: u64,
    /// A piece of the source, and the line in that, from 0: [`Lines`] knows where a piece begins.
    /// `None` where the whole source is meant.
    pub line: Option<(u64, u64)>,
    /// Its bytes, or why it has none.
    pub record: Result<&'a [u8], Problem<'a>>,
    lines: &'a Mutex<Lines>,
}

impl Found<'_> {
    /// Has [`Lines`] know its line.
    pub fn ask_line(&self) {
        if let Some((piece, _)) = self.line {
            locked(self.lines).ask(self.source, piece);
        }
    }
}

fn locked<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why there is no record.
#[derive(Clone, Copy, Debug)]
pub enum Problem<'a> {
    /// It is longer than [`LONGEST`].
    Long,
    /// There is nothing in the source but blanks.
    Empty,
    /// The source cannot be read, or not from here on.
    Unread(&'a io::Error),
}

/// How far the reading has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Bytes so far, unpacked.
    pub bytes: u64,
    /// Sources that have been read, or begun.
    pub sources: usize,
}

/// A big file, of which each thread takes the next piece.
struct Big {
    file: Arc<File>,
    source: usize,
    size: u64,
    next: u64,
}

enum Task {
    Source(usize),
    Piece { file: Arc<File>, source: usize, piece: u64, size: u64 },
    Block(usize, Block),
}

#[derive(Default)]
struct State {
    next: usize,
    big: VecDeque<Big>,
    blocks: VecDeque<(usize, Block)>,
    /// Used buffers.
    spare: Vec<Vec<u8>>,
    /// Threads that wait for something to do.
    idle: usize,
    /// Threads that read a source, and may have something for others.
    busy: usize,
    /// Threads that have not ended.
    running: usize,
}

struct Work<'s> {
    sources: &'s Sources,
    again: bool,
    state: Mutex<State>,
    changed: Condvar,
    lines: Mutex<Lines>,
    bytes: AtomicU64,
    /// Nothing more is to be read.
    stopped: AtomicBool,
}

/// A thread's end, however it comes about: nobody waits for it for ever.
struct Ended<'w, 's>(&'w Work<'s>);

impl Drop for Ended<'_, '_> {
    fn drop(&mut self) {
        self.0.state().running -= 1;
        self.0.changed.notify_all();
    }
}

/// Reads every source with a thread for each of `states`, which `each` gets along with every
/// record, until it breaks off; `again`: for a second time. `told` is called now and then meanwhile.
/// Says where the lines are, and how many bytes there were.
///
/// # Errors
/// No thread can be started.
pub fn read<S: Send>(
    sources: &Sources,
    again: bool,
    states: &mut [S],
    each: impl Fn(&mut S, Found<'_>) -> ControlFlow<()> + Sync,
    mut told: impl FnMut(Progress),
) -> io::Result<(Lines, u64)> {
    let work = Work {
        sources,
        again,
        state: Mutex::new(State { running: states.len(), ..State::default() }),
        changed: Condvar::new(),
        lines: Mutex::default(),
        bytes: AtomicU64::new(0),
        stopped: AtomicBool::new(false),
    };
    std::thread::scope(|scope| {
        let mut started = Err(io::Error::other("no thread was asked for"));
        for state in states {
            let (each, ended) = (&each, Ended(&work));
            let run = move || {
                let stopped = &ended.0.stopped;
                ended.0.run(&mut |found| {
                    if !stopped.load(Relaxed) && each(state, found).is_break() {
                        stopped.store(true, Relaxed);
                    }
                });
            };
            let thread = std::thread::Builder::new().spawn_scoped(scope, run);
            // Fewer threads than asked for only take longer.
            started = started.or(thread.map(|_| ()));
        }
        started?;
        let mut state = work.state();
        while state.running > 0 {
            let waited = work.changed.wait_timeout(state, TOLD);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            let sources = state.next;
            drop(state);
            told(Progress { bytes: work.bytes.load(Relaxed), sources });
            state = work.state();
        }
        Ok(())
    })
    .map(|()| {
        let lines = work.lines.into_inner().unwrap_or_else(PoisonError::into_inner);
        (lines, work.bytes.into_inner())
    })
}

/// What a thread does with each record.
type Each<'e> = &'e mut dyn FnMut(Found<'_>);

impl Work<'_> {
    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }

    fn run(&self, each: Each<'_>) {
        let mut buffer = Vec::new();
        while let Some(task) = self.task() {
            match task {
                Task::Source(source) => {
                    if let Err(why) = self.source(source, each) {
                        let record = Err(Problem::Unread(&why));
                        each(self.found(source, 0, None, record));
                    }
                    self.state().busy -= 1;
                    self.changed.notify_all();
                }
                Task::Piece { file, source, piece, size } => {
                    if let Err(why) = self.piece(&file, source, piece, size, &mut buffer, each) {
                        let record = Err(Problem::Unread(&why));
                        each(self.found(source, 0, Some((piece, 0)), record));
                        self.note(source, piece, 0, (piece + 1) * PIECE as u64 >= size);
                    }
                }
                Task::Block(source, block) => self.block(source, block, each),
            }
        }
    }

    /// What is to be done next; `None`: nothing any more.
    fn task(&self) -> Option<Task> {
        let mut state = self.state();
        loop {
            if self.stopped.load(Relaxed) {
                return None;
            }
            if let Some((source, block)) = state.blocks.pop_front() {
                return Some(Task::Block(source, block));
            }
            if let Some(big) = state.big.front_mut() {
                let (file, source, size) = (Arc::clone(&big.file), big.source, big.size);
                let piece = big.next;
                big.next += 1;
                if big.next * PIECE as u64 >= size {
                    state.big.pop_front();
                }
                return Some(Task::Piece { file, source, piece, size });
            }
            if state.next < self.sources.len() {
                state.next += 1;
                state.busy += 1;
                return Some(Task::Source(state.next - 1));
            }
            if state.busy == 0 {
                return None;
            }
            state.idle += 1;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    /// Opens a source: a big file is for all, anything else is read here.
    fn source(&self, number: usize, each: Each<'_>) -> io::Result<()> {
        let file = self.sources.open(number, self.again)?;
        if let Some(size) = whole_size(&file)?.filter(|size| *size > 2 * PIECE as u64) {
            let mut begin = vec![0; 4096];
            let read = file.read_at(&mut begin, 0)?;
            let begin = &begin[..read];
            if !is_packed(begin) && Form::of(begin) == Form::Lines {
                let big = Big { file: Arc::new(file), source: number, size, next: 0 };
                self.state().big.push_back(big);
                self.changed.notify_all();
                return Ok(());
            }
        }
        let mut blocks = Blocks::new(self.sources.content(number, file, self.again)?);
        let mut empty = true;
        while !self.stopped.load(Relaxed) {
            let buffer = self.state().spare.pop().unwrap_or_default();
            match blocks.next(buffer) {
                Some(Next::Block(block)) => {
                    empty &= block.bytes.trim_ascii().is_empty();
                    self.hand(number, block, each);
                }
                Some(Next::Long { piece, offset }) => {
                    empty = false;
                    each(self.found(number, offset, Some((piece, 0)), Err(Problem::Long)));
                    self.note(number, piece, 1, false);
                }
                Some(Next::Broken { piece, offset, why }) => {
                    empty = false;
                    let record = Err(Problem::Unread(&why));
                    each(self.found(number, offset, piece.map(|piece| (piece, 0)), record));
                }
                None => break,
            }
        }
        // A transfer that failed, or a full disk: some host's report is not there.
        if empty {
            each(self.found(number, 0, None, Err(Problem::Empty)));
        }
        Ok(())
    }

    /// Gives a block to a thread that waits, or else reads it here.
    fn hand(&self, source: usize, block: Block, each: Each<'_>) {
        let mut state = self.state();
        if block.last || state.idle <= state.blocks.len() {
            drop(state);
            return self.block(source, block, each);
        }
        state.blocks.push_back((source, block));
        drop(state);
        self.changed.notify_all();
    }

    fn block(&self, source: usize, block: Block, each: Each<'_>) {
        let Block { bytes, form, piece, offset, last } = block;
        let lines = self.records(source, piece, offset, form, &bytes, each);
        self.note(source, piece, lines, last);
        self.state().spare.push(bytes);
    }

    fn records(
        &self,
        source: usize,
        piece: u64,
        offset: u64,
        form: Form,
        block: &[u8],
        each: Each<'_>,
    ) -> u64 {
        self.bytes.fetch_add(block.len() as u64, Relaxed);
        form.records(block, |at, line, record| {
            let record = if record.len() > LONGEST { Err(Problem::Long) } else { Ok(record) };
            each(self.found(source, offset + at as u64, Some((piece, line)), record));
        })
    }

    fn found<'a>(
        &'a self,
        source: usize,
        offset: u64,
        line: Option<(u64, u64)>,
        record: Result<&'a [u8], Problem<'a>>,
    ) -> Found<'a> {
        Found { source, offset, line, record, lines: &self.lines }
    }

    /// Takes note of how many lines a piece has, and whether it is the last.
    fn note(&self, source: usize, piece: u64, lines: u64, last: bool) {
        locked(&self.lines).count(source, piece, lines, last);
    }

    /// Reads the lines that begin in a piece of a big file.
    fn piece(
        &self,
        file: &File,
        source: usize,
        piece: u64,
        size: u64,
        buffer: &mut Vec<u8>,
        each: Each<'_>,
    ) -> io::Result<()> {
        let begin = piece * PIECE as u64;
        let end = (begin + PIECE as u64).min(size);
        // A line begins behind the end of the one before, which may be the byte before the piece.
        let base = begin.saturating_sub(1);
        let within = append(file, buffer, 0, base, end)?;
        let start = match (piece, memchr::memchr(b'\n', &buffer[..within])) {
            (0, _) => 0,
            (_, Some(at)) => at + 1,
            (_, None) => within,
        };
        if start == within {
            self.note(source, piece, 0, end == size);
            return Ok(());
        }
        // The last line may end in another piece.
        let mut whole = Form::Lines.whole(&buffer[..within]);
        let mut filled = within;
        let mut to = base + within as u64;
        let mut ended = to < end || to == size;
        while whole < within && !ended && filled - whole <= LONGEST {
            let before = filled;
            let more = (to + (PIECE / 4) as u64).min(size);
            filled = append(file, buffer, before, to, more)?;
            to = base + filled as u64;
            ended = to < more || to == size;
            if let Some(at) = memchr::memchr(b'\n', &buffer[before..filled]) {
                whole = before + at + 1;
            }
        }
        let long = whole < within && !ended;
        let ends = if whole < within && ended { filled } else { whole };
        let offset = base + start as u64;
        let block = &buffer[start..ends.max(start)];
        let mut lines = self.records(source, piece, offset, Form::Lines, block, each);
        if long {
            let offset = base + ends as u64;
            each(self.found(source, offset, Some((piece, lines)), Err(Problem::Long)));
            lines += 1;
        }
        self.note(source, piece, lines, end == size);
        Ok(())
    }
}

/// Reads the bytes of a file from `from` to `to` behind the `filled` ones of a buffer, and says how
/// many are filled then; fewer than asked for where the file has become shorter. What a buffer
/// once had stays in it, so that it is not filled with zeros each time.
fn append(
    file: &File,
    buffer: &mut Vec<u8>,
    mut filled: usize,
    from: u64,
    to: u64,
) -> io::Result<usize> {
    let base = filled;
    let wanted = base + usize::try_from(to - from).unwrap_or(0);
    if buffer.len() < wanted {
        buffer.resize(wanted, 0);
    }
    while filled < wanted {
        match file.read_at(&mut buffer[filled..wanted], from + (filled - base) as u64) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
