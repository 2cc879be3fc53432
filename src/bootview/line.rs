//! What one line of a file says to a loader by itself, before other lines come into it.

use std::rc::Rc;
use std::sync::Arc;

use super::MOST_GLOBS;
use super::changes::Changes;
use super::forms::Form;
use super::problem::{ProblemKind, not_a_key};
use crate::key::is_wildcard;
use crate::observed::first_of;

/// One line that is more than a comment.
#[derive(Debug, PartialEq)]
pub(super) struct Line {
    /// Counted from 1.
    pub number: u32,
    /// What is wrong with it.
    pub problems: Vec<ProblemKind>,
    /// What it sets or excludes; `None` where it is passed over.
    pub says: Option<Saying>,
}

/// An assignment or an exclusion.
#[derive(Debug, PartialEq)]
pub(super) struct Saying {
    /// The path as the loader spells it.
    pub literal: Arc<str>,
    /// The path that is written.
    pub path: Arc<str>,
    /// Whether that is a glob.
    pub is_glob: bool,
    /// The value; `None` for an exclusion.
    pub value: Option<Arc<str>>,
    /// Whether it began with a dash.
    pub dash: bool,
    /// What its writes change besides.
    pub changes: Changes,
    /// What it stands for besides, in the order of the writes: of a glob with braces the other ones.
    pub more: Box<[Form]>,
}

impl Saying {
    /// How many writes it makes, each for itself.
    pub fn forms(&self) -> usize {
        1 + self.more.len()
    }

    /// Of each of them the path as the loader spells it, the path that is written, and what that
    /// changes besides.
    pub fn each_form(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<str>, &Changes)> {
        let more = self.more.iter().map(|form| (&form.literal, &form.path, &form.changes));
        std::iter::once((&self.literal, &self.path, &self.changes)).chain(more)
    }
}

/// What the lines of a text say, but for those with more globs than are looked into.
pub(super) fn each_read<'t>(
    lines: impl Iterator<Item = &'t [u8]>,
    read_line: impl Fn(&[u8], u32) -> Option<Line>,
) -> Vec<Line> {
    let mut globs = 0_usize;
    let read = |(number, line): (u32, &[u8])| {
        // One more is read, for the loader to see that they are too many.
        if globs > MOST_GLOBS && line.len() < LONG_LINE_BYTES && may_be_glob(line) {
            return None;
        }
        let line = read_line(line, number)?;
        let says = line.says.as_ref().filter(|says| says.is_glob && says.value.is_some());
        globs += says.map_or(0, Saying::forms);
        Some(line)
    };
    (1..).zip(lines).filter_map(read).collect()
}

fn may_be_glob(line: &[u8]) -> bool {
    line.iter().take_while(|byte| **byte != b'=').any(|byte| is_wildcard(*byte))
}

/// The lines of the texts that a loader has read, for another look at the same texts.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    texts: Vec<Known>,
}

#[derive(Clone, Debug)]
struct Known {
    text: Arc<[u8]>,
    lines: Rc<[Line]>,
    /// Whether every loader reads it so.
    plain: bool,
}

/// The lines that need not be read again.
#[derive(Clone, Copy)]
pub(super) struct Before<'a> {
    /// By the same loader.
    pub own: Option<&'a Lines>,
    /// By the other one.
    pub other: Option<&'a Lines>,
}

impl Lines {
    /// The lines of a text: those that are known already, else what `read` finds in it.
    pub fn of(
        &mut self,
        text: &Arc<[u8]>,
        before: Before<'_>,
        read: impl FnOnce(&[u8]) -> Vec<Line>,
    ) -> Rc<[Line]> {
        let own = self.find(text).or_else(|| before.own?.find(text));
        let known = own.or_else(|| before.other?.find(text).filter(|known| known.plain));
        let known = known.cloned().unwrap_or_else(|| {
            let plain = plain_lines(text);
            let (plain, lines) = (plain.is_some(), plain.unwrap_or_else(|| read(text)).into());
            Known { text: Arc::clone(text), lines, plain }
        });
        let lines = Rc::clone(&known.lines);
        self.texts.push(known);
        lines
    }

