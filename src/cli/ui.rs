//! The two streams: results to standard output, everything else to standard error.
#![allow(clippy::disallowed_methods, reason = "the one place that looks at the terminal")]

use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anstream::AutoStream;
use clap::error::{ContextKind, ContextValue};

use crate::announce::{Stream, Unwaiting};
use crate::diagnostic::{Diagnostic, Source};
use crate::report;
use crate::report::boot::{Level, Line};
use crate::report::plan::Layout;

use super::Exit;
use super::args::{Asked, Cli, Color, Command, Format};
use super::failure::Failure;
use super::tips;

/// Where a command's output goes, and how it looks.
pub struct Ui {
    color: anstream::ColorChoice,
    /// What that comes to on standard output, once it was asked for.
    stdout: OnceCell<anstream::ColorChoice>,
    quiet: bool,
    verbose: bool,
    format: Format,
    /// When progress was told last.
    told: Cell<Option<Instant>>,
    /// The streams of a daemon, which waits for no reader: standard output and error.
    unwaiting: [Option<RefCell<Unwaiting>>; 2],
}

/// Width where there is no terminal to ask.
const WIDTH: usize = 100;

impl Ui {
    /// The output that the arguments and the terminal ask for.
    pub fn new(cli: &Cli) -> Self {
        let color = match cli.color {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        };
        let level = match cli.verbose {
            _ if cli.quiet => log::LevelFilter::Error,
            0 => log::LevelFilter::Warn,
            1 => log::LevelFilter::Info,
            _ => log::LevelFilter::Debug,
        };
        let mut log = env_logger::Builder::new();
        let holds = matches!(&cli.command, Command::Watch(_));
        let open = |stream| holds.then(|| Unwaiting::open(stream).ok()).flatten();
        if let Some(stream) = open(Stream::Err) {
            log.target(env_logger::Target::Pipe(Box::new(stream)));
        }
        log.filter_level(level).format_timestamp(None).init();
        let format = if cli.format == Asked::Json { Format::Json } else { Format::Text };
        Self {
            color,
            stdout: OnceCell::new(),
            quiet: cli.quiet,
            verbose: cli.verbose > 0,
            format,
            told: Cell::new(None),
            unwaiting: [Stream::Out, Stream::Err].map(|stream| open(stream).map(RefCell::new)),
        }
    }

    /// The format of the result.
    pub fn format(&self) -> Format {
        self.format
    }

    /// How much to show.
    pub fn layout(&self) -> Layout {
        let styled = self.stdout() != anstream::ColorChoice::Never;
        let terminal = terminal_width();
        Layout {
            width: terminal.unwrap_or(WIDTH),
            verbose: self.verbose,
            styled,
            folds: terminal.is_some(),
        }
    }

    /// Prints the result.
    ///
    /// # Errors
    /// Standard output cannot be written; a reader that has gone away is no error.
    pub fn result(&self, text: &str) -> Result<(), Failure> {
        self.part(text).map(|_| ())
    }

