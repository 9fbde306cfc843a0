"""Runs the program in its arguments, with more arguments from each line a client sends, and answers with what it printed."""
import socket
import subprocess
import sys

server = socket.create_server(("127.0.0.1", 7000))
while True:
    client, _ = server.accept()
    with client:
        line = client.recv(100)
        if line:
            ran = subprocess.run(sys.argv[1:] + line.decode().split(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            client.sendall(ran.stdout.strip().replace(b"\n", b" | ") + b" exit %d\n" % ran.returncode)
