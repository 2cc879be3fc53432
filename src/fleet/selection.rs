//! Hosts that are asked for by name: those of a finding, of a baseline, of a version.

use crate::wire::fleet::FleetHosts;

use super::hosts::{FINDINGS, Finding};
use super::record::Record;

/// Which hosts are meant.
#[derive(Clone, Debug)]
pub enum Selection {
    /// Those of which that is true.
    Of(Finding),
    /// Those with that baseline, or without.
    Baseline(Version, bool),
    /// Those with that tunectl, or without.
    Tunectl(String, bool),
}

/// A baseline's name with the begin of its hash, `broker@1a2b3c`; either can be left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    name: Option<String>,
    hash: String,
}

impl Version {
    /// Reads one.
    ///
    /// # Errors
    /// It names neither, or no hash behind the `@`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, hash) = text.rsplit_once('@').unwrap_or((text, ""));
        let has_hash = name.len() < text.len();
        let hex = |b: u8| b.is_ascii_hexdigit();
        if has_hash && (hash.len() < 4 || !hash.bytes().all(hex)) || text.is_empty() {
            return Err("a baseline belongs here, as NAME@HASH with at least 4 digits of its \
                        SHA-256, as NAME, or as @HASH"
                .to_owned());
        }
        let name = (!name.is_empty()).then(|| name.to_owned());
        Ok(Self { name, hash: hash.to_ascii_lowercase() })
    }

    /// Whether a hash is asked for.
    pub fn has_hash(&self) -> bool {
        !self.hash.is_empty()
    }

    /// Whether it is that one.
    pub fn is(&self, name: &str, sha256: &str) -> bool {
        self.name.as_deref().is_none_or(|wanted| wanted == name) && sha256.starts_with(&self.hash)
    }
}

impl Selection {
    /// Reads what `--hosts` asks for.
    ///
    /// # Errors
    /// What is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "in_sync" {
            return Ok(Self::Of(|h| h.in_sync));
        }
        if let Some((_, of)) = FINDINGS.iter().find(|(name, _)| *name == text) {
            return Ok(Self::Of(*of));
        }
        let Some((what, wanted)) = text.split_once('=') else {
            let names: Vec<&str> = FINDINGS.iter().map(|(name, _)| *name).collect();
            return Err(format!(
                "{text:?} is none of in_sync, {}, baseline=NAME@HASH, version=VERSION",
                names.join(", ")
            ));
        };
        let (what, equal) = what.strip_suffix('!').map_or((what, true), |what| (what, false));
        match what {
            "baseline" => Ok(Self::Baseline(Version::parse(wanted)?, equal)),
            "version" => Ok(Self::Tunectl(wanted.to_owned(), equal)),
            _ => Err(format!("{what:?} is neither baseline nor version")),
        }
    }

    /// Whether that host is meant, of which `found` says what is true.
    pub fn has(&self, record: &Record<'_>, found: &FleetHosts) -> bool {
        match self {
            Self::Of(of) => of(found) > 0,
            Self::Baseline(version, equal) => {
                let is = record.baseline.as_ref().is_some_and(|(name, sha)| version.is(name, sha));
                is == *equal
            }
            Self::Tunectl(version, equal) => (record.version == version.as_str()) == *equal,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn baselines_are_known_by_name_and_the_begin_of_their_hash() {
        let is =
            |text: &str| Version::parse(text).unwrap().is("a@b", "1A2b".to_lowercase().as_str());
        assert!(is("a@b@1a2b") && is("a@b@1A2B") && is("@1a2b"));
        assert!(!is("a@b@1a2b3") && !is("b@1a2b") && !is("@2b1a"));
        for wrong in ["", "@", "a@", "a@1a2", "a@1a2g"] {
            assert!(Version::parse(wrong).unwrap_err().contains("NAME@HASH"), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_selection_is_told() {
        for (text, told) in [
            ("drfit", "\"drfit\" is none of in_sync, "),
            ("drift=1", "\"drift\" is neither baseline nor version"),
            ("baseline=@x", "a baseline belongs here"),
        ] {
            let error = Selection::parse(text).unwrap_err();
            assert!(error.starts_with(told), "{error}");
        }
    }
}
