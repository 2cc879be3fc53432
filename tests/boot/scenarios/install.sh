# shellcheck shell=bash
# Shows: install, apply, power off, boot: nine values right before sysinit.target completes, the drop-in winning in both loaders
boots() {
    new_disk
    clean=yes boot 1
    boot 2
}

online_1() {
    matches "the package installs" 'Setting up tunectl' "$(install_package 2>&1)"
    same "installing enables nothing" "disabled" "$(systemctl is-enabled tunectl-boot.service)"
    systemctl enable tunectl-boot.service
    same "enabled on request" "enabled" "$(systemctl is-enabled tunectl-boot.service)"
    say "      before apply: swappiness=$(now vm.swappiness) max_map_count=$(now vm.max_map_count) min_free_kbytes=$(now vm.min_free_kbytes)"
    local said
    said=$(tunectl apply -b rocketmq-broker 2>&1)
    same "apply succeeds" 0 $?
    matches "apply says so" 'persisted to /etc/sysctl.d/99-tunectl.conf' "$said"
    nine
}

online_2() {
    boot_completes
    nine early
    nine
    local own sysctl target
    own=$(finished tunectl-boot.service) sysctl=$(finished systemd-sysctl.service)
    target=$(systemctl show -p ActiveEnterTimestampMonotonic --value sysinit.target)
    verdict "systemd-sysctl, then tunectl-boot, then sysinit.target" "$sysctl < $own < $target us" \
        test "$sysctl" -lt "$own" -a "$own" -lt "$target"
    same "tunectl-boot.service" "Result=success ExecMainStatus=0" "$(unit_exit tunectl-boot.service)"
    say "      the first pass took $(($(asked .took_us) / 1000)) ms of this machine's time"
    # Both loaders have the last word of every file: the kernel is spoilt first.
    sysctl -qw vm.swappiness=33 vm.max_map_count=70000
    /lib/systemd/systemd-sysctl
    nine
    sysctl -qw vm.swappiness=33 vm.max_map_count=70000
    sysctl --system >/dev/null 2>&1
    nine
}
