# shellcheck shell=bash
# Starts guests: virtual machines, the same root under user-mode Linux, containers. Each boot is
# given a directory of its own with what is carried in, its console's log and its results.
# shellcheck disable=SC2154,SC2034 # run and build.sh set the one, run reads the other

# MiB of the guests' memory, where a scenario does not say otherwise: enough for 0.78 % of it, and of
# half of it, to be more than what the kernel keeps for huge pages. It is reserved, not taken.
plenty=18432

# How long one boot may take, in seconds: the longest takes 80 on a quiet machine.
limit=${BOOT_LIMIT:-600}

# new_disk [BACKING]: $disk, with nothing of its own yet.
new_disk() {
    local backing=${1:-$image} format=qcow2
    [[ $backing != "$image" ]] || format=raw
    disk=$state/disk.qcow2
    qemu-img create -q -f qcow2 -b "$backing" -F "$format" "$disk"
}

# carried_in NUMBER: $carry, a directory with all that the guest is given for this boot.
carried_in() {
    carry=$state/$1/carry
    mkdir -p "$carry"
    cp tests/boot/inside.sh "$work/nine" "$carry/"
    cp "tests/boot/scenarios/$scenario.sh" "$carry/scenario.sh"
    cp "$deb" "$carry/tunectl.deb"
    printf 'number=%q\nscenario=%q\nclean=%q\n' "$1" "$scenario" "${clean:-no}" >"$carry/settings"
    [[ -z ${settings:-} ]] || printf '%s\n' "$settings" >>"$carry/settings"
    if declare -F "prepare_$1" >/dev/null; then touch "$carry/prepare"; fi
}

# boot NUMBER: one boot, with what these variables say: machine (vm, uml, container), memory (MiB),
# append (to the kernel command line), extra (arguments of the emulator), clean (yes: power off
# through every unit's stop), settings (lines for the guest's settings), cut (the name of a
# function that ends the guest by force).
boot() {
    local number=$1 started=$SECONDS results console code=0
    local memory=${memory:-$plenty}
    mkdir -p "$state/$number"
    results=$state/$number/results console=$state/$number/console.log
    : >"$results"
    carried_in "$number"
    "start_${machine:-vm}" "$number" || code=$?
    boots=$((boots + 1))
    echo "  boot $number (${machine:-vm}, $memory MiB${append:+, $append}), $((SECONDS - started)) s"
    sed 's/\r$//; s/^/    /' "$results"
    [[ ! ${cut:-} ]] || return 0
    if ((code)) || ! grep -q '^done' "$results" || ! grep -q '^ok' "$results" || grep -q '^FAIL' "$results"; then
        grep -q '^done' "$results" || echo "    the guest did not come to its end (status $code)"
        failed=yes
        echo "    ---- console of $scenario, boot $number"
        tail -n "${BOOT_CONSOLE_LINES:-400}" "$console" | tr -d '\r' | sed 's/\x1b\[[0-9;]*m//g; s/^/    | /'
        echo "    ----"
        return 1
    fi
}

start_vm() {
    local dir=$state/$1
    tar -cf "$dir/carry.tar" -C "$carry" .
    local ram=(-object "memory-backend-ram,id=ram,size=${memory}M,reserve=off" -machine "pc,memory-backend=ram")
    if [[ ${nodes:-} ]]; then ram=("${nodes[@]}"); fi
    local arguments=(
        "${accel[@]}" "${ram[@]}" -smp "${cpus:-1}" -m "$memory" -nodefaults -display none -no-reboot -kernel "$kernel" -initrd "$initrd"
        -append "console=ttyS0 root=LABEL=root ro panic=-1 mitigations=off systemd.show_status=0 ${append:-}"
        -drive "file=$disk,format=qcow2,if=virtio,cache=${cache_mode:-unsafe}"
        -drive "file=$dir/carry.tar,format=raw,if=virtio,readonly=on"
        -serial "file:$dir/console.log"
        -device virtio-serial -chardev "file,id=results,path=$dir/results"
        -device "virtserialport,chardev=results,name=boot.results"
    )
    if [[ ${cut:-} ]]; then
        "$cut" "$dir" "${arguments[@]}" ${extra:+"${extra[@]}"}
    else
        timeout --kill-after=5 "$limit" qemu-system-x86_64 "${arguments[@]}" -monitor none ${extra:+"${extra[@]}"} \
            >>"$dir/console.log" 2>&1 </dev/null
    fi
}

