# shellcheck shell=bash
# Shows: 1 GiB: strict overcommit and a reserve of 40 % refused, the ramp stopping before the guest dies, a trial put back after its shell was killed, waivers ending at midnight
boots() {
    new_disk "$applied"
    # For huge pages the kernel would keep more than 5 % of so little.
    memory=1024 append=transparent_hugepage=never boot 1
    memory=1024 append=transparent_hugepage=never boot 2
}

# asks LINES: a layer that asks for this besides.
asks() {
    mkdir -p /etc/tunectl/baseline.d
    printf 'name: asked\nparameters:\n%b' "$1" >/etc/tunectl/baseline.d/50-asked.yaml
}

is() {
    [[ $(now "$1") == "$2" ]]
}

killed() {
    awk '$1 == "oom_kill" { print $2 }' /proc/vmstat
}

kept() {
    systemctl list-units --plain --no-legend 'tunectl-trial-*' | awk '{ print $1 }'
}

unkept() {
    [[ -z $(kept) ]]
}

# A shell in a scope of its own tries a reserve of 45000 kB for so long.
tries() {
    asks '  vm.min_free_kbytes: 45000\n  vm.swappiness: 33\n'
    systemd-run --quiet --scope --unit=shell bash -c "tunectl apply --confirm-within $1; sleep 1000" >/dev/null 2>&1 &
    until_true 30 is vm.swappiness 33 >/dev/null
    until_true 30 test -e /run/tunectl/trial.json >/dev/null
}

online_1() {
    local text before reserve ms wanted
    boot_completes
    reserve=$(now vm.min_free_kbytes)
    # Half of the memory is promised and used.
    perl -e 'vec($x, $ARGV[0], 8) = 1; sleep 100000' 500000000 &
    sleep 2

    asks '  vm.overcommit_memory: 2\n'
    text=$(tunectl apply 2>&1; echo "exit $?")
    matches "strict overcommit is refused with the figures" 'would let [0-9]+ kB be promised, and [0-9]+ kB are' "$text"
    matches "by its guard" 'overcommit-strict.*exit 3' "${text//$'\n'/ }"
    same "it stays" 1 "$(now vm.overcommit_memory)"

    wanted=$(($(memory) * 40 / 100))
    asks "  vm.min_free_kbytes: $wanted\n"
    text=$(tunectl apply 2>&1; echo "exit $?")
    matches "a reserve of 40 % is refused with the figures" "$wanted kB is above 5 % of $(memory) kB RAM" "$text"
    matches "and what it would take" 'takes [0-9]+ kB, more than 80 % of the [0-9]+ kB that can be had.*exit 3' "${text//$'\n'/ }"
    same "the reserve stays" "$reserve" "$(now vm.min_free_kbytes)"

    before=$(killed)
    asks "  vm.min_free_kbytes: { value: $wanted, allow: [min-free-above-5-percent, takes-memory], reason: a test }\n  vm.swappiness: 44\n"
    text=$(tunectl plan 2>&1)
    matches "overridden, the plan shows the steps" 'raised in [0-9]+ steps of [0-9]+ kB' "$text"
    text=$(tunectl apply 2>&1; echo "exit $?")
    matches "the raise stops" 'stopped at a reserve of [0-9]+ kB of '"$wanted"' kB' "$text"
    matches "everything is put back" 'put back.*exit 1' "${text//$'\n'/ }"
    say "      $(grep -E 'stopped|step' <<<"$text" | tail -3 | paste -sd'|')"
    same "the reserve of before" "$reserve 1" "$(now vm.min_free_kbytes) $(now vm.swappiness)"
    same "nobody was killed for want of memory" "$before" "$(killed)"
    matches "the guest lives" 'running|degraded' "$(systemctl is-system-running)"
    kill %1

    # A trial outlives the shell that began it, and all of its session.
    tries 8s
    matches "tried" '^45000 33$' "$(now vm.min_free_kbytes) $(now vm.swappiness)"
    matches "its keeper is a unit of its own" '^tunectl-trial-[0-9]+.service$' "$(kept)"
    same "which the kernel spares" "-1000" "$(cat "/proc/$(systemctl show -p MainPID --value "$(kept)")/oom_score_adj")"
    matches "its memory locked" 'VmLck:[[:space:]]+[1-9]' "$(cat "/proc/$(systemctl show -p MainPID --value "$(kept)")/status")"
    systemctl kill -s KILL shell.scope
    same "still tried once the session was killed" 33 "$(now vm.swappiness)"
    matches "tunectl status" 'a trial of .* is pending' "$(tunectl status 2>&1)"
    ms=$(until_true 60 is vm.swappiness 1)
    verdict "put back by itself" "$(now vm.min_free_kbytes) $(now vm.swappiness) after $ms ms" is vm.min_free_kbytes "$reserve"
    lacks "nothing was persisted" 'swappiness = 33' "$(cat "$dropin")"
    matches "the journal says so" 'has ended: it was not confirmed in time' "$(journal -u 'tunectl-trial-*')"
    systemctl stop shell.scope 2>/dev/null

    # Without its keeper it is put back by the next command; in time it is confirmed.
    tries 1h
    systemctl kill -s KILL "$(kept)"
    sleep 1
    matches "the keeper killed, the next command" 'was put back, because its keeper was killed' "$(tunectl status 2>&1)"
    same "puts back" "$reserve 1" "$(now vm.min_free_kbytes) $(now vm.swappiness)"
    systemctl stop shell.scope 2>/dev/null
    tries 1h
    matches "confirmed" 'confirmed, 2 values kept' "$(tunectl confirm 2>&1)"
    matches "what was tried is persisted" '^vm.swappiness = 33' "$(grep swappiness "$dropin")"
    until_true 10 unkept >/dev/null
    same "its unit is gone" "" "$(kept)"
    systemctl stop shell.scope 2>/dev/null

    # A waiver ends with its day, and the daemon takes the parameter back.
    printf 'waivers:\n- { key: vm.page-cluster, until: %s, reason: a test }\n' "$(date -u +%F)" >>/etc/tunectl/baseline.d/50-asked.yaml
    sysctl -qw vm.page-cluster=5
    matches "a waiver that ends today" 'the waiver of vm.page-cluster ends today' "$(tunectl status 2>&1)"
    systemctl start tunectl.service
    sleep 1
    same "is honoured" 5 "$(now vm.page-cluster)"
    date -u -s "$(date -u -d tomorrow '+%F 00:00:10')" >/dev/null
    ms=$(until_true 40 is vm.page-cluster 3)
    verdict "and no longer tomorrow" "$(now vm.page-cluster) after $ms ms" is vm.page-cluster 3
    matches "which is told" 'the waiver of vm.page-cluster ended on' "$(tunectl status 2>&1)"
    systemctl stop tunectl.service

    # A trial that is pending when the machine goes down.
    asks '  vm.swappiness: 55\n  vm.min_free_kbytes: 45000\n'
    tunectl apply --confirm-within 1h >/dev/null 2>&1
    same "pending at the end" 55 "$(now vm.swappiness)"
    rm /etc/tunectl/baseline.d/50-asked.yaml
    sync
}

online_2() {
    boot_completes
    same "after a reboot nothing of it remains" 1 "$(now vm.swappiness)"
    matches "nor is any pending" 'no trial is pending' "$(tunectl confirm 2>&1)"
    nine
}
