# shellcheck shell=bash
# private_tmp: an empty /tmp in this mount namespace, where the project is still to be found, should
# it stand below /tmp itself.
private_tmp() {
    local here
    exec {here}<.
    mount -t tmpfs -o mode=1777 tmpfs /tmp
    if [[ ! -d $PWD ]]; then
        mkdir -p "$PWD"
        mount --no-canonicalize --bind "/proc/self/fd/$here" "$PWD"
        cd "$PWD" || return
    fi
    exec {here}<&-
}
