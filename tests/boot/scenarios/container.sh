# shellcheck shell=bash
# Shows: a container: the order of the units, the journal, what cannot be written is told, a stop or restart reverts nothing
machine=container
boots() {
    boot 1
}
prepare_1() {
    install_package
    mkdir -p /etc/tunectl
    printf 'name: here\nextends: [rocketmq-broker]\nparameters:\n  net.ipv4.ip_default_ttl: 77\n' >/etc/tunectl/baseline.yaml
    systemctl enable tunectl-boot.service
}
online_1() {
    boot_completes
    same "the container's own" 77 "$(now net.ipv4.ip_default_ttl)"
}
