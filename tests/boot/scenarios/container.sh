# shellcheck shell=bash
# Shows: a container: the order of the units, its own parameters set, what cannot be written told; a restart or stop reverts nothing
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
    local own sysctl target
    own=$(finished tunectl-boot.service) sysctl=$(finished systemd-sysctl.service)
    target=$(systemctl show -p ActiveEnterTimestampMonotonic --value sysinit.target)
    verdict "systemd-sysctl, then tunectl-boot, then sysinit.target" "$sysctl < $own < $target us" \
        test "$sysctl" -lt "$own" -a "$own" -lt "$target"
    same "the container's own" 77 "$(now net.ipv4.ip_default_ttl)"
    # The host's are the host's: here they differ, so they are refused.
    same "the host's vm.max_map_count is left" "$(witnessed first vm.max_map_count)" "$(now vm.max_map_count)"
    # All that a container can have right is right.
    same "the unit's exit code" "Result=success ExecMainStatus=0" "$(unit_exit tunectl-boot.service)"
    same "the report" "incomplete" "$(asked .result)"
    same "the report: corrected" "net.ipv4.ip_default_ttl" "$(asked '.found[] | select(.corrected) | .key')"
    matches "the report: refused" 'vm.max_map_count.*(read-only|permi|container|owned)' \
        "$(asked '.found[] | select(.corrected | not) | "\(.key): \(.error)"')"
    matches "the journal says so" 'vm.max_map_count' "$(journal -u tunectl-boot.service)"
    lacks "the journal knows no bare errno" 'os error|errno' "$(journal -u tunectl-boot.service)"
    matches "status shows it" 'vm.max_map_count' "$(tunectl status 2>&1)"

    echo 66 >/proc/sys/net/ipv4/ip_default_ttl
    systemctl restart tunectl-boot.service
    same "a restart applies again" 77 "$(now net.ipv4.ip_default_ttl)"
    echo 66 >/proc/sys/net/ipv4/ip_default_ttl
    systemctl stop tunectl-boot.service
    same "a stop changes nothing" 66 "$(now net.ipv4.ip_default_ttl)"
    systemctl start tunectl-boot.service
    rm -r /etc/tunectl
    systemctl restart tunectl-boot.service
    same "nor does a start without a baseline" 77 "$(now net.ipv4.ip_default_ttl)"
}
