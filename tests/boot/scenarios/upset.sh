# shellcheck shell=bash
# Shows: the daemon under its shipped unit on an unquiet machine: huge pages switched on, the clock moved by a year, a broken baseline that fails the reload, prevention that outlasts it
boots() {
    new_disk "$applied"
    boot 1
}

prepare_1() {
    mkdir -p /etc/tunectl/baseline.d /etc/systemd/system/tunectl.service.d /etc/systemd/system/multi-user.target.wants
    ln -sf /lib/systemd/system/tunectl.service /etc/systemd/system/multi-user.target.wants/tunectl.service
    printf '[Service]\nExecStart=\nExecStart=/usr/sbin/tunectl watch --pin\n' >/etc/systemd/system/tunectl.service.d/pin.conf
    # Less than khugepaged asks for.
    cat >/etc/tunectl/baseline.d/50-upset.yaml <<'Y'
name: upset
parameters:
  vm.min_free_kbytes: 20000
  vm.page-cluster: { value: 3, on_drift: prevent }
Y
    # No clock of the network's puts it back.
    ln -sf /dev/null /etc/systemd/system/systemd-timesyncd.service
    mkdir -p /etc/tmpfiles.d
    echo 'w /sys/kernel/mm/transparent_hugepage/enabled - - - - never' >/etc/tmpfiles.d/huge.conf
}

# There is more to wait for.
looks=200

# held WHAT VALUE: a foreign write is put right, whatever was before.
held() {
    local ms
    sysctl -qw "vm.swappiness=$2"
    ms=$(until_true 30 is vm.swappiness 1)
    verdict "$1" "vm.swappiness = $(now vm.swappiness) after $ms ms" is vm.swappiness 1
}

online_1() {
    local text ms
    boot_completes
    same "tunectl.service" active "$(systemctl is-active tunectl.service)"
    same "below what khugepaged asks for" 20000 "$(now vm.min_free_kbytes)"

    # The kernel raises it by itself, and says so.
    echo always >/sys/kernel/mm/transparent_hugepage/enabled
    text=$(told '.key == "vm.min_free_kbytes" and .action == "restored" and .cause == "kernel"')
    matches "huge pages switched on" 'raising min_free_kbytes from 20000' "$text"
    ms=$(until_true 30 is vm.min_free_kbytes 20000)
    verdict "and its reserve put right" "$(now vm.min_free_kbytes) kB after $ms ms" is vm.min_free_kbytes 20000

    held "a foreign write" 71
    matches "by name" '"comm":"sysctl"' "$(told '.to == "71"')"

    # A year on, and back: nothing that is waited for, or counted, moves with the clock.
    tunectl unlock vm.page-cluster --for 20s --reason "a test" >/dev/null
    date -s '+1 year' >/dev/null
    until_true 5 sysctl -qw vm.page-cluster=5 >/dev/null 2>&1
    same "a year on: still unlocked" 5 "$(now vm.page-cluster)"
    held "a year on" 72
    date -s '-2 years' >/dev/null
    held "a year back" 73
    ms=$(until_true 60 is vm.page-cluster 3)
    verdict "taken back in time" "$(now vm.page-cluster) after $ms ms" is vm.page-cluster 3
    date -s '+1 year' >/dev/null
    same "never stopped" "0 active" "$(systemctl show -p NRestarts --value tunectl.service) $(systemctl is-active tunectl.service)"

    # A reload that cannot be is seen to fail, and changes nothing.
    printf 'name: more\nparameters: { vm.swappiness: seven }\n' >/etc/tunectl/baseline.d/60-more.yaml
    text=$(systemctl reload tunectl.service 2>&1; echo "exit $?")
    matches "a reload of a broken baseline fails" 'exit 1' "$text"
    matches "it says why" '60-more.yaml:2:' "$(journal -u tunectl.service)"
    matches "its status" 'the baseline on disk is refused' "$(systemctl show -p StatusText tunectl.service)"
    held "the one before stays in force" 74
    rm /etc/tunectl/baseline.d/60-more.yaml
    text=$(systemctl reload tunectl.service 2>&1; echo "exit $?")
    matches "a good one is taken" 'exit 0' "$text"

    # Pinned, it prevents whatever becomes of the daemon.
    systemctl stop tunectl.service
    text=$(sysctl -w vm.page-cluster=5 2>&1)
    matches "stopped, it still prevents" 'not permitted|denied' "$text"
    matches "tunectl status" 'still prevented all the same' "$(tunectl status 2>&1)"
    tunectl unlock vm.page-cluster --for 1m --reason "a test" >/dev/null
    sysctl -qw vm.page-cluster=5
    same "until it is let go" 5 "$(now vm.page-cluster)"
}
