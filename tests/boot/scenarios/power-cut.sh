# shellcheck shell=bash
# Shows: the power cut at random moments during apply: the next boot finds a whole old or a whole new drop-in, and sets the right values
#
# Each boot looks at what the cut before it has left, then applies two baselines in turn until the
# emulator is told to quit.
boots() {
    new_disk "$applied"
    # What the guest has not written is lost with it, what it has is on the disk.
    cache_mode=writethrough
    # As far as an ordinary service, which is what this waits for.
    append=systemd.unit=boot-agent.service
    local number moment
    RANDOM=$((seed % 32768))
    echo "  $cuts cuts, seed $seed"
    for ((number = 1; number <= cuts; number++)); do
        moment=$((RANDOM % 1500))
        cut=cut_after boot "$number"
        grep -q '^go' "$state/$number/results" || failed=yes
        if grep -q '^FAIL' "$state/$number/results"; then failed=yes; fi
    done
    settings='last=yes' boot "$number"
}

# Lets the guest run until it says go, and then for $moment milliseconds.
cut_after() {
    local dir=$1 pid waited=0
    shift
    mkfifo "$dir/monitor"
    qemu-system-x86_64 "$@" -monitor stdio <"$dir/monitor" >>"$dir/console.log" 2>&1 &
    pid=$!
    exec 9>"$dir/monitor"
    until grep -q '^go' "$dir/results" || ((waited++ > limit * 20)) || ! kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
    sleep "$((moment / 1000)).$(printf %03d $((moment % 1000)))"
    echo quit >&9
    exec 9>&-
    wait "$pid" || true
    echo "      cut $moment ms after the first apply began" >>"$dir/results"
}

online() {
    if [[ -e /root/whole ]]; then
        local found
        found=$(which_one "$boot/witness/first.dropin")
        matches "the cut left a whole drop-in" '^of baseline' "$found"
        same "vm.swappiness" "$(awk '/vm.swappiness/ { print $2 }' /etc/tunectl/baseline.d/50-layer.yaml)" \
            "$(witnessed early vm.swappiness)"
        nine early vm.swappiness
        same "nothing half-done lies about" "99-sysctl.conf 99-tunectl.conf README.sysctl" \
            "$(find /etc/sysctl.d -mindepth 1 -printf '%f\n' | sort | paste -sd' ')"
        same "tunectl-boot.service" "Result=success ExecMainStatus=0" "$(unit_exit tunectl-boot.service)"
    else
        note_whole_ones
    fi
    [[ ${last:-} != yes ]] || return 0
    say go
    local value
    while :; do
        for value in 1 2; do
            layer "$value"
            tunectl apply >/dev/null 2>&1
        done
    done
}