    /// The very text, not one like it: that is known without a look at it.
    fn find(&self, text: &Arc<[u8]>) -> Option<&Known> {
        self.texts.iter().find(|known| Arc::ptr_eq(&known.text, text))
    }
}

/// The lines of a text of the plainest kind, as nearly all are: comments, and keys of lower-case
/// letters with values in ASCII. Every loader reads them alike. `None` where there is anything else.
fn plain_lines(text: &[u8]) -> Option<Vec<Line>> {
    let is_blank = |b: &u8| matches!(b, b' ' | b'\t');
    let mut lines = Vec::new();
    let (mut rest, mut number) = (text, 0);
    while !rest.is_empty() {
        number += 1;
        let (line, end) = rest.split_at(first_of([0, b'\n', b'\r'], rest).unwrap_or(rest.len()));
        rest = match end {
            [] => end,
            [b'\n', rest @ ..] => rest,
            _ => return None,
        };
        // There a loader stops, even at a comment.
        if line.len() >= LONG_LINE_BYTES {
            return None;
        }
        let begin = line.iter().position(|b| !is_blank(b));
        let line = &line[begin.unwrap_or(line.len())..];
        if !matches!(line.first(), None | Some(b'#' | b';')) {
            lines.push(Line { number, problems: Vec::new(), says: Some(plain_assignment(line)?) });
        }
    }
    Some(lines)
}

fn plain_assignment(line: &[u8]) -> Option<Saying> {
    if line.len() > PLAIN_BYTES || !line.iter().all(|b| matches!(b, b' '..=b'~' | b'\t')) {
        return None;
    }
    let equals = line.iter().position(|b| *b == b'=')?;
    let (key, value) = (line[..equals].trim_ascii_end(), line[equals + 1..].trim_ascii());
    let path = plain_key(key)?;
    Some(Saying {
        literal: Arc::clone(&path),
        value: Some(str::from_utf8(value).ok()?.into()),
        is_glob: false,
        dash: false,
        changes: Changes::of_one(&path),
        path,
        more: Box::default(),
    })
}

/// At a line of so many bytes systemd-sysctl gives the file up: measured, and `LONG_LINE_MAX` in its
/// source.
pub(super) const LONG_LINE_BYTES: usize = 1 << 20;

/// Longer lines take a closer look.
const PLAIN_BYTES: usize = 256;

