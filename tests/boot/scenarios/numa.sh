# shellcheck shell=bash
# Shows: two NUMA nodes, where there was one: what the baseline asks of such hosts is set and persisted
boots() {
    new_disk "$applied"
    local half=$((plenty / 2))
    nodes=(-object "memory-backend-ram,id=a,size=${half}M,reserve=off" -object "memory-backend-ram,id=b,size=${half}M,reserve=off"
        -machine pc -numa "node,memdev=a,cpus=0" -numa "node,memdev=b,cpus=1")
    cpus=2 boot 1
}

prepare_1() {
    mkdir -p /etc/tunectl/baseline.d
    printf 'name: numa\nwhen:\n  - if: { numa_nodes: ">= 2" }\n    parameters:\n      vm.zone_reclaim_mode: 3\n      kernel.numa_balancing: 0\n' \
        >/etc/tunectl/baseline.d/50-numa.yaml
}

online_1() {
    boot_completes
    same "the kernel's nodes" "0-1" "$(</sys/devices/system/node/online)"
    nine early vm.zone_reclaim_mode
    same "before sysinit.target completes" 3 "$(witnessed early vm.zone_reclaim_mode)"
    same "vm.zone_reclaim_mode" 3 "$(now vm.zone_reclaim_mode)"
    same "kernel.numa_balancing" 0 "$(now kernel.numa_balancing)"
    matches "persisted" '^vm.zone_reclaim_mode *= *3' "$(<"$dropin")"
    same "the report's host" 2 "$(asked '.host.numa_nodes_kb | length')"
}
