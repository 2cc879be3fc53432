# shellcheck shell=bash
# Shows: TuneD with a profile that fights over vm.swappiness: right at boot, taken by TuneD, right again once all has settled
boots() {
    new_disk "$applied"
    boot 1
}

prepare_1() {
    mkdir -p /etc/tuned/fight
    printf '[main]\nsummary=fights\n[sysctl]\nvm.swappiness=77\n' >/etc/tuned/fight/tuned.conf
    # Else TuneD gives way to what sysctl.d says.
    sed -i 's/^ *reapply_sysctl.*/reapply_sysctl = 0/' /etc/tuned/tuned-main.conf
    echo fight >/etc/tuned/active_profile
    echo manual >/etc/tuned/profile_mode
    systemctl enable tuned.service
}

online_1() {
    boot_completes
    nine early
    same "tuned.service" active "$(systemctl is-active tuned.service)"
    matches "TuneD has its profile" 'fight' "$(tuned-adm active 2>&1)"
    nine
    matches "TuneD has applied it" "profile .fight. applied" "$(tail -5 /var/log/tuned/tuned.log)"
    same "the report: what was changed since" "vm.swappiness 77 1 true" \
        "$(asked '.since[] | "\(.key) \(.found) \(.desired) \(.corrected)"')"
    matches "the report: who is likely" '[Tt]une[Dd]' "$(asked '.since[] | "\(.owners) \(.set_by.source)"')"
}
