#!/usr/bin/python3 -B
"""A front end whose upstream is a constant in its source."""

import reporting

UPSTREAM_HOST = "127.0.0.1"
UPSTREAM_PORT = 8000

reporting.serve(9001, lambda: reporting.fetch(UPSTREAM_HOST, UPSTREAM_PORT))
