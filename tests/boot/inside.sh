#!/bin/bash
# shellcheck disable=SC1091,SC2034,SC2154 # the settings and scenarios come with the guest
# Runs in the guest: prepares its root file system offline, or carries out the scenario's part for
# this boot and powers off. Each check prints what it saw.
set -u
boot=/run/boot
# number (of this boot), scenario, clean (power off through every unit's stop)
. "$boot/settings"
unset LC_ALL
export LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
dropin=/etc/sysctl.d/99-tunectl.conf

say() {
    printf '%s\n' "$*" >>"$results"
}

# verdict WHAT SAW COMMAND...: the check holds where the command succeeds.
verdict() {
    local what=$1 saw=$2
    shift 2
    saw=${saw//$'\n'/ | }
    saw=${saw//$'\t'/ }
    if "$@"; then say "ok    $what: ${saw:0:600}"; else say "FAIL  $what: ${saw:0:2000}"; fi
}

# same WHAT WANTED GOT
same() {
    if [[ $2 == "$3" ]]; then say "ok    $1: $3"; else say "FAIL  $1: $3, not $2"; fi
}

# matches WHAT REGEX GOT
matches() {
    verdict "$1" "$3" grep -Eqe "$2" <<<"$3"
}

# lacks WHAT REGEX GOT
lacks() {
    if grep -Eqe "$2" <<<"$3"; then
        say "FAIL  $1: $(grep -Ee "$2" <<<"$3" | head -5 | tr '\n' '|')"
    else
        say "ok    $1: nothing like '$2' in ${#3} characters"
    fi
}

now() {
    local value
    value=$(<"/proc/sys/${1//.//}") 2>/dev/null || value=absent
    printf '%s\n' "${value//$'\t'/ }"
}

memory() {
    awk '/^MemTotal:/ { print $2 }' /proc/meminfo
}

# min_free_of HUNDREDTHS_OF_A_PERCENT AT_LEAST_KB: what the baseline asks of this boot's memory.
min_free_of() {
    local wanted=$(($(memory) * $1 / 10000)) most=$(($(memory) * 5 / 100))
    ((wanted >= $2)) || wanted=$2
    # Where the bounds cross, at_most counts.
    ((wanted <= most)) || wanted=$most
    echo "$wanted"
}

# nine [WITNESS] [EXCEPT]: the values of the rocketmq-broker baseline, live or as noted by a
# witness of this boot. The eight fixed ones were read from the baseline's file on the host.
nine() {
    local witness=${1:-live} except=${2:-none} key wanted got seen='' wrong=''
    while read -r key wanted; do
        [[ $key != "$except" ]] || continue
        [[ $key != vm.min_free_kbytes ]] || wanted=$(min_free_of 78 67584)
        if [[ $witness == live ]]; then
            got=$(now "$key")
        else
            got=$(awk -v key="$key" '$1 == key { print $2 }' "$boot/witness/$witness")
        fi
        seen+="${key#vm.}=$got "
        [[ $got == "$wanted" ]] || wrong+="${key#vm.}=$got, not $wanted; "
    done <"$boot/nine"
    local count
    count=$(wc -w <<<"$seen")
    if [[ $wrong ]]; then
        say "FAIL  $count values right ($witness): $wrong"
    else
        verdict "$count values right ($witness)" "$seen" test "$count" -ge 8
    fi
}

witnessed() {
    awk -v key="$2" '$1 == key { print $2 }' "$boot/witness/$1"
}

# asked FILTER: the answer of a jq filter to the boot report.
asked() {
    local report=/run/tunectl/boot.json
    # Once all is settled the report is kept.
    [[ -e $report ]] || report=/var/lib/tunectl/boots/$(</proc/sys/kernel/random/boot_id).json
    jq -r "$1" "$report" 2>&1 || true
}

journal() {
    journalctl -b --no-pager -o cat "$@" 2>&1
}

# When a unit's start ended, in microseconds since the kernel started.
finished() {
    systemctl show -p ExecMainExitTimestampMonotonic --value "$1"
}

unit_exit() {
    systemctl show -p Result -p ExecMainStatus "$1" | sort -r | paste -sd' '
}

# Waits up to $1 seconds until the command succeeds; prints the milliseconds that it took.
until_true() {
    local started limit=$(($1 * 1000)) passed=0
    shift
    started=${EPOCHREALTIME/./}
    until "$@"; do
        passed=$(((${EPOCHREALTIME/./} - started) / 1000))
        ((passed < limit)) || break
        sleep 0.02
    done
    echo $(((${EPOCHREALTIME/./} - started) / 1000))
}

is() {
    [[ $(now "$1") == "$2" ]]
}

events() {
    cat /var/lib/tunectl/events.jsonl
}

# told FILTER: the newest event for which the jq filter holds, once there is one; looked for that
# often, ten times a second.
looks=100
told() {
    local n found=
    for ((n = 1; n <= looks; n++)); do
        found=$(events | jq -c "select($1)" 2>/dev/null | tail -1)
        [[ -z $found ]] || break
        sleep 0.1
    done
    echo "${found:-none of $(events | wc -l) after $looks looks}"
}

# The next two are for what interrupts an apply. layer VALUE: one of two baselines, told apart by
# vm.swappiness, with as many parameters as an apply in earnest writes.
layer() {
    local file=/etc/tunectl/baseline.d/50-layer.yaml key
    mkdir -p "${file%/*}"
    {
        printf 'name: layer\nparameters:\n  vm.swappiness: %s\n' "$1"
        for key in net.core.somaxconn:50 net.core.netdev_max_backlog:20 net.ipv4.tcp_max_syn_backlog:30 \
            fs.aio-max-nr:700 net.core.optmem_max:900 net.unix.max_dgram_qlen:40 kernel.threads-max:80 \
            vm.dirty_expire_centisecs:30; do
            printf '  %s: %s00\n' "${key%:*}" "$((${key#*:} + $1))"
        done
        for key in {1..20}; do printf '  net.ipv4.neigh.later%s.gc_stale_time: %s\n' "$key" "$(($1 + key))"; done
    } >"$file.new"
    sync "$file.new"
    mv "$file.new" "$file"
    sync "${file%/*}"
}

# A drop-in's hash, but for the memory of the boot that wrote it: the kernel's own count of it differs
# by some kB from boot to boot.
hashed() {
    sed -E 's/[0-9]+ kB/N kB/g' "$1" | sha256sum
}

# Applies both and notes their drop-ins: whole ones.
note_whole_ones() {
    local value
    for value in 1 2; do
        layer "$value"
        matches "baseline $value" 'written|in sync' "$(tunectl apply 2>&1)"
        hashed "$dropin" | sed "s/-/$value/" >>/root/whole
        cp "$dropin" "/root/whole.$value"
    done
    verdict "two drop-ins to tell apart" "$(cut -c1-12 /root/whole | paste -sd' ')" \
        test "$(cut -d' ' -f1 /root/whole | sort -u | wc -l)" = 2
    sync
}

# which_one FILE: the baseline whose whole drop-in this is.
which_one() {
    local sum
    sum=$(hashed "$1")
    awk -v sum="${sum%% *}" '$1 == sum { print "of baseline " $2; found = 1 } END { exit !found }' /root/whole ||
        {
            echo "neither: $(wc -c <"$1") bytes, not $(wc -c </root/whole.1)"
            diff /root/whole.1 "$1"
            diff /root/whole.2 "$1"
        }
}

install_package() {
    dpkg -i "$boot/tunectl.deb"
}

# The checks of every boot with a baseline: it ends, in order, and the units have run.
boot_completes() {
    local state ordering
    state=$(systemctl is-system-running)
    verdict "the boot completes" "$state, failed: $(systemctl --failed --plain --no-legend | awk '{ print $1 }' | paste -sd' ')" \
        grep -Eqx 'running|degraded' <<<"$state"
    ordering=$(journal -t systemd | grep -i 'ordering cycle\|deleted to break')
    same "no ordering cycle" "" "$ordering"
}

# shellcheck source=/dev/null
. "$boot/scenario.sh"

case $1 in
prepare)
    results=$boot/prepared
    "prepare_$number" >"$boot/prepare.log" 2>&1
    ;;
online)
    if [[ -d $boot/out ]]; then
        results=$boot/out/results
    elif [[ $(</proc/cmdline) == *boot.out=* ]]; then
        out=$(sed 's/.*boot\.out=\([^ ]*\).*/\1/' /proc/cmdline)
        mkdir -p "$boot/out"
        mount -t hostfs -o "$out" none "$boot/out"
        results=$boot/out/results
    else
        udevadm settle --timeout=30 2>/dev/null
        results=/dev/virtio-ports/boot.results
    fi
    [[ ! -s $boot/prepared ]] || say "$(<"$boot/prepared")"
    systemctl is-system-running --wait >/dev/null
    part=online_$number
    declare -F "$part" >/dev/null || part=online
    "$part" >"$boot/online.log" 2>&1
    say "---   $(cut -d' ' -f1 /proc/uptime) s after power on"
    cat "$boot/online.log"
    if [[ -s $results || -c $results ]]; then say "done"; fi
    sync
    if [[ $clean == yes ]]; then systemctl poweroff; else systemctl poweroff --force; fi
    ;;
esac
