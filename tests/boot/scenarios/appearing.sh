# shellcheck shell=bash
# Shows: br_netfilter loaded by hand, a veth added: their keys are set within a second
boots() {
    new_disk "$applied"
    boot 1
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

# took WHAT KEY VALUE MS
took() {
    if is "$2" "$3"; then
        verdict "$1" "$2 = $3 after $4 ms" test "$4" -lt 1000
    else
        say "FAIL  $1: $2 = $(now "$2"), not $3, after $4 ms"
    fi
}

online_1() {
    boot_completes
    nine
    same "tunectl-boot.service" "Result=success ExecMainStatus=0" "$(unit_exit tunectl-boot.service)"
    matches "pending at boot" 'net.bridge.bridge-nf-call-iptables br_netfilter null' \
        "$(asked '.pending[] | "\(.key) \(.module) \(.set_at)"')"
    local ms
    modprobe br_netfilter
    ms=$(until_true 10 is net.bridge.bridge-nf-call-iptables 0)
    took "br_netfilter loaded" net.bridge.bridge-nf-call-iptables 0 "$ms"
    ms=$(until_true 10 is net.bridge.bridge-nf-call-arptables 0)
    took "br_netfilter, another" net.bridge.bridge-nf-call-arptables 0 "$ms"
    modprobe nf_conntrack
    ms=$(until_true 10 is net.netfilter.nf_conntrack_tcp_timeout_established 7777)
    took "nf_conntrack loaded" net.netfilter.nf_conntrack_tcp_timeout_established 7777 "$ms"
    ip link add one type veth peer name two
    ms=$(until_true 10 is net.ipv4.conf.one.log_martians 1)
    took "a veth added" net.ipv4.conf.one.log_martians 1 "$ms"
    ms=$(until_true 10 is net.ipv4.conf.two.log_martians 1)
    took "its peer" net.ipv4.conf.two.log_martians 1 "$ms"
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
