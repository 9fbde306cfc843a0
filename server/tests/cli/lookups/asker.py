"""Runs the command of each line it is sent and answers with the last line the command printed."""
import socketserver, subprocess, sys

class Line(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            done = subprocess.run(line.decode(), shell=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT)
            lines = done.stdout.decode().strip().splitlines() or [""]
            self.wfile.write(lines[-1].encode() + b"\n")

class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True

Server(("127.0.0.1", int(sys.argv[1])), Line).serve_forever()
