# shellcheck shell=bash
# Shows: the daemon under its shipped unit: drift from any namespace put right and its writer named, prevention, memory added, modules and interfaces that come and go, and the daemon itself killed, stopped and starved
boots() {
    new_disk "$applied"
    # A bank of memory that the kernel finds and does not use until it is told to.
    extra=(-m "slots=2,maxmem=$((plenty + 4096))M" -object 'memory-backend-ram,id=bank,size=2G,reserve=off'
        -device 'pc-dimm,id=bank0,memdev=bank')
    append="memhp_default_state=offline" boot 1
}

prepare_1() {
    mkdir -p /etc/tunectl/baseline.d /etc/systemd/system/tunectl.service.d /etc/systemd/system/multi-user.target.wants
    ln -sf /lib/systemd/system/tunectl.service /etc/systemd/system/multi-user.target.wants/tunectl.service
    # The shipped unit, but for how long a test waits for its watchdog.
    printf '[Service]\nWatchdogSec=4\nRestartSec=200ms\nStartLimitBurst=20\n' >/etc/systemd/system/tunectl.service.d/test.conf
    cat >/etc/tunectl/baseline.d/50-held.yaml <<'Y'
name: held
parameters:
  vm.page-cluster: { value: 3, on_drift: prevent }
  vm.dirty_expire_centisecs: { value: 2000, on_drift: report }
  net.bridge.bridge-nf-call-iptables: { value: 0, module: br_netfilter }
  net.ipv4.conf.*.log_martians: 1
exclude: [net.ipv4.conf.default.log_martians, net.ipv4.conf.all.log_martians]
Y
}

# comes_back WHAT KEY VALUE: by an event, not by the sweep after ten seconds. Emulation on a busy
# machine needs seconds where it should be milliseconds.
comes_back() {
    local ms
    ms=$(until_true 20 is "$2" "$3")
    verdict "$1" "$2 = $(now "$2") after $ms ms" test "$(now "$2") $((ms < 8000))" = "$3 1"
}

pid_of_daemon() {
    systemctl show -p MainPID --value tunectl.service
}

restarts() {
    systemctl show -p NRestarts --value tunectl.service
}

restarted() {
    [[ $(restarts) -gt $1 && $(systemctl is-active tunectl.service) == active ]]
}

# The daemon ends by force in some way; it is started again, what drifted meanwhile is put right.
falls() {
    local what=$1 before ms
    shift
    before=$(restarts)
    "$@"
    echo 77 >/proc/sys/vm/swappiness
    ms=$(until_true 30 restarted "$before")
    verdict "$what: started again" "$(restarts) restarts, $(systemctl is-active tunectl.service), after $ms ms" restarted "$before"
    comes_back "$what: what drifted meanwhile" vm.swappiness 1
}

