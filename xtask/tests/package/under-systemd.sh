# The units under a real systemd: everything that they forbid is forbidden, and the programs serve all the same.

fail() { echo "$*"; journalctl --no-pager --output cat --lines 40; exit 1; }

export PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive
dpkg --install /shared/restante.deb
bash -eu /shared/installing.sh

of() { systemctl show --property "$2" --value "$1"; }

for unit in restante restante-relay restante-gateway; do
    timeout 90 systemctl start $unit || fail "$unit does not start"
    test "$(of $unit ActiveState):$(of $unit StatusText)" = active:serving || fail "$unit: $(of $unit StatusText)"
    timeout 90 systemctl reload $unit || fail "$unit is not reloaded"
    timeout 90 systemctl stop $unit || fail "$unit does not stop"
    test "$(of $unit Result):$(of $unit NRestarts)" = success:0 || fail "$unit: $(of $unit Result)"
done

# Whoever waits for a reload is told when it is in force, where systemd knows how.
if [ "$(systemctl --version | sed -n '1s/^systemd \([0-9]*\).*/\1/p')" -ge 253 ]; then
    mkdir -p /run/systemd/system/restante.service.d
    printf '[Service]\nType=notify-reload\nExecReload=\n' > /run/systemd/system/restante.service.d/trial.conf
    systemctl daemon-reload
    timeout 90 systemctl start restante && timeout 90 systemctl reload restante || fail "no notify-reload"
    test "$(of restante StatusText)" = serving || fail "it reloads for ever"
    systemctl stop restante
fi

# A wrong configuration is not tried again and again.
sed -i 's/^id = .*/id = not a name/' /etc/restante/hub.toml
if systemctl start restante; then fail "it serves with a wrong configuration"; fi
test "$(of restante ActiveState):$(of restante ExecMainStatus):$(of restante NRestarts)" = failed:78:0 ||
    fail "wrong: $(of restante ActiveState) $(of restante ExecMainStatus)"
echo "all is well"
