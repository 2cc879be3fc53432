# shellcheck shell=bash
# Shows: rolled back after a reboot: the nine are as the kernel has them, and still so after another reboot, until the next apply
boots() {
    new_disk "$applied"
    clean=yes boot 1
    boot 2
}

# of_kernel WITNESS: whether the nine are now what that witness of this boot has seen.
of_kernel() {
    local key _ wrong=''
    while read -r key _; do
        [[ $(now "$key") == "$(witnessed "$1" "$key")" ]] || wrong+="$key=$(now "$key"), not $(witnessed "$1" "$key"); "
    done <"$boot/nine"
    same "nine values as the kernel has them" "" "$wrong"
}

online_1() {
    local said
    boot_completes
    nine
    said=$(tunectl rollback --dry-run 2>&1)
    matches "what would come back is shown" 'vm.swappiness +1 +-> +60' "$said"
    nine
    said=$(tunectl rollback --yes 2>&1; echo "exit $?")
    matches "rolled back" 'exit 0$' "${said//$'\n'/ }"
    of_kernel first
    same "the drop-in is gone" "" "$(ls "$dropin" 2>/dev/null)"
    systemctl restart tunectl-boot.service
    of_kernel first
}

online_2() {
    boot_completes
    of_kernel first
    same "tunectl-boot.service" "Result=success ExecMainStatus=0" "$(unit_exit tunectl-boot.service)"
    same "the drop-in is still gone" "" "$(ls "$dropin" 2>/dev/null)"
    matches "the status says so" '^rolled back by root: nothing is held' "$(tunectl status 2>&1)"
    lacks "and not that it was changed since boot" 'since boot \(' "$(tunectl status 2>&1)"
    tunectl apply >/dev/null 2>&1
    same "the next apply" 0 $?
    nine
    matches "persists them again" 'in sync: 9 parameters of rocketmq-broker, now and after a reboot' "$(tunectl status 2>&1)"
}
