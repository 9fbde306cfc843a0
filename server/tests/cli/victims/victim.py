import os
import socket


def errno(action):
    try:
        action()
        return 0
    except OSError as error:
        return error.errno


def write_file(name):
    with open("/tmp/victim-" + name, "w") as file:
        file.write("x")
        file.flush()
        os.fsync(file.fileno())


def dial():
    socket.create_connection(("127.0.0.1", 5432)).close()


listener = socket.create_server(("127.0.0.1", 7000))
while True:
    peer, _ = listener.accept()
    if peer.recv(64):
        a, b, c = (errno(lambda: write_file(name)) for name in "abc")
        peer.sendall(f"a={a} b={b} open={c} connect={errno(dial)}\n".encode())
    peer.close()
