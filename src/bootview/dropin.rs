//! The text of our own drop-in: rendered from lines, and recognised as ours.

use std::fmt::Write as _;

use crate::key::Selector;

/// Where it lies; the name sorts after `99-sysctl.conf`.
pub const PATH: &str = "/etc/sysctl.d/99-tunectl.conf";
/// Begins the first line of each drop-in that is ours.
const MARK: &str = "# Written by tunectl";

/// One thing to persist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The key, or a pattern.
    pub selector: Selector,
    /// Its value; `None` keeps other files' patterns and ours off the key.
    pub value: Option<String>,
    /// Comments above it, each on a line of its own.
    pub comments: Vec<String>,
}

/// The text for a baseline of that name and SHA-256.
///
/// The same lines give the same text: it holds no time and no version.
pub fn render(baseline: &str, sha256: &str, lines: &[Line]) -> String {
    let mut text = format!(
        "{MARK} from the baseline {}\n# (sha256 {sha256}).\n\
         # `tunectl apply` replaces this file: change the baseline, not this.\n\
         # To remove it, delete this file; values that are set stay until the next reboot.\n",
        one_line(baseline)
    );
    for line in lines {
        text.push('\n');
        for comment in &line.comments {
            let _ = writeln!(text, "# {}", one_line(comment));
        }
        let _ = match &line.value {
            Some(value) => writeln!(text, "{} = {}", line.selector, one_line(value)),
            None => writeln!(text, "-{}", line.selector),
        };
    }
    text
}

/// Nothing that is put into the file may begin a line of its own.
fn one_line(text: &str) -> String {
    let breaks = |c: char| c.is_control() || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}');
    text.split(|c| breaks(c) && c != '\t')
        .map(str::trim)
        .filter(|p| !p.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Whether a file's text is a drop-in of ours.
pub fn is_ours(text: &[u8]) -> bool {
    text.starts_with(MARK.as_bytes())
}
