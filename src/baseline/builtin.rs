//! The baselines that come with the program.

/// Name and text of each, in alphabetical order.
pub const ALL: &[(&str, &str)] = &[
    ("cis-network", include_str!("../../baselines/cis-network.yaml")),
    ("elasticsearch-node", include_str!("../../baselines/elasticsearch-node.yaml")),
    ("kafka-broker", include_str!("../../baselines/kafka-broker.yaml")),
    ("kubernetes-node", include_str!("../../baselines/kubernetes-node.yaml")),
    ("linux-server", include_str!("../../baselines/linux-server.yaml")),
    ("postgresql-server", include_str!("../../baselines/postgresql-server.yaml")),
    ("redis-server", include_str!("../../baselines/redis-server.yaml")),
    ("rocketmq-broker", include_str!("../../baselines/rocketmq-broker.yaml")),
];

/// The text of a built-in baseline.
pub fn text(name: &str) -> Option<&'static str> {
    ALL.iter().find(|(n, _)| *n == name).map(|(_, text)| *text)
}
