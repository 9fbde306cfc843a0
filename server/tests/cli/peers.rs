//! `to=`, `port=` and `path=` on sockets: calls to one peer fail, those to others do not.

use super::harness::Place;

/// A client that connects to what it is asked for, over two servers.
const CLIENT: &str = r#"
program = """
import socket
def dial(family, address, kind = socket.SOCK_STREAM):
    with socket.socket(family, kind) as s:
        s.settimeout(5)
        s.connect(address)
        return "connected"
def act(line):
    what, port = line.split()
    port = int(port) if port.isdigit() else port
    if what == "v4":
        return dial(socket.AF_INET, ("127.0.0.1", port))
    if what == "v6":
        return dial(socket.AF_INET6, ("::1", port))
    if what == "mapped":
        return dial(socket.AF_INET6, ("::ffff:127.0.0.1", port))
    if what == "any":
        return dial(socket.AF_INET, ("0.0.0.0", port))
    if what == "unix":
        return dial(socket.AF_UNIX, port)
    if what == "abstract":
        return dial(socket.AF_UNIX, chr(0) + port)
    if what == "look-up":
        return len(socket.getaddrinfo("redis", port, type = socket.SOCK_STREAM))
    if what == "name":
        with socket.create_connection(("redis", port), timeout = 5) as s:
            return s.family.name
    if what == "sendto":
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            return s.sendto(b"x", ("127.0.0.1", port))
    if what == "sendmsg":
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            return s.sendmsg([b"x"], [], 0, ("127.0.0.1", port))
    if what == "bind":
        with socket.socket() as s:
            s.bind(("127.0.0.1", port))
            return "bound"
    if what == "fastopen":
        with socket.socket() as s:
            s.sendto(b"x", socket.MSG_FASTOPEN, ("127.0.0.1", port))
            return "connected"
def safe(line):
    try:
        return act(line)
    except OSError as e:
        return e.errno
listening = socket.socket(socket.AF_UNIX)
listening.bind("/tmp/fb-peer.sock")
listening.listen()
named = socket.socket(socket.AF_UNIX)
named.bind(chr(0) + "fb-peer")
named.listen()
s = socket.create_server(("127.0.0.1", 7000))
while True:
    c, _ = s.accept()
    line = c.recv(100).decode().strip()
    if line:
        c.sendall((str(safe(line)) + chr(10)).encode())
    c.close()
"""
echo = """
import socket, sys
s = socket.create_server(("::", int(sys.argv[1])), family = socket.AF_INET6, dualstack_ipv6 = True)
while True:
    c, _ = s.accept()
    c.close()
"""
redis = service("redis", "python3", interface("main", "tcp", 6379), args = ["-c", echo, "6379"],
    healthcheck = tcp("localhost:6379"))
other = service("other", "python3", interface("main", "tcp", 6380), args = ["-c", echo, "6380"],
    healthcheck = tcp("localhost:6380"))
client = service("client", "python3", interface("main", "tcp", 7000), args = ["-c", program],
    depends_on = [redis, other], healthcheck = tcp("localhost:7000"))
def ask(line):
    return client.main.send(line)
"#;

fn passes(spec: &str) {
    for place in
        [Place::new(&format!("{CLIENT}{spec}")), Place::new(&format!("{CLIENT}{spec}")).run_by_nobody()]
    {
        place.test(&[]).expect(0, &[" 0 failed"]);
    }
}

/// glibc sorts the addresses of a name by connecting sockets for datagrams to them, which is no connection.
#[test]
fn looking_up_a_name_connects_to_nobody() {
    passes(
        r#"
def test_look_up():
    def during():
        assert_eq(ask("look-up 6379"), "2")
    for peer in [{"to": redis.main}, {"port": 6379}, {}]:
        fault(client, connect = deny("ECONNREFUSED", **peer), run = during, may_miss = True)
        fault(client, connect = deny("ECONNREFUSED", nth = 1, **peer), run = lambda: assert_eq(ask("v4 6379"), "111"))
def test_name():
    families = []
    def during():
        families.append(ask("name 6379"))
    fault(client, connect = deny("ECONNREFUSED", to = redis.main, nth = 1), run = during)
    families.append(ask("name 6379"))
    assert_true(families[0] != families[1])
    fault(client, connect = deny("ECONNREFUSED", to = redis.main), run = lambda: assert_eq(ask("name 6379"), "111"))
"#,
    );
}

#[test]
fn connections_to_one_interface_fail_in_every_family_of_addresses() {
    passes(
        r#"
def test_to():
    def during():
        for how in ["v4", "v6", "mapped", "any"]:
            assert_eq(ask(how + " 6379"), "111")
            assert_eq(ask(how + " 6380"), "connected")
        assert_eq(ask("unix /tmp/fb-peer.sock"), "connected")
    fault(client, connect = deny("ECONNREFUSED", to = redis.main), run = during)
    assert_eq(ask("v4 6379"), "connected")
def test_port():
    def during():
        assert_eq(ask("v6 6380"), "101")
        assert_eq(ask("v6 6379"), "connected")
        assert_eq(ask("fastopen 6380"), "101")
    fault(client, connect = deny("ENETUNREACH", port = 6380), run = during)
def test_sendto():
    def during():
        assert_eq(ask("sendto 5353"), "101")
        assert_eq(ask("sendmsg 5353"), "101")
        assert_eq(ask("sendto 5354"), "1")
    fault(client, sendto = deny("ENETUNREACH", port = 5353), run = during)
    fault(client, sendto = deny("ENETUNREACH", to = redis.main), run = lambda: assert_eq(ask("sendto 6379"), "101"))
def test_bind():
    def during():
        assert_eq(ask("bind 8123"), "98")
        assert_eq(ask("bind 8124"), "bound")
    fault(client, bind = deny("EADDRINUSE", port = 8123), run = during)
def test_unix():
    def during():
        assert_eq(ask("unix /tmp/fb-peer.sock"), "111")
        assert_eq(ask("abstract fb-peer"), "connected")
        assert_eq(ask("v4 6379"), "connected")
    fault(client, connect = deny("ECONNREFUSED", path = "/tmp/fb-*.sock"), run = during)
    fault(client, connect = deny("ECONNREFUSED", path = "@fb-peer"), run = lambda: assert_eq(ask("abstract fb-peer"), "111"))
"#,
    );
}
