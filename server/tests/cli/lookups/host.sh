#!/bin/sh
# host.sh VARIANT USER PROGRAM...: runs a program as USER in a mount namespace of its own, whose host has nscd, a socket of
# systemd-resolved, and an /etc in which the files of names are of the VARIANT. Nothing of it is seen outside.
set -e
variant=$1 user=$2
shift 2
mount -t tmpfs none /run
mkdir -p /run/nscd /run/systemd/resolve /run/avahi-daemon
etc=/run/etc
cp -a /etc $etc
rm -f $etc/resolv.conf
case $variant in
resolved)
    echo 'nameserver 127.0.0.53' >/run/systemd/resolve/stub-resolv.conf
    ln -s ../run/systemd/resolve/stub-resolv.conf $etc/resolv.conf
    sed -i 's/^hosts:.*/hosts: mymachines resolve [!UNAVAIL=return] files myhostname dns/' $etc/nsswitch.conf ;;
dangling) ln -s /run/nowhere/resolv.conf $etc/resolv.conf ;;
missing) rm $etc/nsswitch.conf $etc/hosts ;;
unreadable)
    echo 'nameserver 127.0.0.53' >$etc/resolv.conf
    chmod 000 $etc/resolv.conf $etc/nsswitch.conf $etc/hosts ;;
esac
mount --bind $etc /etc
cat >/run/nscd.conf <<'C'
enable-cache hosts yes
persistent hosts no
enable-cache passwd no
enable-cache group no
enable-cache services no
enable-cache netgroup no
C
nscd -F -f /run/nscd.conf &
daemon=$!
trap 'kill $daemon; wait $daemon || true' EXIT
until [ -S /run/nscd/socket ]; do kill -0 $daemon; done
if [ "$user" = root ]; then "$@"; else setpriv --reuid="$user" --regid="$user" --clear-groups "$@"; fi
