#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A farm begun, backed up and restored by the commands of docs/operations.md, word by word, as far as
# they go without an init: in folders of its own over /etc, /var and /usr/local, `sudo` and
# `systemctl` are played here, from the installed units.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" -eq 0 ] || skip "needs root to set up a machine"
for tool in systemd-sysusers systemd-analyze setpriv unshare; do
    command -v $tool >/dev/null || skip "$tool is not here"
done
if [ -z "${NIGHTBUS_MACHINE:-}" ]; then
    unshare --mount --net true 2>/dev/null || skip "no namespaces here"
    cd /
    rm -rf "$WORK"
    NIGHTBUS_MACHINE=yes exec unshare --mount --net --propagation private \
        bash "$SOURCE/tests/system/$TEST_NAME.sh"
fi

mkdir "$WORK/machine"
mount -t tmpfs tmpfs "$WORK/machine" || skip "cannot mount a tmpfs here"
mounted="$WORK/machine"
for folder in etc var usr/local; do
    layer="$WORK/machine/${folder//\//-}"
    mkdir "$layer" "$layer/upper" "$layer/work"
    mount -t overlay overlay -o "lowerdir=/$folder,upperdir=$layer/upper,workdir=$layer/work" "/$folder" ||
        skip "no overlay over /$folder here"
done
ip link set lo up
for folder in mnt run; do
    mkdir "$WORK/machine/$folder"
    mount --bind "$WORK/machine/$folder" "/$folder"
done
chmod 755 "$WORK"
mkdir "$WORK/bin"
export PATH="/usr/local/bin:$WORK/bin:/usr/bin:/bin:/usr/sbin:/sbin" # the installed programs

cat >"$WORK/bin/sudo" <<'SH'
#!/usr/bin/env bash
# -u USER and --preserve-env only.
user=
while [ $# -gt 0 ]; do
    case "$1" in
    -u) user=$2 && shift ;;
    --preserve-env=*) ;;
    *) break ;;
    esac
    shift
done
[ -n "$user" ] || exec "$@"
exec setpriv --reuid="$user" --regid="$user" --clear-groups env -u XDG_CONFIG_HOME -u XDG_STATE_HOME \
    HOME="$(getent passwd "$user" | cut -d: -f6)" USER="$user" "$@"
SH
cat >"$WORK/bin/systemctl" <<SH
#!/usr/bin/env bash
exec bash "$WORK/units.sh" "\$@"
SH
# What of systemd the page needs: a unit's user, folders, environment and command.
cat >"$WORK/units.sh" <<'SH'
set -euo pipefail
words() { sed -n "s/^$1=//p" "$unit"; }
begin() {
    local name=$1 instance='' folder
    unit=/usr/local/lib/systemd/system/$name
    [[ $name == *.* ]] || unit=$unit.service
    if [[ $name == *@* ]]; then
        instance=${name#*@}
        unit=/usr/local/lib/systemd/system/${name%%@*}@.service
    fi
    [ -f "$unit" ] || { echo "no unit $name" >&2; exit 5; }
    [[ $unit != *.timer ]] || return 0
    for folder in $(words StateDirectory); do install -d -o nightbus -g nightbus -m 700 "/var/lib/$folder"; done
    for folder in $(words CacheDirectory); do install -d -o nightbus -g nightbus -m 700 "/var/cache/$folder"; done
    for folder in $(words RuntimeDirectory); do install -d -o nightbus -g nightbus -m 755 "/run/$folder"; done
    set -a
    for word in $(words Environment); do eval "$word"; done
    for file in $(words EnvironmentFile); do
        [[ $file != -* ]] || file=${file#-}
        [ ! -f "$file" ] || . "$file"
    done
    set +a
    local command
    command=$(sed -e ':a' -e '/\\$/N; s/\\\n//; ta' "$unit" | sed -n 's/^ExecStart=//p')
    eval "set -- ${command//%i/$instance}"
    if [ "$(words Type)" = oneshot ]; then
        sudo -u "$(words User)" "$@"
    else
        sudo -u "$(words User)" "$@" >>"$WORK/$name.log" 2>&1 &
        echo $! >"$WORK/$name.pid"
    fi
}
end() {
    local pid
    pid=$(cat "$WORK/$1.pid")
    kill -TERM "$pid"
    tail --pid="$pid" -f /dev/null
}
action=$1
shift
[ "${1:-}" != --now ] || shift
for name in "$@"; do
    case "$action" in
    start | enable) begin "$name" ;;
    stop) end "$name" ;;
    restart) end "$name" && begin "$name" ;;
    esac
