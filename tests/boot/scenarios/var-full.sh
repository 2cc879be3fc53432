# shellcheck shell=bash
# Shows: /var full: values right, the boot completes, the drop-in stands, the report stays in /run
boots() {
    new_disk "$applied"
    truncate -s 96M "$state/var.ext4"
    mke2fs -q -t ext4 -L var "$state/var.ext4"
    extra=(-drive "file=$state/var.ext4,format=raw,if=virtio,cache=unsafe")
    boot 1
}

prepare_1() {
    mount /dev/vdc /mnt
    cp -a /var/. /mnt/
    dd if=/dev/zero of=/mnt/fill bs=64k 2>/dev/null
    dd if=/dev/zero of=/mnt/fill.rest bs=512 2>/dev/null
    umount /mnt
    printf 'LABEL=var /var ext4 defaults 0 0\n' >>/etc/fstab
}

online_1() {
    boot_completes
    verdict "/var is full" "$(df -k --output=avail,target /var | tail -1)" \
        bash -c '! dd if=/dev/zero of=/var/probe bs=64k count=1 2>/dev/null'
    nine early
    nine
    same "the first pass" "Result=success ExecMainStatus=0" "$(unit_exit tunectl-boot.service)"
    matches "the settled pass says why" '/var/lib/tunectl.*([Nn]o space|full)' "$(journal -u tunectl-settled.service)"
    verdict "the report is still in /run" "$(asked .result)" test -s /run/tunectl/boot.json
    matches "status shows it" 'rocketmq-broker' "$(tunectl status 2>&1)"
}
