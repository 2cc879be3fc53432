# shellcheck shell=bash
# Shows: SIGKILL at 20 random moments during apply: a whole old or a whole new drop-in each time, and the right values after the next boot
boots() {
    new_disk "$applied"
    settings="RANDOM=$((seed % 32768))" boot 1
    boot 2
}

online_1() {
    note_whole_ones
    local started took value number moment seen='' killed=0
    layer 1
    started=${EPOCHREALTIME/./}
    tunectl apply >/dev/null
    took=$((${EPOCHREALTIME/./} - started))
    # One that has ended by then is no moment of it.
    for ((number = 1; killed < 20 && number <= 100; number++)); do
        layer $((number % 2 + 1))
        moment=$((RANDOM * took / 32768))
        tunectl apply >/dev/null 2>&1 &
        sleep "$(printf '%d.%06d' $((moment / 1000000)) $((moment % 1000000)))"
        kill -9 $! 2>/dev/null
        wait $! 2>/dev/null
        (($? != 137)) || killed=$((killed + 1))
        seen+="$((moment / 1000)) ms: $(which_one "$dropin"); "
    done
    lacks "always a whole one" neither "$seen"
    say "      $seen"
    verdict "killed in the midst" "$killed of $((number - 1)), an apply takes $((took / 1000)) ms" test "$killed" = 20
}

online_2() {
    boot_completes
    matches "the drop-in that the boot found" '^of baseline' "$(which_one "$boot/witness/first.dropin")"
    same "vm.swappiness" "$(awk '/vm.swappiness/ { print $2 }' /etc/tunectl/baseline.d/50-layer.yaml)" \
        "$(witnessed early vm.swappiness)"
    nine early vm.swappiness
    same "nothing half-done lies about" "99-sysctl.conf 99-tunectl.conf README.sysctl" \
        "$(find /etc/sysctl.d -mindepth 1 -printf '%f\n' | sort | paste -sd' ')"
}
