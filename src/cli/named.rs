//! The baselines that a name can mean on this host, for what was meant by one that means none.

use std::collections::BTreeMap;

use crate::baseline::builtin::{self, PREFIX};
use crate::key::nearest;
use crate::report::harmless;
use crate::sources::{Listing, SEARCH, SourceError, Sources, is_path, relative_to};

/// So many names are told.
const TOLD: usize = 20;

/// The host's own, in the order of their names. A directory that cannot be listed has none here:
/// reading a baseline from it tells why.
fn of_host(reader: &Sources) -> Vec<String> {
    let paths = SEARCH.iter().flat_map(|dir| reader.list_yaml(dir).unwrap_or_default());
    let name = |path: String| name_of(&path).map(str::to_owned);
    let mut names: Vec<String> = paths.filter_map(name).collect();
    names.sort();
    names.dedup();
    names
}

/// What can be named on a host.
#[derive(Default)]
pub struct Named {
    /// Every name with the places that have one of it, the one that counts first.
    pub places: BTreeMap<String, Vec<String>>,
    /// The files that no name means.
    pub passed_over: Vec<String>,
    /// Why there may be more, which would stand before what is built in.
    pub unlisted: Option<SourceError>,
}

/// Looks through the search directories, and what is built in.
pub fn search(reader: &Sources) -> Named {
    let mut named = Named::default();
    for dir in SEARCH {
        let listing = reader.list(dir).unwrap_or_else(|error| {
            named.unlisted.get_or_insert(error);
            Listing::default()
        });
        for path in listing.yaml {
            let Some(name) = name_of(&path) else { continue };
            named.places.entry(name.to_owned()).or_default().push(path);
        }
        named.passed_over.extend(listing.yml);
    }
    for name in built_in() {
        named.places.entry(name.to_owned()).or_default().push(format!("{PREFIX}{name}"));
    }
    named
}

fn name_of(path: &str) -> Option<&str> {
    path.rsplit('/').next()?.strip_suffix(".yaml")
}

/// The names of all that are built in.
fn built_in<'a>() -> impl Iterator<Item = &'a str> {
    builtin::ALL.iter().map(|(name, _)| *name)
}

/// Whether a name means one.
pub fn is_known(reader: &Sources, name: &str) -> bool {
    !is_path(name)
        && (builtin::text(name).is_some()
            || SEARCH.iter().any(|dir| reader.read(&format!("{dir}/{name}.yaml")).is_ok()))
}

/// All that there are.
pub fn all(reader: &Sources) -> String {
    let built_in = format!("built in are: {}", built_in().collect::<Vec<_>>().join(", "));
    match told(&of_host(reader)) {
        Some(own) => format!("this host's own are: {own}; {built_in}"),
        None => built_in,
    }
}

/// The first of some names, if there are any.
fn told(names: &[String]) -> Option<String> {
    let told: Vec<String> = names.iter().take(TOLD).map(|name| harmless(name)).collect();
    let more = names.len().saturating_sub(TOLD);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!told.is_empty()).then(|| format!("{}{more}", told.join(", ")))
}

/// That a file is passed over which looks like a baseline.
pub fn not_read(path: &str, what: &str) -> String {
    format!("{path} is not read: a {what}'s name ends in .yaml")
}

/// What to write instead of a name that means none, in the baseline `from` or on the command line.
pub fn help(reader: &Sources, name: &str, from: Option<&str>) -> String {
    let passed_over = SEARCH.map(|dir| format!("{dir}/{name}.yml"));
    if let Some(path) = passed_over.iter().find(|path| reader.exists(path)) {
        return format!("there is {}: name it {}.yaml", harmless(path), harmless(name));
    }
    let beside = ["yaml", "yml"].map(|ending| format!("./{name}.{ending}"));
    if let Some(path) = beside.iter().find(|path| reader.read(&relative_to(from, path)).is_ok()) {
        return format!(
            "write {path}: a name is looked for in {} and among what is built in",
            SEARCH.join(", ")
        );
    }
    let own_names = of_host(reader);
    let known = own_names.iter().map(String::as_str).chain(built_in());
    let Some(near) = nearest(name, known) else { return all(reader) };
    let path = match told(&own_names) {
        Some(own) => format!("This host's own are: {own}; a path"),
        None => "A path".to_owned(),
    };
    format!("did you mean {}? {path} is written with a slash, as ./{name}.yaml", harmless(near))
}
