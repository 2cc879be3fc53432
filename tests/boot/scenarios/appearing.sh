# shellcheck shell=bash
# Shows: br_netfilter loaded by hand, a veth added: their keys are set within a second
boots() {
    new_disk "$applied"
    # A veth is two interfaces, with an event each.
    cpus=2 boot 1
}

prepare_1() {
    mkdir -p /etc/tunectl/baseline.d
    cat >/etc/tunectl/baseline.d/50-network.yaml <<'Y'
name: network
parameters:
  net.bridge.bridge-nf-call-iptables: { value: 0, module: br_netfilter }
  net.bridge.bridge-nf-call-arptables: { value: 0, module: br_netfilter }
  net.netfilter.nf_conntrack_tcp_timeout_established: { value: 7777, module: nf_conntrack }
  net.ipv4.conf.*.log_martians: 1
exclude: [net.ipv4.conf.default.log_martians, net.ipv4.conf.all.log_martians]
Y
    # systemd's own rule gives a new interface what sysctl.d says: this file has its last word.
    printf 'net.ipv4.conf.*.log_martians = 0\n' >/usr/lib/sysctl.d/zz-vendor.conf
}

is() {
    [[ $(now "$1") == "$2" ]]
}

# run_ms: how long one run of tunectl takes here; the best of three.
run_ms() {
    local try started ms best=99999
    for try in {1..3}; do
        started=${EPOCHREALTIME/./}
        tunectl apply --boot --only 'net/ipv4/conf/lo/*' >/dev/null 2>&1
        ms=$(((${EPOCHREALTIME/./} - started) / 1000))
        ((ms >= best)) || best=$ms
    done
    echo "$best"
}

# appears WHAT KEY VALUE COME GO: the key has the value each time, and within a second where nothing
# else keeps the machine from it. Emulation is slow and shared, so five tries have one to succeed;
# and where a run of tunectl, some 10 ms on a real machine, takes more than 100 here, ten of them are
# that second.
appears() {
    local try ms best=99999 seen=''
    for try in {1..5}; do
        eval "$4"
        ms=$(until_true 30 is "$2" "$3")
        seen+="$ms ms "
        if ! is "$2" "$3"; then
            say "FAIL  $1: $2 = $(now "$2"), not $3, after $ms ms (try $try)"
            return
        fi
        ((ms >= best)) || best=$ms
        ((best >= second && try < 5)) || break
        eval "$5"
        udevadm settle
    done
    verdict "$1" "$2 = $3 after $seen" test "$best" -lt "$second"
}

online_1() {
    boot_completes
    nine
    same "tunectl-boot.service" "Result=success ExecMainStatus=0" "$(unit_exit tunectl-boot.service)"
    matches "pending at boot" 'net.bridge.bridge-nf-call-iptables br_netfilter null' \
        "$(asked '.pending[] | "\(.key) \(.module) \(.set_at)"')"
    local ms run second
    run=$(run_ms)
    second=$((run > 100 ? run * 10 : 1000))
    say "      one run of tunectl takes $run ms on this machine, so a second is $second ms"
    appears "br_netfilter loaded" net.bridge.bridge-nf-call-iptables 0 'modprobe br_netfilter' 'modprobe -r br_netfilter'
    ms=$(until_true 10 is net.bridge.bridge-nf-call-arptables 0)
    same "another of its keys" 0 "$(now net.bridge.bridge-nf-call-arptables)"
    appears "nf_conntrack loaded" net.netfilter.nf_conntrack_tcp_timeout_established 7777 \
        'modprobe nf_conntrack' 'modprobe -r nf_conntrack'
    appears "a veth added" net.ipv4.conf.one.log_martians 1 'ip link add one type veth peer name two' 'ip link del one'
    ms=$(until_true 10 is net.ipv4.conf.two.log_martians 1)
    same "its peer" 1 "$(now net.ipv4.conf.two.log_martians)"
    # The vendor's file must not have the last word later either.
    udevadm settle
    sleep 1
    same "and stays" "1 1" "$(now net.ipv4.conf.one.log_martians) $(now net.ipv4.conf.two.log_martians)"
    same "what the baseline excludes" 0 "$(now net.ipv4.conf.default.log_martians)"
    ip link add link one name one.100 type vlan id 100 2>/dev/null || ip link add eth0.100 type dummy
    local dotted
    dotted=$(ls -d /proc/sys/net/ipv4/conf/*.100)
    ms=$(until_true 10 grep -qx 1 "$dotted/log_martians")
    verdict "an interface with a dot in its name" "$dotted/log_martians = $(<"$dotted/log_martians") after $ms ms" \
        test "$(<"$dotted/log_martians")" = 1
    matches "the report: set when it appeared" '^net.bridge.bridge-nf-call-iptables 20' \
        "$(asked '.pending[] | "\(.key) \(.set_at)"')"
}
