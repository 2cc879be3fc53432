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
    # The baseline says that a kernel may lack it: no exit code and no report counts it.
    same "tunectl-boot.service" "Result=success ExecMainStatus=0" "$(unit_exit tunectl-boot.service)"
    same "the boot report's result" corrected "$(asked .result)"
    same "what was found wrong is right" 7 "$(asked '[.found[] | select(.corrected)] | length')"
    same "what was found wrong and is not right" 0 "$(asked '[.found[] | select(.corrected | not)] | length')"
    matches "status" '^in sync: 8 parameters of here, now and after a reboot$' "$(tunectl status 2>&1)"
    matches "the plan tells of it" 'vm.zone_reclaim_mode.*absent, optional' "$(tunectl plan 2>&1)"
}