    /// Prints a part of a result that goes on; `false` where the reader has gone away.
    ///
    /// # Errors
    /// As [`Ui::result`].
    pub fn part(&self, text: &str) -> Result<bool, Failure> {
        // One write for the whole result: what is not a terminal gets it stripped beforehand.
        let text = match self.stdout() {
            anstream::ColorChoice::Never => stripped(text),
            _ => Cow::Borrowed(text),
        };
        let written = if let [Some(out), _] = &self.unwaiting {
            out.borrow_mut().write_all(text.as_bytes())
        } else {
            let mut out = io::stdout().lock();
            out.write_all(text.as_bytes()).and_then(|()| out.flush())
        };
        match written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::new(format!("cannot write to standard output: {error}")))
            }
            written => Ok(written.is_ok()),
        }
    }

    /// Whether standard output shows styles.
    fn stdout(&self) -> anstream::ColorChoice {
        *self.stdout.get_or_init(|| match self.color {
            anstream::ColorChoice::Auto => AutoStream::choice(&io::stdout()),
            asked => asked,
        })
    }

    /// Prints a part of a result as one line of JSON; `false` where the reader has gone away.
    ///
    /// # Errors
    /// As [`Ui::result`].
    pub fn json_line(&self, value: &impl serde::Serialize) -> Result<bool, Failure> {
        let text = serde_json::to_string(value)
            .map_err(|error| Failure::new(format!("cannot make JSON: {error}")))?;
        self.part(&(report::harmless_json(&text) + "\n"))
    }

    /// Prints a result line by line. In the journal each line has its own priority; elsewhere its
    /// colour shows it.
    ///
    /// # Errors
    /// As [`Ui::result`].
    pub fn lines(&self, lines: &[Line]) -> Result<(), Failure> {
        let journal = is_journal();
        let mut text = String::new();
        for Line { level, text: line } in lines {
            if journal {
                let _ = writeln!(text, "<{}>{line}", *level as u8);
                continue;
            }
            let style = match level {
                Level::Error => report::BAD,
                Level::Warning => report::WARN,
                Level::Notice | Level::Info => report::PLAIN,
            };
            let _ = writeln!(text, "{style}{line}{style:#}");
        }
        self.result(&text)
    }

    /// Prints a result as JSON.
    ///
    /// # Errors
    /// As [`Ui::result`].
    pub fn json(&self, value: &impl serde::Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| Failure::new(format!("cannot make JSON: {error}")))?;
        self.result(&(report::harmless_json(&text) + "\n"))
    }

    /// Prints a line that tells what to do next.
    pub fn hint(&self, text: &str) {
        if !self.quiet && self.format == Format::Text {
            let lines: Vec<String> = text.split('\n').map(report::harmless).collect();
            self.stderr(&format!("{}\n", lines.join("\n")));
        }
    }

    /// Asks something, on the terminal.
    pub fn question(&self, text: &str) {
        self.stderr(text);
    }

    /// Prints a line that deserves attention, besides the result.
    pub fn warning(&self, text: &str) {
        if !self.quiet {
            let style = report::WARN;
            self.stderr(&format!("{style}warning:{style:#} {}\n", report::harmless(text)));
        }
    }

    /// Shows how far something has come that takes its time: on a terminal in one line that is
    /// written over, elsewhere a line a second. `None`: it has ended.
    pub fn progress(&self, text: Option<&str>) {
        if self.quiet {
            return;
        }
        let terminal = io::stderr().is_terminal();
        match text {
            _ if terminal => {
                // One line of it: what is wrapped could not be written over.
                let text = report::harmless(text.unwrap_or_default());
                let text: String = text.chars().take(width() - 1).collect();
                let _ = io::stderr().write_all(format!("\r\x1b[K{text}").as_bytes());
            }
            None => self.told.set(None),
            Some(text) => {
                let due = |then: Instant| then.elapsed() >= Duration::from_secs(1);
                if self.told.get().is_none_or(due) {
                    self.told.set(Some(Instant::now()));
                    self.stderr(&format!("{}\n", report::harmless(text)));
                }
            }
        }
    }

    /// Prints an event as it happens: for people on standard error, with `--format json` as one line
    /// on standard output. A reader who has gone away is no reason to end.
    pub fn event(&self, event: &impl serde::Serialize, text: &str) {
        match self.format {
            Format::Text if !self.quiet => self.stderr(&format!("{text}\n")),
            Format::Text => {}
            Format::Json => {
                let _ = self.json_line(event);
            }
        }
    }

    /// Prints diagnostics; warnings are left out with `--quiet`.
    pub fn diagnostics(&self, problems: &[Diagnostic], sources: &[Source]) {
        let shown: Vec<Diagnostic> =
            problems.iter().filter(|p| p.is_error() || !self.quiet).cloned().collect();
        if shown.is_empty() {
            return;
        }
        // The stream strips what the terminal does not take.
        self.stderr(&report::diagnostics::render(&shown, sources, true, width()));
    }

    /// Prints why a command ended.
    pub fn failure(&self, failure: &Failure) {
        self.diagnostics(&failure.diagnostics, &failure.sources);
        let style = crate::report::BAD;
        // The line breaks are ours; what is foreign has its own escaped where it is quoted.
        let lines: Vec<String> = failure.message.split('\n').map(report::harmless).collect();
        let mut text = format!("{style}error:{style:#} {}\n", lines.join("\n       "));
        if let Some(help) = &failure.help {
            text.push_str("help: ");
            text.push_str(&report::harmless(help));
            text.push('\n');
        }
        self.stderr(&text);
    }

    fn stderr(&self, text: &str) {
        if let [_, Some(err)] = &self.unwaiting {
            let choice = match self.color {
                anstream::ColorChoice::Auto => AutoStream::choice(&io::stderr()),
                asked => asked,
            };
            let plain = choice == anstream::ColorChoice::Never;
            let text = if plain { stripped(text) } else { Cow::Borrowed(text) };
            let _ = err.borrow_mut().write_all(text.as_bytes());
            return;
        }
        let mut err = AutoStream::new(io::stderr().lock(), self.color);
        // There is nowhere left to tell that standard error cannot be written.
        let _ = err.write_all(text.as_bytes());
    }
}

