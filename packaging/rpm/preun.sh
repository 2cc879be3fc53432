# The units have nothing to stop: a stop changes no value.
if [ "$1" -eq 0 ] && [ -x /usr/bin/systemctl ]; then
    systemctl --no-reload disable tunectl-boot.service tunectl-settled.service tunectl.service >/dev/null 2>&1 || :
fi
