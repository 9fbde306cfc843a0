#!/usr/bin/env python3
"""Writes down a conversation with a real server, in the form `transcript.rs` reads.

usage: record.py UPSTREAM_PORT OUT -- CLIENT [ARG...]     `{port}` in an ARG is the port to connect to

Relays each connection of the client; OUT gets its bytes, OUT with `.2` before the suffix those of the second
connection, and so on. The client talks first or the server does: a line holds what one of them said in one go.
"""
import os, select, socket, subprocess, sys

def escape(data):
    plain = {0x5c: "\\\\", 0x0d: "\\r", 0x0a: "\\n", 0x09: "\\t"}
    return "".join(plain.get(b) or (chr(b) if 0x20 <= b < 0x7f else "\\x%02x" % b) for b in data)

def relay(client, port):
    server, said = socket.create_connection(("127.0.0.1", port)), []
    while True:
        for source in select.select([client, server], [], [])[0]:
            data = source.recv(1 << 16)
            if not data:
                return said
            (server if source is client else client).sendall(data)
            mark = ">" if source is client else "<"
            if said and said[-1][0] == mark:
                data = said.pop()[1] + data
            said.append((mark, data))

def main():
    port, out, command = int(sys.argv[1]), sys.argv[2], sys.argv[4:]
    listener = socket.create_server(("127.0.0.1", 0))
    here = listener.getsockname()[1]
    child = subprocess.Popen([arg.replace("{port}", str(here)) for arg in command], stdout=subprocess.DEVNULL)
    count = 0
    listener.settimeout(0.2)
    while True:
        try:
            client, _ = listener.accept()
        except TimeoutError:
            if child.poll() is not None:
                break
            continue
        client.settimeout(None)
        count += 1
        stem, suffix = os.path.splitext(out)
        said = relay(client, port)
        client.close()
        with open(out if count == 1 else f"{stem}.{count}{suffix}", "w") as file:
            file.write(f"# {os.path.basename(command[0])} on a real server, written down by record.py\n")
            file.writelines(f"{mark} {escape(data)}\n" for mark, data in said)

main()
