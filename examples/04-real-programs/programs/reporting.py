"""What the three front ends share: an HTTP service which fetches its upstream and reports what it saw."""

import http.client
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def fetch(host, port):
    """Fetches the upstream's page; returns (status, error), status 0 when there was no reply."""
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/index.html")
        response = connection.getresponse()
        response.read()
        return response.status, ""
    except (OSError, http.client.HTTPException) as error:
        return 0, f"{type(error).__name__}: {error}"
    finally:
        connection.close()


def serve(port, fetch_upstream):
    """Listens on `port`: /health is 200 `ok`, every other path reports one fetch of the upstream as JSON."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path == "/health":
                return self.reply("text/plain", b"ok")
            started = time.monotonic()
            status, error = fetch_upstream()
            report = {
                "upstream_status": status,
                "upstream_error": error,
                "upstream_ms": round((time.monotonic() - started) * 1000),
            }
            self.reply("application/json", json.dumps(report).encode())

        def reply(self, content_type, body):
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    print(f"listening on {port}", file=sys.stderr, flush=True)
    ThreadingHTTPServer(("", port), Handler).serve_forever()
