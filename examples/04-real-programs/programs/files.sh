#!/bin/sh
# The web server of Python's standard library, serving the site folder on port 8000.
cd "$(dirname "$0")/.." || exit 1
exec /usr/bin/python3 -u -m http.server 8000 --directory site
