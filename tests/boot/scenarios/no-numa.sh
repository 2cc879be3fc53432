# shellcheck shell=bash
# Shows: a kernel without vm.zone_reclaim_mode (user-mode Linux): the other eight are right, the boot completes
machine=uml

boots() {
    # What udev would find again, and who may log in, would take most of the time there.
    memory=512 append="systemd.mask=systemd-udev-trigger.service systemd.mask=systemd-logind.service" boot 1
}

prepare_1() {
    install_package
    mkdir -p /etc/tunectl
    printf 'name: here\nextends: [rocketmq-broker]\n' >/etc/tunectl/baseline.yaml
    systemctl enable tunectl-boot.service
}

online_1() {
    boot_completes
    same "vm.zone_reclaim_mode" absent "$(now vm.zone_reclaim_mode)"
    nine early vm.zone_reclaim_mode
    nine live vm.zone_reclaim_mode
    lacks "the drop-in sets nothing that is not there" '^-?vm.zone_reclaim_mode' "$(<"$dropin")"
    matches "the unit's exit code" 'ExecMainStatus=[01]$' "$(unit_exit tunectl-boot.service)"
    matches "the report speaks of it" 'vm.zone_reclaim_mode' "$(asked '.')"
}
