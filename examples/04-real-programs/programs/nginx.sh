#!/bin/sh
# nginx as Debian ships it; only its configuration is ours.
cd "$(dirname "$0")/.." || exit 1
exec /usr/sbin/nginx -e stderr -p . -c nginx.conf
