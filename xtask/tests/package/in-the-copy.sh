# What an operator does on the day when it is installed, and on the day when it goes.

fail() { echo "$*"; exit 1; }

export DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
dpkg --install /shared/restante.deb

for user in restante restante-relay restante-gateway; do
    test "$(stat -c %U:%a "/var/lib/$user")" = "$user:700" || fail "/var/lib/$user is not its own"
done
test "$(stat -c %U:%G:%a /etc/restante/hub)" = root:restante:750 || fail "/etc/restante/hub is not as it should be"
for page in restante restante-serve restante-relay restante-gateway-keys-retire; do
    zcat "/usr/share/man/man1/$page.1.gz" | grep -q '^\.TH' || fail "$page is no man page"
done
bash -n /usr/share/bash-completion/completions/restante
if command -v systemd-analyze > /dev/null; then
    for unit in restante restante-relay restante-gateway; do
        complaints=$(systemd-analyze verify "/usr/lib/systemd/system/$unit.service" 2>&1 | grep "^$unit" || true)
        test -z "$complaints" || fail "$complaints"
        # At most 2.0 of 10.
        systemd-analyze security --offline=true --threshold=20 "/usr/lib/systemd/system/$unit.service" > /run/exposure ||
            fail "$unit is exposed: $(tail -n 1 /run/exposure)"
    done
fi

# As the documentation has it.
bash -eu /shared/installing.sh

# A unit's command, as its user, with no more than the unit gives it. Reads what the program prints until all listeners
# are there.
begin() { # unit, tables
    local unit=/usr/lib/systemd/system/$1.service command user line
    command=$(sed -n 's/^ExecStart=//p' "$unit")
    user=$(sed -n 's/^User=//p' "$unit")
    ulimit -Sn "$(sed -n 's/^LimitNOFILE=//p' "$unit")" 2> /dev/null || ulimit -Sn "$(ulimit -Hn)"
    install -d -o "$user" -g "$user" -m "$(sed -n 's/^RuntimeDirectoryMode=//p' "$unit")" "/run/$user"
    rm -f /run/printed; mkfifo /run/printed
    # shellcheck disable=SC2086 # the words of the command
    setpriv --reuid "$user" --regid "$user" --init-groups --no-new-privs --bounding-set -all,+net_bind_service \
        $command > /run/printed 2> "/run/$1.log" &
    program=$!
    exec 3< /run/printed
    for table in $2; do
        read -r -t 60 line <&3 || fail "$1 does not listen: $(cat "/run/$1.log")"
        case $line in "listening $table "*) ;; *) fail "$1 says: $line" ;; esac
    done
}

# What a program answers on a port of this machine.
ask() { # port, path
    exec 4<> "/dev/tcp/127.0.0.1/$1"
    printf 'GET %s HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n' "$2" >&4
    timeout 30 cat <&4
    exec 4>&-
}

finish() {
    kill -TERM "$program"
    wait "$program" || fail "it ended with $?"
    exec 3<&-
}

begin restante "provider local"
ask 8080 /readyz | grep -q '^HTTP/1.1 200' || fail "the provider is not ready"
ask 8080 /metrics | grep -q '^restante_hub_ready 1$' || fail "the provider has no metrics"
kill -HUP "$program"
export RESTANTE_CONFIG=/etc/restante/hub.toml
restante forks list > /dev/null
restante retention run > /dev/null
restante backup create > /dev/null
runuser -u restante -- restante backup verify --config "$RESTANTE_CONFIG" > /dev/null 2>&1
# What the documentation says to do when tokens have leaked.
restante tokens revoke --all --yes > /dev/null
restante key-packages delete --all --yes > /dev/null
finish
runuser -u restante -- restante db verify --config "$RESTANTE_CONFIG" > /dev/null 2>&1
grep -q '"reloaded"' /run/restante.log || fail "it was not reloaded: $(cat /run/restante.log)"

begin restante-relay "relay admin"
ask 9191 /healthz | grep -q '^HTTP/1.1 200' || fail "the relay does not answer"
ask 9191 /metrics | grep -q '^restante_relay_requests_total' || fail "the relay has no metrics"
finish

begin restante-gateway "gateway admin"
ask 9292 /readyz | grep -q '^HTTP/1.1 200' || fail "the gateway is not ready"
finish
runuser -u restante-gateway -- restante-gateway keys list --config /etc/restante/gateway.toml > /dev/null

# Removed: what the operator made stays. Installed again: it goes on.
before=$(restante --version)
dpkg --remove restante
test -e /etc/restante/hub.toml && test -e /var/lib/restante/data || fail "removing took more than the programs"
test ! -e /usr/bin/restante || fail "removing left the programs"
dpkg --install /shared/restante.deb
test "$before" = "$(restante --version)"
begin restante "provider local"
finish

dpkg --purge restante
left=$(find /etc/restante /var/lib/restante* /usr/share/doc/restante /usr/lib/*/*/restante* /usr/bin/restante* 2> /dev/null || true)
test -z "$left" || fail "purging left $left"
getent passwd restante > /dev/null || fail "the user's number would be given to somebody else"
echo "all is well"
