# shellcheck shell=bash
# shellcheck disable=SC2154 # work, own and pids are of tests/ansible/run
# A host that has booted: systemd in a container, over the real root like the others.

# start_services NAME ADDRESS: puts it on the bridge and into the inventory, and waits for it.
start_services() {
    local root=$work/$1/root began=$SECONDS init group groups=()
    services_at=$2
    mkdir -p "$work/$1"
    mount -t tmpfs tmpfs "$work/$1"
    mkdir "$work/$1"/{upper,under,root}
    mount -t overlay overlay -o "lowerdir=/,upperdir=$work/$1/upper,workdir=$work/$1/under" "$root"
    rm -rf "$root/etc/tunectl" "$root/etc/sysctl.d/99-tunectl.conf" "$root/var/lib/tunectl" \
        "$root"/etc/systemd/system/*.{wants,requires}
    # Its own journal; without any it would be a first boot, which enables all there is.
    systemd-id128 new >"$root/etc/machine-id"
    install -m 600 "$work/key.pub" "$root/etc/ssh/authorized_keys"
    ssh-keygen -q -t ed25519 -N '' -f "$root/etc/ssh/services_key"
    sshd_config "$2" /etc/ssh/services_key /etc/ssh/authorized_keys >"$root/etc/ssh/services_config"
    cat >"$root/etc/systemd/system/services-sshd.service" <<END
[Service]
RuntimeDirectory=sshd
ExecStartPre=/bin/sh -c 'until ip address add $2/24 dev eth0 2>/dev/null; do sleep 0.1; done'
ExecStartPre=/sbin/ip link set eth0 up
ExecStart=/usr/sbin/sshd -D -e -f /etc/ssh/services_config
END
    # Such a systemd may not use the host's control groups.
    for group in /sys/fs/cgroup /sys/fs/cgroup/{systemd,unified}; do
        if [[ -e $group/cgroup.procs ]]; then groups+=("$group/tunectl-ansible-test"); fi
    done
    mkdir -p "${groups[@]}"
    (
        for group in "${groups[@]}"; do echo "$BASHPID" >"$group/cgroup.procs"; done
        # /proc/sys is read-only in there, but for what is this network's.
        exec systemd-nspawn --quiet --directory="$root" --register=no --keep-unit --link-journal=no \
            --private-network --console=pipe --boot \
            systemd.unit=multi-user.target systemd.wants=services-sshd.service systemd.show_status=0
    ) >"$work/$1.log" 2>&1 </dev/null &
    services_pid=$!
    trap 'end_services; kill "${pids[@]}" 2>/dev/null || true; wait 2>/dev/null || true' EXIT
    # nspawn looks for an interface in a sysfs that shows another network's: it is brought by hand.
    until init=$(pgrep --parent "$services_pid") && [[ $init =~ ^[0-9]+$ ]] &&
        [[ $(readlink "/proc/$init/ns/net" || echo "$own") != "$own" ]]; do
        kill -0 "$services_pid" || { cat "$work/$1.log" && fail "$1 is not up"; }
        sleep 0.1
    done
    ip link add services type veth peer name eth0 netns "$init"
    ip link set services master br0 up
    until ssh-keyscan -t ed25519 "$2" >>"$work/known_hosts" 2>/dev/null && grep -q "^$2 " "$work/known_hosts"; do
        if ! kill -0 "$services_pid" || ((SECONDS > began + 60)); then
            cat "$work/$1.log"
            fail "$1 is not up"
        fi
        sleep 0.1
    done
    sed -i "/^\[web\]/a $1 ansible_host=$2" "$work/inventory"
}

end_services() {
    local group
    kill "$services_pid" 2>/dev/null || true
    wait "$services_pid" 2>/dev/null || true
    for group in /sys/fs/cgroup{,/systemd,/unified}/tunectl-ansible-test; do
        if [[ -d $group ]]; then find "$group" -depth -type d -exec rmdir {} +; fi
    done
}

web6() {
    ssh -i "$work/key" -o "UserKnownHostsFile=$work/known_hosts" "root@$services_at" "$@"
}

# That value stands, and comes back once somebody has changed it.
holds() {
    local is=none
    [[ $(web6 cat /proc/sys/net/core/somaxconn) == "$1" ]] || fail "web-6 does not run $1"
    web6 'echo 99 >/proc/sys/net/core/somaxconn'
    for _ in {1..100}; do
        is=$(web6 cat /proc/sys/net/core/somaxconn)
        if [[ $is == "$1" ]]; then return; fi
        sleep 0.1
    done
    fail "web-6 runs $is and not $1: nobody holds it"
}
