# Values that the kernel runs are never touched here; rpm knows no purge, so what tunectl wrote
# stays, and is named; but for its metrics.
if [ "$1" -eq 0 ]; then
    # cargo-generate-rpm cannot say that a directory belongs to the package.
    for path in /etc/tunectl/baseline.d /etc/tunectl/baselines /etc/tunectl \
        /usr/share/tunectl/baselines /usr/share/tunectl/prometheus /usr/share/tunectl/sql \
        /usr/share/tunectl /usr/share/doc/tunectl /usr/share/licenses/tunectl; do
        rmdir "$path" 2>/dev/null || :
    done
    # node_exporter would go on reporting a host that nobody looks after.
    metrics=/var/lib/prometheus/node-exporter/tunectl.prom
    if [ -f "$metrics" ] && head -n 1 "$metrics" | grep -q '^# HELP tunectl_'; then
        rm -f "$metrics"
    fi
    for path in /etc/sysctl.d/99-tunectl.conf /etc/tunectl /var/lib/tunectl "$metrics"; do
        if [ -e "$path" ]; then
            echo "tunectl: $path stays; remove it by hand if it is no longer wanted."
        fi
    done
    echo "tunectl: values that the kernel runs stay as they are until the next boot."
fi
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload >/dev/null 2>&1 || :
fi
