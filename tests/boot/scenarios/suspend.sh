# shellcheck shell=bash
# Shows: the daemon on a machine that sleeps: what was changed before with no event is put right as the machine wakes up, with the next sweep an hour away, and events come as before
boots() {
    local waker
    new_disk "$applied"
    mkfifo "$state/monitor.in" "$state/monitor.out"
    wakes_it "$state/monitor" &
    waker=$!
    extra=(-chardev "pipe,id=monitor,path=$state/monitor" -mon "chardev=monitor,mode=control")
    boot 1 || true
    kill "$waker"
}

# Wakes the machine up a while after it has fallen asleep, as somebody who presses a key. Emulated,
# its own clock does not.
wakes_it() {
    local line
    exec 3<>"$1.in" 4<>"$1.out"
    echo '{"execute":"qmp_capabilities"}' >&3
    while read -r line <&4; do
        [[ $line == *'"SUSPEND"'* ]] || continue
        sleep 3
        echo '{"execute":"system_wakeup"}' >&3
    done
}

prepare_1() {
    mkdir -p /etc/systemd/system/tunectl.service.d /etc/systemd/system/multi-user.target.wants
    ln -sf /lib/systemd/system/tunectl.service /etc/systemd/system/multi-user.target.wants/tunectl.service
    # The shipped unit, with no sweep that could find what this is about, and nothing that sees
    # writes through another procfs.
    printf '[Service]\nExecStart=\nExecStart=/usr/sbin/tunectl watch --no-bpf --sweep 3600\n' >/etc/systemd/system/tunectl.service.d/test.conf
}

online_1() {
    local ms
    boot_completes
    nine
    same "tunectl.service" active "$(systemctl is-active tunectl.service)"
    unshare -mpf --mount-proc sysctl -qw vm.swappiness=62
    sleep 5
    same "a change with no event is not seen" 62 "$(now vm.swappiness)"
    echo deep >/sys/power/mem_sleep
    echo mem >/sys/power/state
    ms=$(until_true 30 is vm.swappiness 1)
    matches "the machine slept" 'PM: suspend exit' "$(journal -k --grep 'PM: suspend')"
    verdict "put right as it woke up" "vm.swappiness = $(now vm.swappiness) after $ms ms" is vm.swappiness 1
    matches "its event" '"cause":"unknown"' "$(told '.key == "vm.swappiness" and .to == "62"')"
    sysctl -qw vm.swappiness=63
    ms=$(until_true 30 is vm.swappiness 1)
    verdict "a foreign write" "vm.swappiness = $(now vm.swappiness) after $ms ms" is vm.swappiness 1
    matches "by name" '"comm":"sysctl"' "$(told '.to == "63"')"
    nine
    same "never stopped" "0 active" "$(systemctl show -p NRestarts --value tunectl.service) $(systemctl is-active tunectl.service)"
}
