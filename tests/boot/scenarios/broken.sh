# shellcheck shell=bash
# Shows: the baseline broken, a vendor file disagreeing: the boot completes, the last good values stand, the unit says why
boots() {
    new_disk "$applied"
    boot 1
}

prepare_1() {
    mkdir -p /etc/tunectl/baseline.d
    printf 'name: broken\nparameters:\n  vm.swappiness: lots\n' >/etc/tunectl/baseline.d/50-broken.yaml
    printf 'vm.swappiness = 60\n' >/usr/lib/sysctl.d/zz-vendor.conf
    sha256sum <"$dropin" >/root/dropin.sum
}

online_1() {
    boot_completes
    same "the vendor's file counts for the loader" 60 "$(witnessed loader vm.swappiness)"
    # The number that was made from the memory was in /run, which a power-off takes.
    nine early vm.min_free_kbytes
    nine live vm.min_free_kbytes
    same "the drop-in is as before" "$(</root/dropin.sum)" "$(sha256sum <"$dropin")"
    same "tunectl-boot.service" "Result=exit-code ExecMainStatus=1" "$(unit_exit tunectl-boot.service)"
    matches "the unit says why" '50-broken.yaml:3:' "$(journal -u tunectl-boot.service)"
    same "the report" failed "$(asked .result)"
    matches "the report says why" '50-broken.yaml:3:' "$(asked '.errors[]')"
    matches "status says why" '50-broken.yaml:3:' "$(tunectl status 2>&1)"
}