# User-mode Linux is a kernel without NUMA, and a program: it needs no emulator. But it has no room
# for the registers of a processor with AMX, and panics there; then it runs in an emulated machine,
# which has no such processor.
start_uml() {
    local dir=$state/$1
    local arguments=("mem=${memory}M" root=/dev/ubda ro "con0=null,fd:1" con=null ssl=null panic=-1
        systemd.show_status=0 ${append:+"$append"})
    [[ -e $state/uml.ext4 ]] || cp --sparse=always "$image" "$state/uml.ext4"
    tar -cf "$dir/carry.tar" -C "$carry" .
    if grep -qw amx_tile /proc/cpuinfo; then
        mkdir -p "$dir/lend"
        cp "$uml" "$initrd" "$dir/carry.tar" "$dir/lend/"
        printf 'exec env HOME=/tmp /run/boot/linux.uml ubd0=/dev/vdc ubd1r=/run/boot/carry.tar initrd=/run/boot/initrd boot.out=/run/out %s\n' \
            "${arguments[*]@Q}" >"$dir/lend/start"
        tar -cf "$dir/lend.tar" -C "$dir/lend" .
        timeout --kill-after=5 "$((limit * 4))" qemu-system-x86_64 "${emulated[@]}" -m 2048 \
            -nodefaults -display none -no-reboot -monitor none -kernel "$kernel" -initrd "$initrd" \
            -append "console=ttyS0 panic=-1 mitigations=off" -serial "file:$dir/console.log" -serial "file:$dir/results" \
            -drive "file=$image,format=raw,if=virtio,readonly=on" -drive "file=$dir/lend.tar,format=raw,if=virtio,readonly=on" \
            -drive "file=$state/uml.ext4,format=raw,if=virtio,cache=unsafe" >>"$dir/console.log" 2>&1 </dev/null
        return
    fi
    mkdir -p "$dir/tmp"
    TMPDIR=$dir/tmp timeout --kill-after=5 "$limit" "$uml" "ubd0=$state/uml.ext4" "ubd1r=$dir/carry.tar" \
        "initrd=$initrd" "boot.out=$dir" "${arguments[@]}" >"$dir/console.log" 2>&1 </dev/null
}

# A container has the host's kernel. Its /proc/sys is mounted read-only but for its own network's,
# which its root could undo; so its root is an ordinary user on the host, whom the kernel itself
# lets write nothing else. Nothing may ever be booted here without that. It is given a control
# group, because such a systemd may not use the host's.
start_container() {
    local dir=$state/$1 code=0
    mkdir -p "$state/"{upper,below,root} "$carry/out"
    chown "$shift:$shift" "$state/upper" "$carry" "$carry/out"
    mount -t overlay -o "lowerdir=$shifted,upperdir=$state/upper,workdir=$state/below" boot "$state/root"
    local nspawn=(systemd-nspawn --quiet --directory="$state/root" --register=no --keep-unit
        "--private-users=$shift:65536" --private-users-ownership=off --private-network
        "--bind=$carry:/run/boot" --console=pipe)
    local group groups=()
    for group in /sys/fs/cgroup /sys/fs/cgroup/{systemd,unified}; do
        if [[ -e $group/cgroup.procs ]]; then groups+=("$group/tunectl-boot-test"); fi
    done
    mkdir -p "${groups[@]}"
    if [[ -e $carry/prepare ]]; then
        timeout 60 "${nspawn[@]}" /bin/bash /run/boot/inside.sh prepare >"$dir/console.log" 2>&1 </dev/null || code=$?
    fi
    (
        for group in "${groups[@]}"; do echo "$BASHPID" >"$group/cgroup.procs"; done
        exec timeout --kill-after=5 "$limit" "${nspawn[@]}" --boot systemd.show_status=0 ${append:+"$append"}
    ) >>"$dir/console.log" 2>&1 </dev/null || code=$?
    for group in "${groups[@]}"; do find "$group" -depth -type d -exec rmdir {} +; done
    cat "$carry/out/results" >"$dir/results" 2>/dev/null || true
    umount "$state/root"
    return "$code"
}

# la57: with five levels of page tables and more than 4 GiB, QEMU 7.2 gives programs rubbish.
# svm: nothing here starts machines of its own.
emulated=(-accel "tcg,thread=multi" -cpu "max,la57=off,svm=off")

# $accel: KVM where a guest really runs under it, else emulation.
choose_accelerator() {
    accel=("${emulated[@]}")
    if [[ -r /dev/kvm && -w /dev/kvm && ${BOOT_ACCEL:-} != tcg ]]; then
        # QEMU may abort here, which the shell would tell.
        { timeout --kill-after=2 10 qemu-system-x86_64 -accel kvm -cpu max -m 512 -nodefaults -display none -no-reboot \
            -kernel "$kernel" -initrd "$initrd" -append "console=ttyS0 panic=-1 boot.probe" \
            -serial "file:$work/probe.log" -monitor none </dev/null || true; } >/dev/null 2>&1
        if grep -q '^boot.probe: this' "$work/probe.log" 2>/dev/null; then accel=(-accel kvm -cpu max); fi
    fi
    echo "accelerator: ${accel[1]}"
}
