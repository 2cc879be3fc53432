# shellcheck shell=bash
# Shows: the drop-in deleted between two boots: values right all the same, the drop-in is back
boots() {
    new_disk "$applied"
    boot 1
}

prepare_1() {
    grep '^[^#]' "$dropin" >/root/settings
    rm "$dropin"
}

online_1() {
    boot_completes
    same "the loader has nothing to load" 60 "$(witnessed loader vm.swappiness)"
    nine early
    nine
    same "the drop-in sets what it set before" "$(</root/settings)" "$(grep '^[^#]' "$dropin")"
    same "the report on the drop-in" "corrected written" "$(asked '"\(.result) \(.dropin)"')"
}
