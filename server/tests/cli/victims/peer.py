"""A service that does on its sockets what a line asks: `peer.py PORT` evaluates lines it gets there.

Every answer is text that does not depend on where the services live, so that a test can compare it with and without
rules."""
import array, errno, os, socket, sys, threading

kept = {}
ANY = {socket.AF_INET: "0.0.0.0", socket.AF_INET6: "::"}


def plain(host):
    return host.removeprefix("::ffff:")


def name_of(error):
    return errno.errorcode.get(error.errno, type(error).__name__) if error.errno else type(error).__name__


def forever(act):
    threading.Thread(target=act, daemon=True).start()


def family(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET


# --- servers ---

def opened(kind, host, port, only=None, group=False):
    s = socket.socket(family(host), kind)
    if kind == socket.SOCK_STREAM:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if group:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if only is not None:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
    s.bind((host, port))
    return s


def greet(s):
    """Tells each client its own address and the one it reached, until the socket is closed."""
    while True:
        try:
            c, peer = s.accept()
        except OSError:
            return
        c.sendall(f"{plain(peer[0])}>{plain(c.getsockname()[0])}".encode())
        c.close()


def listen(host, port, only=None, group=False, key=None):
    s = opened(socket.SOCK_STREAM, host, port, only, group)
    s.listen(16)
    kept.setdefault((host, port) if key is None else key, []).append(s)
    forever(lambda: greet(s))
    return s.getsockname()[1]


def in_child(act):
    """What `act` gives in a child process, which lives on."""
    read, write = os.pipe()
    if os.fork() == 0:
        os.write(write, str(act()).encode())
        threading.Event().wait()
    return os.read(read, 100).decode()


def hold(host, port):
    """Listens for one connection, greets it and sends back what comes there, whatever becomes of the listening socket."""
    s = opened(socket.SOCK_STREAM, host, port)
    s.listen(1)
    kept["holding"] = [s]

    def answer():
        c, _ = s.accept()
        c.sendall(b"hello")
        while part := c.recv(2048):
            c.sendall(part)

    forever(answer)


def close(key):
    for s in kept.pop(key):
        # Wakes the thread that accepts.
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        s.close()


def receive(host, port, only=None, group=False):
    s = opened(socket.SOCK_DGRAM, host, port, only, group)
    kept[("udp", host, port)] = [s]

    def answer():
        while True:
            data, peer = s.recvfrom(2048)
            s.sendto(plain(peer[0]).encode(), peer)

    forever(answer)
    return s.getsockname()[1]


# --- clients ---

def reach(host, port, source=None):
    """What a TCP server says, or why it says nothing."""
    try:
        with socket.create_connection((host, port), timeout=5, source_address=source and (source, 0)) as s:
            return s.recv(200).decode()
    except OSError as error:
        return name_of(error)


def ask(host, port, source=None):
    """What a UDP server says. A refusal comes back as an ICMP message."""
    with socket.socket(family(host), socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        try:
            if source:
                s.bind((source, 0))
            s.connect((host, port))
            s.send(b"hello")
            return s.recv(200).decode()
        except OSError as error:
            return name_of(error)


def once_refused(host, port, way=reach):
    """Tries until nobody answers any more, and gives the last answer."""
    for _ in range(1000):
        said = way(host, port)
        if said == "ECONNREFUSED":
            break
    return said


# --- Unix sockets ---

def unix(kind, name, act):
    s = socket.socket(socket.AF_UNIX, kind)
    s.bind(name)
    if kind != socket.SOCK_DGRAM:
        s.listen(5)
    kept[name] = [s]
    forever(lambda: act(s))


def double(s):
    """Sends back everything twice once the client has said all it has to say."""
    c, _ = s.accept()
    data = b""
    while part := c.recv(65536):
        data += part
    c.sendall(data * 2)
    c.close()


def hand_out(s):
    """Says who connected, and gives a descriptor away."""
    c, _ = s.accept()
    pid, uid, _gid = array.array("i", c.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    read, write = os.pipe()
    os.write(write, b"through the pipe")
    socket.send_fds(c, [f"{pid} {uid}".encode()], [read])
    c.close()


def echo_datagrams(s):
    while True:
        data, peer = s.recvfrom(2048)
        s.sendto(data.upper(), peer)


def ask_twice(kind, name, size):
    with socket.socket(socket.AF_UNIX, kind) as s:
        s.settimeout(5)
        s.connect(name)
        data = os.urandom(size)
        forever(lambda: (s.sendall(data), s.shutdown(socket.SHUT_WR)))
        back = b""
        while part := s.recv(65536):
            back += part
        return back == data * 2


def take_descriptor(name):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(5)
        s.connect(name)
        who, fds, _, _ = socket.recv_fds(s, 100, 1)
        said = os.read(fds[0], 100).decode()
        return f"{who == f'{os.getpid()} {os.getuid()}'.encode()} {said}"


def ask_by_datagram(name):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.bind("")
        s.sendto(b"hello", name)
        return s.recv(100).decode()


def made_sockets():
    """Kind, protocol, flags and inheritance of sockets, and what is refused."""
    import fcntl, resource

    def made(kind, protocol=0):
        fd = -1
        try:
            fd = libc.socket(socket.AF_UNIX, kind, protocol)
            if fd < 0:
                return errno.errorcode[ctypes.get_errno()]
            s = socket.socket(fileno=os.dup(fd))
            flags = fcntl.fcntl(fd, fcntl.F_GETFL) & ~os.O_RDWR
            closes = bool(fcntl.fcntl(fd, fcntl.F_GETFD) & fcntl.FD_CLOEXEC)
            real = s.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE)
            return f"{real} {s.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL)} {oct(flags)} {closes}"
        finally:
            if fd >= 0:
                os.close(fd)

    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    stream, datagram, packet, raw = (
        socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET, socket.SOCK_RAW)
    found = [
        made(stream | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK), made(datagram | socket.SOCK_NONBLOCK),
        made(packet | socket.SOCK_CLOEXEC), made(raw), made(stream, 6), made(7)]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    found.append(made(stream))
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return "; ".join(found)


# --- the line ---

def serve(c):
    with c:
        line = c.makefile("r").readline()
        if not line:
            return
        try:
            said = str(eval(line, globals()))
        except OSError as error:
            said = name_of(error)
        except Exception as error:
            said = repr(error)
        c.sendall(said.encode() + b"\n")


if __name__ == "__main__":
    control = socket.create_server((sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1", int(sys.argv[1])))
    while True:
        client, _ = control.accept()
        forever(lambda client=client: serve(client))
