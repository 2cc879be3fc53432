//! The baselines that come with the program.

use super::layers::Found;

/// Stands before the name of a built-in baseline where its source is told.
pub const PREFIX: &str = "built-in:";

/// What the build made of a built-in baseline's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// Its SHA-256 in hexadecimal, then its document.
    bytes: &'static [u8],
}

/// Hexadecimal digits of a SHA-256.
const DIGITS: usize = 64;

impl Prepared {
    /// SHA-256 of the text, in hexadecimal.
    pub fn sha256(self) -> &'static str {
        self.bytes.get(..DIGITS).and_then(|hex| str::from_utf8(hex).ok()).unwrap_or_default()
    }

    /// The document, as the `prepared` module writes it.
    pub(super) fn document(self) -> &'static [u8] {
        self.bytes.get(DIGITS..).unwrap_or_default()
    }
}

/// Declares each by its name, in alphabetical order.
macro_rules! built_in {
    ($($name:literal)*) => {
        /// Name and text of each, in alphabetical order.
        pub const ALL: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../baselines/", $name, ".yaml")))),*];

        /// The text of a built-in baseline.
        pub fn text(name: &str) -> Option<&'static str> {
            Some(match name {
                $($name => include_str!(concat!("../../baselines/", $name, ".yaml")),)*
                _ => return None,
            })
        }

        fn prepared(name: &str) -> Option<Prepared> {
            let bytes: &'static [u8] = match name {
                $($name => include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".prepared")),)*
                _ => return None,
            };
            Some(Prepared { bytes })
        }
    };
}

built_in! {
    "cis-network"
    "elasticsearch-node"
    "kafka-broker"
    "kubernetes-node"
    "linux-server"
    "postgresql-server"
    "redis-server"
    "rocketmq-broker"
}

/// A built-in baseline.
pub fn found(name: &str) -> Option<Found> {
    let text = text(name)?.into();
    Some(Found { name: format!("{PREFIX}{name}"), text, prepared: prepared(name) })
}
