# shellcheck shell=bash
# Shows: a vendor file that sorts after ours and disagrees: values right all the same, the report names file and line
boots() {
    new_disk "$applied"
    boot 1
}

prepare_1() {
    printf '# a vendor'\''s\n\nvm.swappiness = 60\nvm.max_map_count=65530\n' >/usr/lib/sysctl.d/zz-vendor.conf
}

online_1() {
    boot_completes
    same "the vendor's file counts for the loader" 60 "$(witnessed loader vm.swappiness)"
    nine early
    nine
    same "the report: who had set vm.swappiness" "/usr/lib/sysctl.d/zz-vendor.conf:3 60" \
        "$(asked '.found[] | select(.key == "vm.swappiness") | "\(.set_by.source) \(.set_by.value)"')"
    same "the report: vm.max_map_count" "65530 655360 true" \
        "$(asked '.found[] | select(.key == "vm.max_map_count") | "\(.found) \(.desired) \(.corrected)"')"
    same "the report's result" corrected "$(asked .result)"
}
