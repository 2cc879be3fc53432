# Values that the kernel runs are never touched here; rpm knows no purge, so what tunectl wrote
# stays, and is named.
if [ "$1" -eq 0 ]; then
    # cargo-generate-rpm cannot say that a directory belongs to the package.
    for path in /etc/tunectl/baseline.d /etc/tunectl/baselines /etc/tunectl \
        /usr/share/tunectl/baselines /usr/share/tunectl/prometheus /usr/share/tunectl/sql \
        /usr/share/tunectl /usr/share/doc/tunectl /usr/share/licenses/tunectl; do
        rmdir "$path" 2>/dev/null || :
    done
    for path in /etc/sysctl.d/99-tunectl.conf /etc/tunectl /var/lib/tunectl \
        /var/lib/prometheus/node-exporter/tunectl.prom; do
        if [ -e "$path" ]; then
            echo "tunectl: $path stays; remove it by hand if it is no longer wanted."
        fi
    done
    echo "tunectl: values that the kernel runs stay as they are until the next boot."
fi
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload >/dev/null 2>&1 || :
fi
