//! The text of our own files: rendered from lines, recognised as ours, and read again.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::key::{Key, Selector};
use crate::observed::breaks_line;

/// Where the drop-in lies; the name sorts after `99-sysctl.conf`.
pub const PATH: &str = "/etc/sysctl.d/99-tunectl.conf";
/// Where the numbers made from this boot's RAM lie; tunectl-boot writes it anew at each boot.
pub const HOST_PATH: &str = "/run/sysctl.d/99-tunectl-host.conf";
/// Both.
pub const PATHS: [&str; 2] = [PATH, HOST_PATH];
/// Begins the first line of each file that is ours.
const MARK: &str = "# Written by tunectl";
/// Begins a line that no loader reads and that tunectl-boot carries out.
const AT_BOOT: &str = "#@ ";
/// Stands above such a line.
const MADE_AT_BOOT: &str = "Made from this host's RAM, so no file carries it over a reboot: \
                            tunectl-boot sets it.";

/// One thing to persist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The key, or a pattern.
    pub selector: Selector,
    /// What is said of it.
    pub setting: Setting,
    /// Comments above it, each on a line of its own.
    pub comments: Vec<Cow<'static, str>>,
}

/// What a line says of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Its value.
    Value(String),
    /// Other files' patterns and ours are kept off it.
    Fence,
    /// Its value is a number made from `mem_total_kb` of RAM; no loader may set it on a host that
    /// has been resized since.
    AtBoot {
        /// The number.
        value: String,
        /// `MemTotal`, in kB.
        mem_total_kb: u64,
    },
}

impl Line {
    /// The value that the loaders are to set.
    pub fn value(&self) -> Option<&str> {
        match &self.setting {
            Setting::Value(value) => Some(value),
            Setting::Fence | Setting::AtBoot { .. } => None,
        }
    }
}

/// The text of the file at `path` for a baseline of that name and SHA-256.
///
/// The same lines give the same text: it holds no time and no version.
pub fn render(path: &str, baseline: &str, sha256: &str, lines: &[Line]) -> String {
    let mut text = String::with_capacity(512 + 192 * lines.len());
    let _ = write!(text, "{MARK} from the baseline {}\n# (sha256 {sha256}).\n", one_line(baseline));
    text.push_str(if path == HOST_PATH {
        "# Numbers made from this host's RAM, gone with a reboot: tunectl-boot makes them anew.\n"
    } else {
        "# `tunectl apply` replaces this file: change the baseline, not this.\n\
         # To undo it: tunectl rollback. Without tunectl: delete this file, then reboot.\n"
    });
    for line in lines {
        text.push('\n');
        for comment in &line.comments {
            let _ = writeln!(text, "# {}", one_line(comment));
        }
        let _ = match &line.setting {
            Setting::Value(value) => writeln!(text, "{} = {}", line.selector, one_line(value)),
            Setting::Fence => writeln!(text, "-{}", line.selector),
            Setting::AtBoot { value, mem_total_kb } => writeln!(
                text,
                "# {MADE_AT_BOOT}\n{AT_BOOT}{} = {} ({mem_total_kb} kB RAM)",
                line.selector,
                one_line(value)
            ),
        };
    }
    text
}

/// Nothing that is put into the file may begin a line of its own.
fn one_line(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return text.trim().into();
    }
    text.split(breaks_line)
        .map(str::trim)
        .filter(|p| !p.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
        .into()
}

/// Whether a file's text is ours.
pub fn is_ours(text: &[u8]) -> bool {
    text.starts_with(MARK.as_bytes())
}

/// What a text of ours sets, line by line; nothing where it is not ours.
pub fn values(text: &[u8]) -> Vec<(Selector, String)> {
    ours(text, |line| {
        let (selector, value) = line.split_once('=').filter(|_| !line.starts_with('#'))?;
        Some((Selector::parse(selector.trim()).ok()?, value.trim().to_owned()))
    })
}

/// The numbers that a text of ours leaves to tunectl-boot, each with the `MemTotal`, in kB, that it
/// was made from.
pub fn at_boot(text: &[u8]) -> Vec<(Key, String, u64)> {
    ours(text, at_boot_line)
}

/// The numbers that one line leaves to tunectl-boot.
fn at_boot_line(line: &str) -> Option<(Key, String, u64)> {
    let (key, rest) = line.strip_prefix(AT_BOOT)?.split_once(" = ")?;
    let (value, ram) = rest.strip_suffix(" kB RAM)")?.split_once(" (")?;
    let Ok(Selector::Key(key)) = Selector::parse(key) else { return None };
    Some((key, value.to_owned(), ram.parse().ok()?))
}