online_1() {
    local text pid
    boot_completes
    nine
    same "tunectl.service" active "$(systemctl is-active tunectl.service)"
    matches "it says what it holds" '^StatusText=.*[0-9]' "$(systemctl show -p StatusText tunectl.service)"

    # Who wrote it, from the host and from namespaces of its own.
    sysctl -qw vm.swappiness=61
    comes_back "a foreign write" vm.swappiness 1
    text=$(told '.key == "vm.swappiness" and .to == "61"')
    matches "its event" '"action":"restored".*"comm":"sysctl"' "$text"
    matches "and who, by BPF" '"via":"bpf"' "$text"
    matches "the command line" 'sysctl -qw vm.swappiness 61' "$text"
    unshare -mpf --mount-proc sysctl -qw vm.swappiness=62
    comes_back "a write from another procfs and pid namespace" vm.swappiness 1
    matches "its writer" '"comm":"sysctl".*"via":"bpf"' "$(told '.to == "62"')"
    text=$(journalctl -b -o json TUNECTL_KEY=vm.swappiness | jq -r 'select(.TUNECTL_TO == "61") | "\(.MESSAGE_ID) \(.TUNECTL_FROM) \(.TUNECTL_ACTION) \(.PRIORITY)"' | tail -1)
    matches "the journal's fields" '^[0-9a-f]{32} 1 restored [0-7]$' "$text"
    matches "tunectl status" 'vm.swappiness: 62 -> 1 restored' "$(tunectl status 2>&1)"
    # The unit may give no file away.
    text=$(setpriv --reuid=nobody --regid=adm --clear-groups tunectl status 2>&1)
    matches "the same for the group adm" 'vm.swappiness: 62 -> 1 restored' "$text"
    text=$(setpriv --reuid=nobody --regid=nogroup --clear-groups tunectl status 2>&1)
    lacks "and for nobody else" 'restored' "$text"
    sysctl -qw vm.dirty_expire_centisecs=1500
    matches "what is only reported" '"action":"reported"' "$(told '.key == "vm.dirty_expire_centisecs"')"
    same "stays" 1500 "$(now vm.dirty_expire_centisecs)"

    # Prevented: the write itself fails, in any namespace, until it is unlocked.
    text=$(sysctl -w vm.page-cluster=5 2>&1)
    matches "a prevented write" 'not permitted|denied' "$text"
    text=$(unshare -mpf --mount-proc sh -c 'echo 5 >/proc/sys/vm/page-cluster' 2>&1)
    matches "the same from other namespaces" 'not permitted|I/O error' "$text"
    same "it never changed" 3 "$(now vm.page-cluster)"
    matches "who tried" '"to":"5".*"comm":"(sh|sysctl)"' "$(told '.action == "prevented"')"
    tunectl unlock vm.page-cluster --for 3s --reason "a test" >/dev/null
    until_true 5 sysctl -qw vm.page-cluster=5 >/dev/null 2>&1
    same "unlocked" 5 "$(now vm.page-cluster)"
    local ms
    ms=$(until_true 20 is vm.page-cluster 3)
    verdict "and taken back" "$(now vm.page-cluster) after $ms ms" is vm.page-cluster 3

    # What loses a watch on a file, or brings a new one.
    echo 2 >/proc/sys/vm/drop_caches
    sysctl -qw vm.swappiness=63
    comes_back "after the kernel dropped its caches" vm.swappiness 1
    for try in 1 2; do
        modprobe br_netfilter
        comes_back "a module loaded ($try)" net.bridge.bridge-nf-call-iptables 0
        sleep 1
        sysctl -qw net.bridge.bridge-nf-call-iptables=1
        # Of a file that has just appeared a sweep may be the first to know.
        ms=$(until_true 20 is net.bridge.bridge-nf-call-iptables 0)
        verdict "and held ($try)" "$(now net.bridge.bridge-nf-call-iptables) after $ms ms" is net.bridge.bridge-nf-call-iptables 0
        modprobe -r br_netfilter
    done
    ip link add one type veth peer name two
    comes_back "an interface added" net.ipv4.conf.one.log_martians 1
    ip link set one name three
    sleep 1
    sysctl -qw net.ipv4.conf.three.log_martians=0
    # The parameters of a new name are others, which the next look at all may be the first to find.
    ms=$(until_true 20 is net.ipv4.conf.three.log_martians 1)
    verdict "the same under another name" "$(now net.ipv4.conf.three.log_martians) after $ms ms" is net.ipv4.conf.three.log_martians 1
    ip link del three

    # Memory that is added: the reserve follows, made anew from what there is then.
    local ram bank
    ram=$(memory)
    for bank in /sys/devices/system/memory/memory*/state; do
        [[ $(<"$bank") != offline ]] || echo online >"$bank"
    done
    verdict "memory added" "$ram kB, then $(memory) kB" test "$(memory)" -gt $((ram + 1000000))
    ms=$(until_true 25 is vm.min_free_kbytes "$(min_free_of 78 67584)")
    verdict "its reserve" "$(now vm.min_free_kbytes) kB after $ms ms, not $(min_free_of 78 67584) kB" is vm.min_free_kbytes "$(min_free_of 78 67584)"

    # A broken edit changes nothing; a good one counts at once.
    echo 'name: held2' >/etc/tunectl/baseline.d/60-more.yaml
    printf 'parameters: { vm.swappiness: seven }\n' >>/etc/tunectl/baseline.d/60-more.yaml
    matches "a broken edit" '60-more.yaml:2:' "$(told '.action == "refused"')"
    same "the old one stays" 1 "$(now vm.swappiness)"
    printf 'name: held2\nparameters: { vm.swappiness: 7 }\n' >/etc/tunectl/baseline.d/60-more.yaml
    comes_back "a good edit" vm.swappiness 7
    rm /etc/tunectl/baseline.d/60-more.yaml
    comes_back "and taken back" vm.swappiness 1
    rm "$dropin"
    ms=$(until_true 10 test -s "$dropin")
    matches "the drop-in deleted, and back" '^vm.swappiness = 1' "$(cat "$dropin")"

    # It falls, in every way.
    pid=$(pid_of_daemon)
    falls "killed" kill -KILL "$pid"
    falls "stopped beyond its watchdog" kill -STOP "$(pid_of_daemon)"
    local group
    group=/sys/fs/cgroup$(systemctl show -p ControlGroup --value tunectl.service)
    falls "killed for want of memory" sh -c "echo 1 >$group/memory.max; sleep 1; [ ! -e $group/memory.max ] || echo max >$group/memory.max"
    same "each drift counted once" 1 "$(events | jq -c 'select(.key == "vm.swappiness" and .to == "61")' | wc -l)"
    systemctl stop tunectl.service
    nine
    sysctl -qw vm.swappiness=64 vm.page-cluster=2
    sleep 1
    same "stopped, it holds and prevents nothing" "64 2" "$(now vm.swappiness) $(now vm.page-cluster)"
}