/// How far a long run has come, on standard error, where that is a terminal: from the first second
/// on, and gone in the end.
pub struct Bar {
    begun: Instant,
    shown: bool,
    /// Whether anybody looks.
    on: bool,
}

impl Bar {
    /// For a run that begins now.
    pub fn new(ui: &Ui) -> Self {
        let on = !ui.quiet && ui.format == Format::Text && io::stderr().is_terminal();
        Self { begun: Instant::now(), shown: false, on }
    }

    /// Shows how far it is: a share from 0 to 1, where it is known, and the same in words.
    pub fn show(&mut self, share: Option<f64>, words: &str) {
        const CELLS: f64 = 30.0;
        if !self.on || self.begun.elapsed() < Duration::from_secs(1) {
            return;
        }
        self.shown = true;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 30")]
        let bar = share.map_or_else(String::new, |share| {
            let full = (share.clamp(0.0, 1.0) * CELLS) as usize;
            format!("[{:30}] {:3.0} %  ", "#".repeat(full), share.clamp(0.0, 1.0) * 100.0)
        });
        let _ = write!(io::stderr(), "\r\x1b[K{bar}{words}");
    }

    /// Takes it away.
    pub fn end(&mut self) {
        if std::mem::take(&mut self.shown) {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.end();
    }
}

/// Characters in a line of the terminal that results go to, or of what is no terminal.
fn width() -> usize {
    terminal_width().unwrap_or(WIDTH)
}

/// Characters in a line of the terminal that results go to, where they go to one.
fn terminal_width() -> Option<usize> {
    let size = terminal_size::terminal_size_of(io::stdout());
    size.map(|(width, _)| usize::from(width.0).clamp(60, 160))
}

/// Whether standard output leads to the journal: systemd says which file that is.
fn is_journal() -> bool {
    let Ok(named) = std::env::var("JOURNAL_STREAM") else { return false };
    let stdout = nix::sys::stat::fstat(io::stdout());
    stdout.is_ok_and(|found| named == format!("{}:{}", found.st_dev, found.st_ino))
}

/// The text without its styles. What is styled here has no other escape sequence than a style;
/// should one come in all the same, every byte is looked at.
pub fn stripped(text: &str) -> Cow<'_, str> {
    if !text.contains('\x1b') {
        return text.into();
    }
    let mut pieces = text.split('\x1b');
    let mut plain = String::with_capacity(text.len());
    plain.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let style = piece.strip_prefix('[').and_then(|rest| rest.split_once('m'));
        match style {
            Some((codes, rest)) if codes.bytes().all(|b| b.is_ascii_digit() || b == b';') => {
                plain.push_str(rest);
            }
            _ => return anstream::adapter::strip_str(text).to_string().into(),
        }
    }
    plain.into()
}

/// Prints what clap has to say (help, version, a usage error); usage errors exit with 1.
pub fn usage(mut error: clap::Error) -> ExitCode {
    let tips = tips::of(&error);
    if !tips.is_empty() {
        let tips = tips.into_iter().map(Into::into).collect();
        error.remove(ContextKind::SuggestedSubcommand);
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
    }
    let _ = error.print();
    if error.use_stderr() { Exit::Error.into() } else { Exit::Done.into() }
}

#[cfg(test)]
mod tests {
    use super::stripped;

    #[test]
    fn stripping_takes_styles_and_no_text() {
        let cases = [
            ("", ""),
            ("plain\n", "plain\n"),
            ("\x1b[1m\x1b[31merror:\x1b[0m m [0m\n", "error: m [0m\n"),
            ("\x1b[0m", ""),
            ("a\x1b]0;title\x07b\x1b[1mc", "abc"),
            ("a\x1b[2Jb\x1b[m", "ab"),
        ];
        for (styled, plain) in cases {
            assert_eq!(stripped(styled), plain, "{styled:?}");
            assert_eq!(anstream::adapter::strip_str(styled).to_string(), plain, "{styled:?}");
        }
    }
}
