# shellcheck shell=bash
# Shows: twice the memory, half of it, far less: min_free_kbytes follows, and stays within 5 %
boots() {
    new_disk "$applied"
    memory=$((plenty * 2)) boot 1
    memory=$((plenty / 2)) boot 2
    # Without huge pages, because for them the kernel keeps more than 5 % of so little.
    memory=512 append=transparent_hugepage=never boot 3
}

follows() {
    boot_completes
    nine early
    nine
    verdict "min_free_kbytes within 5 %" "$(now vm.min_free_kbytes) of $(memory) kB" \
        test "$(($(now vm.min_free_kbytes) * 20))" -le "$(memory)"
    same "the number of the last boot is nowhere persisted" "" \
        "$(grep -hs '^ *-*vm.min_free_kbytes' /etc/sysctl.conf /etc/sysctl.d/*)"
    same "the loaders are told this boot's" "vm.min_free_kbytes = $(min_free_of 78 67584)" \
        "$(grep -hs '^vm.min_free_kbytes' /run/sysctl.d/*)"
}

online_1() { follows; }
online_2() { follows; }
online_3() {
    follows
    # A number that was right for a large host is refused here, and the rest goes on.
    mkdir -p /etc/tunectl/baseline.d
    printf 'name: fixed\nparameters:\n  vm.min_free_kbytes: 64MiB\n  vm.swappiness: 3\n' >/etc/tunectl/baseline.d/50-fixed.yaml
    systemctl restart tunectl-boot.service
    matches "the guard refuses" 'ExecMainStatus=3' "$(unit_exit tunectl-boot.service)"
    same "min_free_kbytes is left" "$(min_free_of 78 67584)" "$(now vm.min_free_kbytes)"
    same "the rest goes on" 3 "$(now vm.swappiness)"
    matches "the journal says why" 'min-free-above-5-percent' "$(journal -u tunectl-boot.service)"
}