done
SH
chmod +x "$WORK/bin/sudo" "$WORK/bin/systemctl"
export WORK
stop_all() {
    local file
    for file in "$WORK"/*.pid; do
        [ ! -f "$file" ] || kill -KILL "$(cat "$file")" 2>/dev/null || true
    done
}
trap 'stop_all; umount -l /mnt /run /etc /var /usr/local 2>/dev/null || true; clean_up' EXIT

# The commands under a heading, one a line, with the page's names for what differs between farms.
page() {
    awk -v wanted="## $1" '/^## /{on = $0 == wanted} on && /^    /' "$SOURCE/docs/operations.md" |
        sed -e "s|HOST|127.0.0.1|g" -e "s|SERVERKEY|$server_key|g" -e "s|LINK|$link|g"
}
# page_command SECTION PATTERN: the one command there that has it.
page_command() {
    local found
    found=$(page "$1" | sed 's/^ *//' | grep -e "$2" || true)
    [ "$(grep -c . <<<"$found")" -eq 1 ] || fail "'$2' is not once under '$1': $found"
    echo "   \$ $found" >&2
    printf '%s\n' "$found"
}
run() {
    local command
    command=$(page_command "$@") || exit 1
    eval "$command" || fail "the page's command failed: $2"
}

server_key='' link=''
step "the programs and units are installed"
cmake --install "$NIGHTBUS_BIN/.." --prefix /usr/local >"$WORK/installed" || fail "not installed"
page "Beginning" | grep -qF "sudo cmake --install build/demo" || fail "the page does not say how"
cp /usr/local/lib/systemd/system/nightbus-* "$WORK"
cp "$WORK/nightbus-renderer@.service" "$WORK/nightbus-renderer@studio-b.service"
systemd-analyze verify "$WORK"/nightbus-{coordinator,renderer@studio-b,backup}.service "$WORK"/*.timer \
    >"$WORK/said" 2>&1 || true
[ ! -s "$WORK/said" ] || fail "systemd does not take the installed units: $(cat "$WORK/said")"
run Beginning "sudo systemd-sysusers"
id nightbus >/dev/null || fail "there is no user nightbus"
run Beginning "sudo install -d /etc/nightbus"
ok "and the user is there"

step "the coordinator begins"
run Beginning "sudo install -d -o nightbus -g nightbus -m 0700 /var/lib/nightbus /var/backups"
run Beginning "git config --global user.name"
eval "$(page_command Beginning "nightbus up --data")" >"$WORK/up.said" 2>&1 &
up=$!
wait_for 60 grep -q ready "$WORK/up.said"
pkill -INT -P $up -x nightbus 2>/dev/null || kill -INT $up
wait $up || true
run Beginning "sudo systemctl enable --now nightbus-coordinator"
run Beginning "sudo systemctl enable --now nightbus-backup.timer"
wait_for 60 grep -q ready "$WORK/nightbus-coordinator.log"
run Beginning "sudo cat /var/lib/nightbus/coordinator.json" >"$WORK/coordinator.json"
server_key=$(jq -r .server_key "$WORK/coordinator.json")
ok "$server_key"

step "people and renderers are invited and join"
run Beginning "export NIGHTBUS_FARM="
run Beginning "nightbus invite   " >"$WORK/own"
run Beginning "nightbus invite --role renderer" >"$WORK/renderer"
unset NIGHTBUS_FARM NIGHTBUS_KEY
link=$(grep -o 'nightbus://[^ ]*' "$WORK/own")
run Beginning "^nightbus join" >"$WORK/joined"
run Beginning "sudo install -d -o nightbus -g nightbus -m 0700 /var/lib/nightbus-renderer"
link=$(grep -o 'nightbus://[^ ]*' "$WORK/renderer")
run Beginning "--key /var/lib/nightbus-renderer/studio-b.key"
run Beginning "sudo tee /etc/nightbus/renderer.env"
run Beginning "sudo systemctl enable --now nightbus-renderer@studio-b"
has_renderer() { nightbus nodes --json | jq -e '.nodes[] | select(.name == "studio-b" and .state == "idle")'; }
wait_for 60 has_renderer
grep -q "you are Ada Desk" "$WORK/joined" || fail "not as the first owner: $(cat "$WORK/joined")"
ok "studio-b asks for work"

step "it renders"
tone_album tones 2 2
cd tones
nightbus album create tones-album
nightbus push -m "first" >/dev/null || fail "not pushed"
nightbus fetch tones@v1 -o "$WORK/out" >/dev/null || fail "not fetched"
[ -s /run/nightbus/nightbus.prom ] || fail "no metrics"
ok "v1"

step "settings"
run Beginning "NIGHTBUS_LEASE_MS=30000"
run Beginning "sudo systemctl restart nightbus-coordinator"
wait_for 60 nightbus nodes
ok "and the farm goes on"

step "backup and restore"
run Backup "sudo install -d -o nightbus -g nightbus -m 0700 /mnt/backup/nightbus"
run Backup "NIGHTBUS_BACKUP=/mnt/backup/nightbus"
run Backup "sudo systemctl start nightbus-backup"
[ -f /mnt/backup/nightbus/backup.json ] || fail "no backup"
while IFS= read -r command; do
    eval "$command" || fail "the page's command failed: $command"
done < <(page Restoring)
wait_for 60 nightbus nodes
rm -r "$WORK/out"
nightbus fetch tones@v1 -o "$WORK/out" >/dev/null || fail "not fetched from what was restored"
ok "v1 is there"

step "a renderer goes"
systemctl stop nightbus-renderer@studio-b
systemctl stop nightbus-coordinator
ok "and the coordinator"
