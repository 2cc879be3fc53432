//! Programs that take a secret with a short option, as a command line names them.

/// Such programs, their option, and whether the secret may be an argument of its own.
const SHORT: [(&[&str], &str, bool); 7] = [
    (&["mysql", "mysqldump", "mysqladmin", "mysqlimport", "mariadb", "mariadb-dump"], "-p", false),
    (&["sshpass", "mongo", "mongosh", "mongodump", "docker", "podman", "kinit"], "-p", true),
    (&["redis-cli", "openstack"], "-a", true),
    (&["curl", "wget"], USER, true),
    (&["ldapsearch", "ldapmodify", "ldapadd", "ldapdelete", "ldapwhoami"], "-w", true),
    (&["smbclient", "rpcclient", "net"], "-U", true),
    (&["7z", "7za", "7zr", "unrar", "zip"], "-p", false),
];
/// The option that has a user and a password, and what it is called in full.
const USER: &str = "-u";
const USERS: [&str; 2] = ["user", "proxy-user"];
/// Letters of options that are written in one.
const LONGEST_CLUSTER: usize = 8;

/// The programs of `SHORT` that have been met. One more switches none off: its name may be an
/// argument of the one before, a database or a container.
#[derive(Clone, Copy, Default)]
pub struct Programs {
    /// A bit for each row.
    met: u8,
    /// Whether something that may hide the end of a command came since the first.
    intricate: bool,
    /// Whether what comes is what a variable is set to, by which it may be called later.
    assigns: bool,
}

/// A word that is an option for a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretOption<'w> {
    /// What of the word is shown.
    pub shown: &'w str,
    /// Whether the secret may be what follows the word.
    pub apart: bool,
}

impl Programs {
    /// Takes note of a word, if it is such a program's name.
    pub fn meet(&mut self, word: &str) {
        self.intricate &= self.met != 0;
        for (row, (names, ..)) in SHORT.iter().enumerate() {
            if names.contains(&word) {
                self.met |= 1 << row;
                self.intricate |= self.assigns;
            }
        }
    }

    /// Takes note of a character of a script, and of those around it. What ends a command ends what
    /// its programs' options mean: but not where it may be quoted, or in a command of its own within
    /// another.
    pub fn pass(&mut self, before: Option<char>, c: char, after: Option<char>) {
        self.assigns = c == '=' || self.assigns && !c.is_whitespace() && c != ';';
        // `2>&1`, `&>file`, `>|file`.
        let redirects = before.is_some_and(|c| matches!(c, '<' | '>')) || after == Some('>');
        match c {
            ';' | '\n' => self.end(),
            '|' | '&' if !redirects => self.end(),
            '"' | '\'' | '`' | '\\' | '(' | ')' | '{' | '}' => self.intricate = true,
            _ => {}
        }
    }

    fn end(&mut self) {
        if !self.intricate {
            self.met = 0;
        }
    }

    /// The word as an option for a secret, of any of the programs.
    pub fn option<'w>(self, word: &'w str) -> Option<SecretOption<'w>> {
        let mut found: Option<SecretOption<'w>> = None;
        for (row, (_, option, apart)) in SHORT.iter().enumerate() {
            if self.met & (1 << row) == 0 {
                continue;
            }
            let shown = if word.starts_with(option) {
                &word[..option.len()]
            } else if *apart && is_cluster(word, option) {
                word
            } else {
                continue;
            };
            let apart = *apart && shown.len() == word.len();
            let other = found.unwrap_or(SecretOption { shown, apart });
            let shown = if shown.len() < other.shown.len() { shown } else { other.shown };
            found = Some(SecretOption { shown, apart: apart || other.apart });
        }
        found
    }

    /// Whether an option of that name, without its dashes, has a user and a password.
    pub fn is_user(self, name: &str) -> bool {
        let met = SHORT.iter().enumerate().any(|(row, s)| s.1 == USER && self.met & (1 << row) > 0);
        met && USERS.contains(&name)
    }
}

/// Whether a word is several short options in one, of which the last is that one: `-sSu`.
fn is_cluster(word: &str, option: &str) -> bool {
    let (Some(letters), Some(last)) = (word.strip_prefix('-'), option.strip_prefix('-')) else {
        return false;
    };
    letters.len() <= LONGEST_CLUSTER
        && letters.ends_with(last)
        && letters.bytes().all(|b| b.is_ascii_alphabetic())
}
