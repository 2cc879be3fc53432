# Enables nothing (the preset says disable) and applies nothing.
if [ "$1" -eq 1 ]; then
    if [ -x /usr/bin/systemctl ]; then
        systemctl --no-reload preset tunectl-boot.service tunectl-settled.service tunectl.service >/dev/null 2>&1 || :
    fi
    cat <<'END'
tunectl: nothing has been enabled or changed. To begin:
  tunectl plan -b linux-server        shows what a baseline would change
  tunectl apply -b linux-server       carries it out, live and for the next boot
  systemctl enable tunectl-boot       applies it early in every boot
  systemctl enable --now tunectl      holds it, and records who changes what
END
else
    echo "tunectl: upgraded; no value was changed. Where tunectl-boot is enabled, the"
    echo "tunectl: next boot or \`systemctl restart tunectl-boot\` applies the baseline anew."
fi
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload >/dev/null 2>&1 || :
    # A daemon that runs goes on as the new one: it changes a value only where that drifted.
    [ "$1" -eq 1 ] || systemctl try-restart tunectl.service >/dev/null 2>&1 || :
fi
