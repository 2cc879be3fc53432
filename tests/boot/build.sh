# shellcheck shell=bash
# Builds what the guests are made of, each piece once for each content of what it is made from:
# the program's package, a Debian 12 tree, two kernels, an initrd, an ext4 image.
# shellcheck disable=SC2154 # cache and work are run's

# Everything that a guest needs and a minimal Debian lacks. tuned is there to be fought with.
packages=systemd,systemd-sysv,udev,dbus,procps,kmod,iproute2,jq,tuned,xfsprogs
mirror=${BOOT_MIRROR:-http://deb.debian.org/debian}
security=${BOOT_SECURITY:-http://deb.debian.org/debian-security}
# Where the users of a container begin.
shift=1879048192

# Prints a short hash of files and of the words on standard input.
hashed() {
    cat "$@" - | sha256sum | cut -c1-16
}

# build_package: $deb, the package under test.
build_package() {
    echo "building the package"
    packaging/build deb >"$work/package.log" 2>&1 || { cat "$work/package.log"; return 1; }
    deb=$(find target/packages -name 'tunectl_*.deb' -printf '%T@ %p\n' | sort -rn | head -1 | cut -d' ' -f2-)
    [[ -s $deb ]] || { echo "no package was built"; return 1; }
}

# build_guest: $kernel, $initrd, $uml, $shifted (the root as a directory, for
# containers whose root is user $shift here) and $image (as ext4).
# shellcheck disable=SC2034 # kernel and the like are for machine.sh
build_guest() {
    local key dir
    key=$(hashed tests/boot/build.sh tests/boot/guest/* <<<"$mirror")
    dir=$cache/guest-$key
    kernel=$dir/vmlinuz initrd=$dir/initrd uml=$dir/linux.uml shifted=$dir/tree image=$dir/root.ext4
    if [[ ! -e $dir/complete ]]; then
        rm -rf "$cache"/guest-*
        mkdir -p "$dir"
        build_tree "$dir" && build_initrd "$dir" && build_image "$dir" && shift_owners "$dir/tree" && touch "$dir/complete"
    fi
}

# shellcheck disable=SC2016 # the hook expands it
build_tree() {
    local dir=$1 version=
    echo "building a Debian 12 root"
    mmdebstrap --quiet --mode=root --variant=minbase --include="$packages" \
        --aptopt='Acquire::Languages "none"' --aptopt='APT::Sandbox::User "root"' --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        --customize-hook='cd "$1" && mkdir -p var/kernels && chroot . sh -c "cd /var/kernels && apt-get -q download \
            user-mode-linux \$(apt-cache depends linux-image-cloud-amd64 | sed -n \"s/.*Depends: //p\" | head -1)" >/dev/null' \
        bookworm "$dir/tree" "deb $mirror bookworm main" "deb $security bookworm-security main"

    # The kernels are unpacked, not installed: their scripts would build an initrd that nobody needs.
    mkdir "$dir/kernels"
    dpkg -x "$dir"/tree/var/kernels/linux-image-*.deb "$dir/kernels"
    dpkg -x "$dir"/tree/var/kernels/user-mode-linux_*.deb "$dir/kernels"
    rm -r "$dir/tree/var/kernels"
    version=$(ls "$dir/kernels/lib/modules")
    mv "$dir/kernels/boot/vmlinuz-$version" "$dir/vmlinuz"
    mv "$dir/kernels/usr/bin/linux.uml" "$dir/linux.uml"
    # Drivers of devices that the guest has not, or does not use here, only make udev busy.
    find "$dir/kernels/lib/modules/$version/kernel/drivers" -mindepth 1 -maxdepth 1 \
        ! -name virtio ! -name block ! -name char ! -name net -exec rm -r {} +
    rm -rf "$dir/kernels/lib/modules/$version/kernel/arch/x86/kvm"
    find "$dir/kernels/lib/modules/$version/kernel/arch/x86/crypto" -type f ! -name 'crc32c*' -delete
    mv "$dir/kernels/lib/modules/$version" "$dir/tree/lib/modules.new"
    mkdir -p "$dir/tree/lib/modules"
    mv "$dir/tree/lib/modules.new" "$dir/tree/lib/modules/$version"
    depmod -b "$dir/tree" "$version"

    printf 'LABEL=root / ext4 rw 0 0\n' >"$dir/tree/etc/fstab"
    printf 'guest\n' >"$dir/tree/etc/hostname"
    # No login prompts and no timers: they only make a boot longer.
    ln -sf /dev/null "$dir/tree/etc/systemd/system/console-getty.service"
    ln -sf /dev/null "$dir/tree/etc/systemd/system/getty.target"
    ln -sf /dev/null "$dir/tree/etc/systemd/system/timers.target"
    ln -sf /dev/null "$dir/tree/etc/systemd/system/e2scrub_reap.service"
    rm -f "$dir/tree/etc/systemd/system/multi-user.target.wants/tuned.service"
    install -D -m 644 -t "$dir/tree/etc/systemd/system" tests/boot/guest/*.service
    install -D -m 755 -t "$dir/tree/usr/local/lib/boot" tests/boot/guest/{agent,witness}
    local unit
    for unit in tests/boot/guest/*.service; do
        systemctl --root="$dir/tree" --quiet enable "${unit##*/}"
    done
}

build_initrd() {
    local dir=$1 version module
    version=$(ls "$dir/tree/lib/modules")
    mkdir -p "$dir/initrd.d/"{bin,proc,sys,dev,root,mnt,modules}
    install -m 755 "$(command -v busybox)" "$dir/initrd.d/bin/busybox"
    ln -s busybox "$dir/initrd.d/bin/sh"
    install -m 755 tests/boot/guest/init "$dir/initrd.d/init"
    for module in virtio_pci virtio_blk crc32c-intel xfs; do
        modprobe -d "$dir/tree" -S "$version" --show-depends "$module"
    done >"$dir/order"
    awk '$1 == "insmod" && !seen[$2]++ { print $2 }' "$dir/order" | while read -r module; do
        cp "$module" "$dir/initrd.d/modules/"
        echo "${module##*/}"
    done >"$dir/initrd.d/modules/order"
    (cd "$dir/initrd.d" && find . | cpio -o -H newc --quiet | gzip -1) >"$dir/initrd"
    rm -r "$dir/initrd.d"
}

build_image() {
    mke2fs -q -F -t ext4 -L root -d "$1/tree" "$1/root.ext4" 1G 2>/dev/null
}

# Gives every file to the user whom a container takes for its root, or its user of that number.
shift_owners() {
    find "$1" -printf '%U %G\n' | sort -u | while read -r user group; do
        find "$1" -uid "$user" -gid "$group" -print0 |
            xargs -0 -r chown --no-dereference "$((user + shift)):$((group + shift))"
    done
}