/// A text of ours, taken apart: what [`render`] was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// The baseline's name.
    pub baseline: String,
    /// Its SHA-256.
    pub sha256: String,
    /// What is persisted.
    pub lines: Vec<Line>,
}

/// Takes a text of ours apart; `None` where it is not ours.
pub fn parts(text: &[u8]) -> Option<Parts> {
    if !is_ours(text) {
        return None;
    }
    let text = String::from_utf8_lossy(text);
    let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
    let mut head = head.lines();
    let baseline = head.next()?.strip_prefix(MARK)?.trim_start_matches(" from the baseline ");
    let sha256 = head.next().and_then(|l| l.strip_prefix("# (sha256 ")?.strip_suffix(")."));
    let mut parts = Parts {
        baseline: baseline.to_owned(),
        sha256: sha256.unwrap_or_default().to_owned(),
        lines: Vec::new(),
    };
    let mut comments = Vec::new();
    for line in body.lines() {
        let (selector, setting) = if let Some((key, value, mem_total_kb)) = at_boot_line(line) {
            comments.retain(|comment| comment != MADE_AT_BOOT);
            (Selector::Key(key), Setting::AtBoot { value, mem_total_kb })
        } else if let Some(comment) = line.strip_prefix('#') {
            comments.push(Cow::from(comment.trim_start().to_owned()));
            continue;
        } else if let Some(fenced) = line.strip_prefix('-').filter(|l| !l.contains('=')) {
            let Ok(selector) = Selector::parse(fenced.trim()) else { continue };
            (selector, Setting::Fence)
        } else if let Some((selector, value)) = line.split_once('=') {
            let Ok(selector) = Selector::parse(selector.trim()) else { continue };
            (selector, Setting::Value(value.trim().to_owned()))
        } else {
            comments.clear();
            continue;
        };
        parts.lines.push(Line { selector, setting, comments: std::mem::take(&mut comments) });
    }
    Some(parts)
}

fn ours<T>(text: &[u8], read: impl Fn(&str) -> Option<T>) -> Vec<T> {
    if !is_ours(text) {
        return Vec::new();
    }
    String::from_utf8_lossy(text).lines().filter_map(read).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn line(selector: &str, setting: Setting) -> Line {
        let selector = Selector::parse(selector).unwrap();
        Line { selector, setting, comments: vec!["why\nvm.swappiness = 0".into()] }
    }

    #[test]
    fn what_was_rendered_is_read_again() {
        let ram = Setting::AtBoot { value: "192535".into(), mem_total_kb: 24_684_096 };
        let lines = [
            line("net.ipv4.conf.eth0/100.rp_filter", Setting::Value("2".into())),
            line("net.ipv4.conf.docker0.rp_filter", Setting::Fence),
            line("vm.min_free_kbytes", ram),
        ];
        let text = render(PATH, "a\n#@ vm.swappiness = 1 (2 kB RAM)", "00", &lines);
        let text = text.as_bytes();
        let one = Selector::parse("net.ipv4.conf.eth0/100.rp_filter").unwrap();
        assert_eq!(values(text), [(one, "2".to_owned())]);
        let key = Key::from_path("vm/min_free_kbytes").unwrap();
        assert_eq!(at_boot(text), [(key, "192535".to_owned(), 24_684_096)]);
        let parts = parts(text).unwrap();
        assert_eq!(parts.sha256, "00");
        let again = render(PATH, &parts.baseline, &parts.sha256, &parts.lines);
        assert_eq!(again.as_bytes(), text, "taken apart and put together again");
        assert!(values(&text[1..]).is_empty() && at_boot(&text[1..]).is_empty(), "not ours");
    }

    #[test]
    fn lines_that_are_not_of_the_form_are_passed_over() {
        for line in [
            "#@ vm.min_free_kbytes = 1",
            "#@ vm.min_free_kbytes = 1 (x kB RAM)",
            "#@ vm.* = 1 (2 kB RAM)",
            "#@ ../../etc/passwd = 1 (2 kB RAM)",
            "# @ vm.min_free_kbytes = 1 (2 kB RAM)",
        ] {
            assert_eq!(at_boot(format!("{MARK}\n{line}\n").as_bytes()), [], "{line}");
        }
    }
}
