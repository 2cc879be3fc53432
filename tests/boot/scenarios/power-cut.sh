# shellcheck shell=bash
# Shows: the power cut at random moments during apply, on ext4 and half as often on xfs: the next boot finds a whole old or a whole new drop-in, and sets the right values
#
# Each boot looks at what the cut before it has left, then applies two baselines in turn until the
# emulator is killed.
boots() {
    new_disk "$applied"
    # What the guest has not flushed may be lost with it: the emulator keeps some of it for itself.
    cache_mode=writeback
    # As far as an ordinary service, which is what this waits for.
    append=systemd.unit=boot-agent.service
    RANDOM=$((seed % 32768))
    cuts_of ext4 "$cuts"
    onto_xfs
    cuts_of xfs $(((cuts + 1) / 2))
}

# cuts_of KIND COUNT: so many cuts on the file system of that kind, and what the last has left.
cuts_of() {
    local number moment
    echo "  $2 cuts on $1, seed $seed"
    for ((number = 1; number <= $2; number++)); do
        moment=$((RANDOM % 1500))
        settings="kind=$1" cut=cut_after boot "$1-$number"
        grep -q '^go' "$state/$1-$number/results" || failed=yes
        if grep -q '^FAIL' "$state/$1-$number/results"; then failed=yes; fi
    done
    settings="kind=$1 last=yes" boot "$1-$number"
}

# $disk, from here on: the same root on xfs.
onto_xfs() {
    qemu-img create -q -f qcow2 "$state/xfs.qcow2" 2G
    local extra=(-drive "file=$state/xfs.qcow2,format=qcow2,if=virtio,cache=unsafe")
    cache_mode=unsafe boot copied
    mv "$state/xfs.qcow2" "$disk"
}

prepare_copied() {
    local to=/run/xfs
    mkfs.xfs -q -L xfs /dev/vdc
    mkdir "$to"
    mount -t xfs /dev/vdc "$to"
    # Without what is mounted below, nor what it is mounted on.
    same "copied" "" "$(cp -ax /. "$to" 2>&1)"
    mkdir -p "$to"/{dev,proc,run,sys}
    sed -i 's/^LABEL=root .* ext4 /LABEL=xfs \/ xfs /' "$to/etc/fstab"
    rm "$to"/root/whole*
    umount "$to"
}

online_copied() {
    same "the root was copied" xfs "$(blkid -o value -s TYPE /dev/vdc)"
}

# Lets the guest run until it says go, and then for $moment milliseconds.
cut_after() {
    local dir=$1 pid waited=0
    shift
    qemu-system-x86_64 "$@" -monitor none >>"$dir/console.log" 2>&1 </dev/null &
    pid=$!
    until grep -q '^go' "$dir/results" || ((waited++ > limit * 20)) || ! kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
    sleep "$((moment / 1000)).$(printf %03d $((moment % 1000)))"
    { kill -KILL "$pid" && wait "$pid"; } 2>/dev/null || true
    echo "      cut $moment ms after the first apply began" >>"$dir/results"
}

online() {
    same "the root's file system" "$kind" "$(findmnt -no FSTYPE /)"
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
