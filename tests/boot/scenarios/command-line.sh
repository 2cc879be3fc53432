# shellcheck shell=bash
# Shows: sysctl.vm.swappiness=40 on the kernel command line: values right, the report names it
boots() {
    new_disk "$applied"
    append=sysctl.vm.swappiness=40 boot 1
}

online_1() {
    boot_completes
    same "the kernel took it" 40 "$(witnessed first vm.swappiness)"
    nine early
    nine
    # The drop-in sets it before tunectl looks, so there was nothing to put right.
    same "after the loader" 1 "$(witnessed loader vm.swappiness)"
    same "tunectl-boot.service" "Result=success ExecMainStatus=0" "$(unit_exit tunectl-boot.service)"
    # Where the drop-in is lost as well, the command line is what the report names.
    rm "$dropin"
    sysctl -qw vm.swappiness=40
    systemctl restart tunectl-boot.service
    nine
    same "the report: who had set vm.swappiness" "kernel command line 40" \
        "$(asked '(.found + .since)[] | select(.key == "vm.swappiness") | "\(.set_by.source) \(.set_by.value)"')"
}