/// The path that a plain key names.
fn plain_key(key: &[u8]) -> Option<Arc<str>> {
    let mut path = [0; PLAIN_BYTES];
    let mut separator = None;
    for (to, byte) in path.iter_mut().zip(key) {
        *to = match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' => *byte,
            // The first one divides, and the other kind would be part of a component.
            b'.' | b'/' if separator.get_or_insert(*byte) == byte => b'/',
            _ => return None,
        };
    }
    let path = str::from_utf8(path.get(..key.len())?).ok()?;
    not_a_key(path).is_none().then(|| path.into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::{PLAIN_BYTES, plain_lines};
    use crate::bootview::{Assignment, BootView, Loader, procps, systemd, with_file};
    use crate::key::Key;
    use crate::observed::ConfTree;

    /// What lines are made of, each piece with its pitfalls.
    const PIECES: [&str; 36] = [
        "vm",
        ".",
        "/",
        "swappiness",
        "net",
        "a-b",
        "-",
        "=",
        "=1",
        " = ",
        "60",
        "1 2\t3",
        "\n",
        "\n",
        "\n",
        "#",
        ";",
        " ",
        "\t",
        "\r",
        "\0",
        "\u{b}",
        "\u{c}",
        "\u{7f}",
        "\u{e9}",
        "*",
        "?",
        "[a]",
        "..",
        "proc",
        "sys",
        "A",
        "eth0",
        "0x10",
        "~",
        "\u{feff}",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn both_loaders_read_a_plain_text_as_it_is_read_here(
            pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..12),
            keys in prop::collection::vec(("[a-z0-9_./-]{1,12}", "[ -~]{0,6}"), 0..3),
        ) {
            let lines = keys.iter().flat_map(|(key, value)| [key, " =", value, "\n"]);
            let lines: String = lines.collect();
            for text in [lines.clone(), pieces.concat(), lines + &pieces.concat()] {
                if let Some(plain) = plain_lines(text.as_bytes()) {
                    prop_assert_eq!(&plain, &systemd::read(text.as_bytes()));
                    prop_assert_eq!(&plain, &procps::read(text.as_bytes()));
                }
            }
        }
    }

    #[test]
    fn the_usual_texts_are_plain() {
        let text = "# caf\u{e9}\n\n  vm.swappiness =\t60 \n;x\nnet/ipv4/tcp_rmem=1 2 3\nkernel.x=";
        let lines = plain_lines(text.as_bytes()).unwrap();
        let told = lines.iter().map(|line| {
            let says = line.says.as_ref().unwrap();
            (line.number, &*says.path, says.value.as_deref().unwrap())
        });
        let expected =
            [(3, "vm/swappiness", "60"), (5, "net/ipv4/tcp_rmem", "1 2 3"), (6, "kernel/x", "")];
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_line_is_plain_up_to_its_greatest_length() {
        for length in PLAIN_BYTES - 2..PLAIN_BYTES + 3 {
            for line in [
                format!("vm.x={}", "1".repeat(length - 5)),
                format!("vm.{}=1", "x".repeat(length - 5)),
                format!("{}=", "vm.x".repeat(length / 4)),
            ] {
                let plain = plain_lines(line.as_bytes());
                assert!(
                    plain.is_some() || line.len() > PLAIN_BYTES || line.contains(&"x".repeat(250))
                );
                if let Some(plain) = plain {
                    assert_eq!(plain, systemd::read(line.as_bytes()), "{length}");
                    assert_eq!(plain, procps::read(line.as_bytes()), "{length}");
                }
            }
        }
        assert_eq!(plain_lines(format!("#{}\n", "x".repeat(9000)).as_bytes()), Some(Vec::new()));
    }

    #[test]
    fn a_changed_tree_is_seen_as_one_that_is_seen_first() {
        let texts = [
            "vm.swappiness = 1\n",
            "vm.swappiness = 2\rvm.swappiness = 3\n",
            "vm.swappiness = 4\0vm.swappiness = 5\n",
            "- vm.swappiness = 6\n",
            "net.ipv4.conf.*/.rp_filter = 7\nnet/ipv4/conf/*/rp_filter/ = 8\n",
            "vm.swappiness=9\u{b}\n-vm.swappiness\n",
        ];
        let path = "/etc/sysctl.d/50-a.conf";
        for (base, changed) in texts.iter().flat_map(|one| texts.iter().map(move |two| (one, two)))
        {
            let mut tree = with_file(&ConfTree::default(), path, Some(base));
            tree = with_file(&tree, "/etc/sysctl.d/60-b.conf", Some(texts[1]));
            tree = with_file(&tree, "/etc/sysctl.conf", Some(texts[0]));
            // A link has the body of what it leads to.
            let mut linked = tree.dirs[0].files[0].clone();
            (linked.path, linked.link) = ("/etc/sysctl.d/zz.conf".into(), Some("50-a.conf".into()));
            tree.dirs[0].files.push(linked);
            let view = BootView::new(&tree);
            for text in [Some(*changed), Some(""), None] {
                let tree = with_file(&tree, path, text);
                let (of_changed, new) = (view.of_changed(&tree), BootView::new(&tree));
                for loader in Loader::ALL {
                    let told = |view: &BootView| {
                        let writes: Vec<Assignment> = view.writes(loader).cloned().collect();
                        let key = Key::from_path("vm/swappiness").unwrap();
                        let excluded = view.exclusion(loader, &key).cloned();
                        (
                            writes,
                            view.problems(loader).to_vec(),
                            view.files(loader).to_vec(),
                            excluded,
                        )
                    };
                    assert_eq!(told(&of_changed), told(&new), "{base:?} {text:?}");
                }
            }
        }
    }
}
