# Makes a copy of this machine in memory, and goes there: as a shell that runs in-the-copy.sh, or as systemd that has
# under-systemd.sh for its only service. Arguments: a folder that both can read, and `shell` or `systemd`.
mount --make-rprivate /
mount -t tmpfs -o size=4G copy /mnt
mkdir /mnt/upper /mnt/work /mnt/root
root=/mnt/root
mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work copy $root
mount -t proc proc $root/proc
mount -t sysfs -o ro sysfs $root/sys
mount -t tmpfs -o mode=755 dev $root/dev
for device in null zero full random urandom tty; do
    touch $root/dev/$device
    mount --bind /dev/$device $root/dev/$device
done
mkdir $root/dev/pts $root/dev/shm $root/dev/mqueue $root/dev/hugepages
mount -t devpts -o newinstance,ptmxmode=0666 devpts $root/dev/pts
ln -s pts/ptmx $root/dev/ptmx
ln -s /proc/self/fd $root/dev/fd
mount -t tmpfs -o mode=755 run $root/run
mkdir $root/shared $root/.before
mount --bind "$1" $root/shared
ip link set lo up
if [ "$2" = systemd ]; then
    mount -t tmpfs cgroup $root/sys/fs/cgroup
    mount -t cgroup2 cgroup2 $root/sys/fs/cgroup
    cat > $root/etc/systemd/system/trial.target <<'UNIT'
[Unit]
DefaultDependencies=no
Requires=trial.service
UNIT
    cat > $root/etc/systemd/system/trial.service <<'UNIT'
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=/bin/bash -eu /shared/under-systemd.sh
StandardOutput=file:/shared/said
StandardError=inherit
# The first process of a container may end; everything else then does.
ExecStopPost=/bin/systemctl --no-block exit 0
UNIT
fi
cd $root
pivot_root . .before
umount -l /.before
if [ "$2" = systemd ]; then
    exec env -i container=copy PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        /lib/systemd/systemd --system --unit=trial.target --log-target=journal --show-status=no
fi
exec bash -eu /shared/in-the-copy.sh
