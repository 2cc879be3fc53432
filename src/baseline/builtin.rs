//! The baselines that come with the program.

/// Name and text of each, in alphabetical order.
pub const ALL: &[(&str, &str)] =
    &[("rocketmq-broker", include_str!("../../baselines/rocketmq-broker.yaml"))];

/// The text of a built-in baseline.
pub fn text(name: &str) -> Option<&'static str> {
    ALL.iter().find(|(n, _)| *n == name).map(|(_, text)| *text)
}
