# The daemon is stopped before its program goes; that changes no value, and ends what it prevents.
if [ "$1" -eq 0 ] && [ -d /run/systemd/system ]; then
    systemctl stop tunectl.service >/dev/null 2>&1 || :
fi
if [ "$1" -eq 0 ]; then
    # What `watch --pin` has left to be prevented.
    rm -rf /sys/fs/bpf/tunectl || :
fi
if [ "$1" -eq 0 ] && [ -x /usr/bin/systemctl ]; then
    systemctl --no-reload disable tunectl-boot.service tunectl-settled.service tunectl.service >/dev/null 2>&1 || :
fi
