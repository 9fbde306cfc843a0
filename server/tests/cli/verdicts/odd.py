#!/usr/bin/env python3
"""A service with an answer for every way a rule can have nothing to act on: HTTP on 8080, lines over TCP on 7000,
datagrams on 7001. `GET /do/<what>` makes a call of its own and answers how it ended. With ECHO set it only sends back
what comes on 8090, in no protocol; with CALLER set it is only HTTP, on 8070."""
import errno, mmap, os, socket, threading

FIVE = b"hello"


def do(what):
    """Makes the call; `ok` or the name of its errno."""
    try:
        CALLS[what]()
        return b"ok"
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error.errno)).encode()


def opened(flags=os.O_RDWR | os.O_CREAT):
    return os.open("/tmp/odd.data", flags, 0o644)


def map_and_change():
    with mmap.mmap(os.open("/tmp/odd.map", os.O_RDWR), 4096) as pages:
        pages[0:5] = FIVE
        pages.flush()


def connect(port):
    socket.create_connection(("127.0.0.1", port), timeout=2).close()


def say(line):
    """Sends a line to port 7000; no answer is a connection that was reset."""
    with socket.create_connection(("127.0.0.1", 7000), timeout=2) as peer:
        peer.sendall(line)
        if not peer.recv(100):
            raise OSError(errno.ECONNRESET, "no answer")


CALLS = {
    "farewell": lambda: say(b"bye now\n"),
    "quiet": lambda: say(b"quiet\n"),
    "write": lambda: os.write(opened(), FIVE),
    "read": lambda: os.read(opened(), 5),
    "open": lambda: opened(),
    "fsync": lambda: os.fsync(opened()),
    "rename": lambda: (opened(), os.rename("/tmp/odd.data", "/tmp/odd.new")),
    "unlink": lambda: (opened(), os.unlink("/tmp/odd.data")),
    "mkdir": lambda: os.mkdir("/tmp/odd.dir"),
    "mmap": map_and_change,
    "connect": lambda: connect(7000),
}


def answer(method, path, version):
    """The whole reply, head and content."""
    ok, content = "200 OK", FIVE
    if path == "/empty":
        content = b""
    elif path == "/none":
        return b"HTTP/1.1 204 No Content\r\n\r\n"
    elif path == "/same":
        return b"HTTP/1.1 304 Not Modified\r\n\r\n"
    elif path == "/chunked":
        chunks = b"5\r\nabcde\r\n5\r\nfghij\r\n0\r\n\r\n"
        return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
    elif path == "/big":
        content = b"x" * 100_000
    elif path.startswith("/do/"):
        content = do(path.removeprefix("/do/"))
    elif path == "/tls":
        content = greet(b"\x16\x03\x01\x00\x05hello")
    elif path == "/garbage":
        content = greet(b"\x00\x01\x02\x03\r\n\r\n")
    head = f"HTTP/1.1 {ok}\r\nContent-Length: {len(content)}\r\n\r\n".encode()
    return head if method == "HEAD" else head + content


def greet(first):
    """What comes back for bytes that are not HTTP, sent to our own HTTP port through whatever stands before it."""
    peer = socket.create_connection(("127.0.0.1", 8090), timeout=5)
    peer.sendall(first)
    peer.shutdown(socket.SHUT_WR)
    return b"%d bytes" % len(peer.recv(100))


def http(connection):
    data = b""
    with connection:
        while True:
            while b"\r\n\r\n" not in data:
                more = connection.recv(65536)
                if not more:
                    return
                data += more
            head, _, data = data.partition(b"\r\n\r\n")
            method, path, version = head.split(b"\r\n")[0].decode().split(" ")
            length = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
            missing = int(length[0]) if length else 0
            while len(data) < missing:
                data += connection.recv(65536)
            data = data[missing:]
            if path == "/closes":
                return
            connection.sendall(answer(method, path.partition("?")[0], version))


def lines(connection):
    with connection:
        line = connection.recv(65536)
        if line.strip() != b"quiet":
            connection.sendall(b"said " + line)


def echo(connection):
    """Sends back whatever comes, in no protocol."""
    with connection:
        while data := connection.recv(65536):
            connection.sendall(data)


def serve(port, each):
    listener = socket.create_server(("127.0.0.1", port), backlog=64)

    def loop():
        while True:
            threading.Thread(target=each, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=loop, daemon=True).start()


def datagrams(server):
    while True:
        data, client = server.recvfrom(65536)
        server.sendto(data, client)


if os.environ.get("ECHO"):
    serve(8090, echo)
elif os.environ.get("CALLER"):
    serve(8070, http)
else:
    with open("/tmp/odd.map", "wb") as file:
        file.truncate(4096)
    packets = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    packets.bind(("127.0.0.1", 7001))
    threading.Thread(target=datagrams, args=(packets,), daemon=True).start()
    serve(7000, lines)
    # Last, as it is what readiness looks at.
    serve(8080, http)
threading.Event().wait()
