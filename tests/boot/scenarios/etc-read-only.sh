# shellcheck shell=bash
# Shows: /etc read-only and the drop-in lost: values right, the boot completes, the report says what could not be written
boots() {
    new_disk "$applied"
    boot 1
}

prepare_1() {
    rm "$dropin"
    # The loader and tunectl find it so; the mount comes before either.
    printf '/etc /etc none bind,ro,x-systemd.before=systemd-sysctl.service,x-systemd.before=tunectl-boot.service 0 0\n' \
        >>/etc/fstab
}

online_1() {
    boot_completes
    verdict "/etc is read-only" "$(findmnt -no OPTIONS /etc)" bash -c '! touch /etc/probe 2>/dev/null'
    nine early
    nine
    verdict "the drop-in is not there" "$(find /etc/sysctl.d -mindepth 1 | paste -sd' ')" test ! -e "$dropin"
    same "the report" "incomplete failed" "$(asked '"\(.result) \(.dropin)"')"
    matches "the report says why" '/etc/sysctl.d.*[Rr]ead-only' "$(asked '.errors[]')"
    same "tunectl-boot.service" "Result=exit-code ExecMainStatus=1" "$(unit_exit tunectl-boot.service)"
    matches "the journal says why" '[Rr]ead-only' "$(journal -u tunectl-boot.service)"
}
