//! Services reach each other as on one machine, also where rules keep one of them in a network namespace of its own:
//! every scenario gives the same text with and without rules.

use super::harness::{Place, finish};
use std::process::Stdio;

/// Three services that do what a line asks; with rules, `far` and `side` live apart from `near` and from each other.
const SERVICES: &str = r#"
def peer(name, port):
    return service(name, "python3", interface("main", "tcp", port), args = ["peer.py", str(port)],
        healthcheck = tcp("localhost:%d" % port))
far = peer("far", 7001)
near = peer("near", 7000)
side = peer("side", 7002)
def far_does(what):
    return far.main.send(what)
def near_does(what):
    return near.main.send(what)
def side_does(what):
    return side.main.send(what)
never = fault_assumption("never", target = far.main, rules = [drop(data = "never")], may_miss = True)
nor = fault_assumption("nor", target = side.main, rules = [drop(data = "never")], may_miss = True)
apart = fault_assumption("apart", faults = [never, nor], may_miss = True)
"#;

fn place(spec: &str) -> Place {
    let place = Place::new(&format!("{SERVICES}{spec}"));
    place.write("peer.py", include_str!("victims/peer.py"));
    place
}

/// Runs `scenario` of a spec without rules, with one service apart and with two; each must return `expected`.
#[track_caller]
fn same_everywhere(spec: &str, expected: &[&str]) {
    let text = format!(
        r#"{spec}
def compare(found):
    for one, other in zip(found, {expected:?}):
        assert_eq(one, other)
    assert_eq(len(found), {})
def test_together():
    compare(scenario())
fault_scenario("one_apart", scenario = scenario, faults = never, expect = compare)
fault_scenario("two_apart", scenario = scenario, faults = apart, expect = compare)
"#,
        expected.len()
    );
    for place in [place(&text), place(&text).run_by_nobody()] {
        place.test(&[]).expect(0, &["3 passed, 0 failed"]);
    }
}

/// One row per way to bind, one column per way to reach it.
const WAYS: &str = r#"
WAYS = [
    ("0.0.0.0", [("'0.0.0.0'", "")]),
    (":: for both", [("'::'", ", only=0")]),
    (":: alone", [("'::'", ", only=1")]),
    ("0.0.0.0 and ::", [("'0.0.0.0'", ""), ("'::'", ", only=1")]),
    ("127.0.0.1", [("'127.0.0.1'", "")]),
    ("::1", [("'::1'", "")]),
    ("both loopbacks", [("'127.0.0.1'", ""), ("'::1'", "")]),
    ("127.0.0.2", [("'127.0.0.2'", "")]),
    ("mapped", [("'::ffff:127.0.0.1'", ", only=0")]),
    ("group", [("'0.0.0.0'", ", group=True"), ("'0.0.0.0'", ", group=True"), ("'::'", ", only=0, group=True")]),
]
HOSTS = ["127.0.0.1", "::1", "127.0.0.2", "::ffff:127.0.0.1"]
"#;

#[test]
fn every_way_to_listen_is_reached_and_refused_as_on_one_machine() {
    let spec = r#"
def scenario():
    rows = []
    port = 30000
    for name, sockets in WAYS:
        for first, port in [("far", port), ("near", port + 1)]:
            for host, how in sockets:
                line = "listen(%s, %d%s)" % (host, port, how)
                (far_does if first == "far" else near_does)(line)
            does = near_does if first == "far" else far_does
            rows.append(name + ": " + " ".join([does("reach('%s', %d)" % (host, port)) for host in HOSTS]))
        port += 1
    return rows
"#;
    let rows = [
        ("0.0.0.0", "127.0.0.1>127.0.0.1 ECONNREFUSED 127.0.0.1>127.0.0.2 127.0.0.1>127.0.0.1"),
        (":: for both", "127.0.0.1>127.0.0.1 ::1>::1 127.0.0.1>127.0.0.2 127.0.0.1>127.0.0.1"),
        (":: alone", "ECONNREFUSED ::1>::1 ECONNREFUSED ECONNREFUSED"),
        ("0.0.0.0 and ::", "127.0.0.1>127.0.0.1 ::1>::1 127.0.0.1>127.0.0.2 127.0.0.1>127.0.0.1"),
        ("127.0.0.1", "127.0.0.1>127.0.0.1 ECONNREFUSED ECONNREFUSED 127.0.0.1>127.0.0.1"),
        ("::1", "ECONNREFUSED ::1>::1 ECONNREFUSED ECONNREFUSED"),
        ("both loopbacks", "127.0.0.1>127.0.0.1 ::1>::1 ECONNREFUSED 127.0.0.1>127.0.0.1"),
        ("127.0.0.2", "ECONNREFUSED ECONNREFUSED 127.0.0.1>127.0.0.2 ECONNREFUSED"),
        ("mapped", "127.0.0.1>127.0.0.1 ECONNREFUSED ECONNREFUSED 127.0.0.1>127.0.0.1"),
        ("group", "127.0.0.1>127.0.0.1 ::1>::1 127.0.0.1>127.0.0.2 127.0.0.1>127.0.0.1"),
    ];
    let expected: Vec<String> =
        rows.iter().flat_map(|(name, row)| [(); 2].map(|()| format!("{name}: {row}"))).collect();
    same_everywhere(&format!("{WAYS}{spec}"), &expected.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn every_way_to_receive_datagrams_too() {
    // 127.0.0.2 is left out where a socket of any address answers: its answer comes from 127.0.0.1 (udp(7)), and a
    // connected client does not take it.
    let spec = r#"
def scenario():
    rows = []
    port = 31000
    for name, sockets in WAYS:
        port += 1
        hosts = HOSTS if name in ("127.0.0.1", "::1", "both loopbacks", "127.0.0.2", "mapped") else [HOSTS[0], HOSTS[1], HOSTS[3]]
        for host, how in sockets:
            far_does("receive(%s, %d%s)" % (host, port, how))
        rows.append(name + ": " + " ".join([near_does("ask('%s', %d)" % (host, port)) for host in hosts]))
    return rows
"#;
    let rows = [
        ("0.0.0.0", "127.0.0.1 ECONNREFUSED 127.0.0.1"),
        (":: for both", "127.0.0.1 ::1 127.0.0.1"),
        (":: alone", "ECONNREFUSED ::1 ECONNREFUSED"),
        ("0.0.0.0 and ::", "127.0.0.1 ::1 127.0.0.1"),
        ("127.0.0.1", "127.0.0.1 ECONNREFUSED ECONNREFUSED 127.0.0.1"),
        ("::1", "ECONNREFUSED ::1 ECONNREFUSED ECONNREFUSED"),
        ("both loopbacks", "127.0.0.1 ::1 ECONNREFUSED 127.0.0.1"),
        ("127.0.0.2", "ECONNREFUSED ECONNREFUSED 127.0.0.1 ECONNREFUSED"),
        ("mapped", "127.0.0.1 ECONNREFUSED ECONNREFUSED 127.0.0.1"),
        ("group", "127.0.0.1 ::1 127.0.0.1"),
    ];
    let expected: Vec<String> = rows.iter().map(|(name, row)| format!("{name}: {row}")).collect();
    same_everywhere(&format!("{WAYS}{spec}"), &expected.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn a_port_is_reached_as_soon_as_its_service_knows_it() {
    let spec = r#"
def scenario():
    good = 0
    for n in range(20):
        port = int(far_does("listen('127.0.0.1', 0, key=%d)" % n))
        good += int(near_does("reach('127.0.0.1', %d)" % port) == "127.0.0.1>127.0.0.1")
        port = int(far_does("receive('127.0.0.1', 0)"))
        good += int(near_does("ask('127.0.0.1', %d)" % port) == "127.0.0.1")
        port = int(near_does("listen('::1', 0, key=%d)" % n))
        good += int(far_does("reach('::1', %d)" % port) == "::1>::1")
        port = int(far_does("in_child(lambda: listen('127.0.0.1', 0))"))
        good += int(near_does("reach('127.0.0.1', %d)" % port) == "127.0.0.1>127.0.0.1")
    return ["%d of 80" % good]
"#;
    same_everywhere(spec, &["80 of 80"]);
}

#[test]
fn ports_that_two_services_are_given_never_meet() {
    let spec = r#"
def scenario():
    far_does("[listen('127.0.0.1', 0, key=n) for n in range(100)]")
    near_does("[receive('127.0.0.1', 0) for n in range(100)]")
    near_does("[listen('127.0.0.1', 0, key=n) for n in range(100)]")
    said = []
    for first, second in [(far_does, near_does), (near_does, far_does)]:
        ports = first("[s.getsockname()[1] for n in range(100) for s in kept[n]]")
        said.append(second("sum(reach('127.0.0.1', port) == '127.0.0.1>127.0.0.1' for port in %s)" % ports))
    return said
"#;
    same_everywhere(spec, &["100", "100"]);
}

#[test]
fn a_client_keeps_its_own_address() {
    let spec = r#"
def scenario():
    far_does("listen('0.0.0.0', 9001)")
    far_does("listen('::', 9002)")
    far_does("receive('0.0.0.0', 9001)")
    far_does("receive('::', 40000)")
    return [near_does(line) for line in [
        "reach('127.0.0.1', 9001, source='127.0.0.77')",
        "reach('127.0.0.1', 9002, source='127.0.0.77')",
        "reach('::1', 9002)",
        "ask('127.0.0.1', 9001, source='127.0.0.77')",
        "ask('127.0.0.1', 40000, source='127.0.0.77')",
        "ask('::1', 40000)",
    ]]
"#;
    same_everywhere(
        spec,
        &["127.0.0.77>127.0.0.1", "127.0.0.77>127.0.0.1", "::1>::1", "127.0.0.77", "127.0.0.77", "::1"],
    );
}

#[test]
fn a_closed_port_refuses_and_its_connections_go_on() {
    let spec = r#"
def scenario():
    said = []
    far_does("listen('127.0.0.1', 9001)")
    far_does("hold('127.0.0.1', 9002)")
    near_does("kept.update(held=socket.create_connection(('127.0.0.1', 9002), timeout=5))")
    near_does("kept['held'].recv(5)")
    far_does("close(('127.0.0.1', 9001))")
    far_does("close('holding')")
    said.append(near_does("once_refused('127.0.0.1', 9001)"))
    said.append(near_does("once_refused('127.0.0.1', 9002)"))
    # The connection that was made before is still there.
    said.append(near_does("(kept['held'].sendall(b'still here'), kept['held'].recv(100).decode())[1]"))
    # A port that is opened again is reached again, also in another family.
    far_does("listen('127.0.0.1', 9001)")
    far_does("listen('::1', 9002)")
    said.append(near_does("reach('127.0.0.1', 9001)"))
    said.append(near_does("reach('::1', 9002)"))
    said.append(near_does("reach('127.0.0.1', 9002)"))
    far_does("receive('127.0.0.1', 9003)")
    said.append(near_does("ask('127.0.0.1', 9003)"))
    far_does("close(('udp', '127.0.0.1', 9003))")
    said.append(near_does("once_refused('127.0.0.1', 9003, ask)"))
    return said
"#;
    same_everywhere(
        spec,
        &[
            "ECONNREFUSED",
            "ECONNREFUSED",
            "still here",
            "127.0.0.1>127.0.0.1",
            "::1>::1",
            "ECONNREFUSED",
            "127.0.0.1",
            "ECONNREFUSED",
        ],
    );
}

#[test]
fn abstract_unix_sockets_are_the_same_for_all() {
    let spec = r#"
def scenario():
    said = []
    for first, second in [(far_does, near_does), (near_does, far_does), (far_does, side_does)]:
        first("unix(socket.SOCK_STREAM, '\\0stream', double)")
        first("unix(socket.SOCK_SEQPACKET, '\\0packets', double)")
        first("unix(socket.SOCK_STREAM, '\\0descriptors', hand_out)")
        first("unix(socket.SOCK_DGRAM, '\\0datagrams', echo_datagrams)")
        first("unix(socket.SOCK_STREAM, '/tmp/by-path', double)")
        said.append(second("ask_twice(socket.SOCK_STREAM, '\\0stream', 300000)"))
        said.append(second("ask_twice(socket.SOCK_SEQPACKET, '\\0packets', 3000)"))
        said.append(second("take_descriptor('\\0descriptors')"))
        said.append(second("ask_by_datagram('\\0datagrams')"))
        said.append(second("ask_twice(socket.SOCK_STREAM, '/tmp/by-path', 3000)"))
        said.append(second("ask_twice(socket.SOCK_STREAM, '\\0nobody', 1)"))
        for name in ["\\0stream", "\\0packets", "\\0descriptors", "\\0datagrams", "/tmp/by-path"]:
            first("close('%s')" % name)
        first("os.unlink('/tmp/by-path')")
    return said
"#;
    let one = ["True", "True", "True through the pipe", "HELLO", "True", "ECONNREFUSED"];
    same_everywhere(spec, &[one; 3].concat());
}

#[test]
fn a_unix_socket_is_made_as_it_was_asked_for() {
    let spec = r#"
def scenario():
    return far_does("made_sockets()").split("; ")
"#;
    same_everywhere(
        spec,
        &[
            "1 0 0o4000 True",
            "2 0 0o4000 False",
            "5 0 0o0 True",
            "2 0 0o0 False",
            "EPROTONOSUPPORT",
            "ESOCKTNOSUPPORT",
            "EMFILE",
        ],
    );
}

/// Also where a process may have no more than the usual 1024 descriptors, which services go on to see. Each `accept` that
/// waits takes a number of its own.
#[test]
fn a_thousand_ports_are_reached() {
    let spec = r#"
def scenario():
    far_does("[listen('127.0.0.1', 20000 + n) for n in range(400)]")
    for first in [20400, 20700]:
        far_does("in_child(lambda: [listen('127.0.0.1', %d + n) for n in range(300)] and 1)" % first)
    limit = far_does("__import__('resource').getrlimit(7)[0]")
    reached = "sum(reach('127.0.0.1', 20000 + n) == '127.0.0.1>127.0.0.1' for n in range(%d, %d))"
    return [near_does(reached % (first, first + 100)) for first in range(0, 1000, 100)] + [limit]
fault_scenario("apart", scenario = scenario, faults = never, expect = lambda r: assert_eq(r, ["100"] * 10 + ["1024"]), timeout = "4m")
"#;
    let place = place(spec);
    let command = place.command(&["test", "spec.star"]);
    let limited = format!("ulimit -S -n 1024; exec {:?} test spec.star", command.get_program());
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &limited]).current_dir(place.path("")).env("NO_COLOR", "1");
    shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(shell.spawn().expect("a shell")).expect(0, &["1 passed"]);
}

#[test]
fn a_service_may_listen_on_any_loopback_address_and_in_either_family() {
    let spec = r#"
def scenario():
    return [a.main.send("'a'"), b.main.send("'b'"), c.main.send("hello").body, d.main.send("hello").body]
def test_together():
    assert_eq(scenario(), ["a", "b", "127.0.0.1", "::1"])
at_a = fault_assumption("at_a", target = a.main, rules = [drop(data = "never")], may_miss = True)
at_b = fault_assumption("at_b", target = b.main, rules = [drop(data = "never")], may_miss = True)
at_c = fault_assumption("at_c", target = c.main, rules = [drop(data = "never")], may_miss = True)
at_d = fault_assumption("at_d", target = d.main, rules = [drop(data = "never")], may_miss = True)
fault_scenario("apart", scenario = scenario, faults = [at_a, at_b, at_c, at_d],
    expect = lambda r: assert_eq(r, ["a", "b", "127.0.0.1", "::1"]))
def refused(fault_of, endpoint):
    return fault(endpoint, drop(), run = lambda: endpoint.send("hello", timeout = "300ms")).ok
def test_rules_act():
    assert_eq([refused(c, c.main), refused(d, d.main)], [False, False])
"#;
    let services = r#"
def at(name, port, host):
    return service(name, "python3", interface("main", "tcp", port), args = ["peer.py", str(port), host], healthcheck = ready())
a = at("a", 7100, "127.0.0.2")
b = at("b", 7101, "127.99.0.1")
def by_datagram(name, port, host):
    program = "import peer, sys; peer.receive(sys.argv[1], int(sys.argv[2])); peer.threading.Event().wait()"
    return service(name, "python3", interface("main", "udp", port), args = ["-c", program, host, str(port)], healthcheck = ready())
c = by_datagram("c", 7102, "127.0.0.3")
d = by_datagram("d", 40103, "::1")
"#;
    let place = Place::new(&format!("{services}{spec}"));
    place.write("peer.py", include_str!("victims/peer.py"));
    place.test(&[]).expect(0, &["3 passed"]);
}

/// Programs that gain privileges keep doing so below the filter (`no_new_privs` of prctl(2)), and have no filter at all
/// where there is nothing to tell of.
#[test]
fn services_are_filtered_only_where_they_live_apart_and_keep_their_privileges() {
    let spec = r#"
def status(does):
    return does("' '.join(line.split()[1] for line in open('/proc/self/status') if line.startswith(('NoNewPrivs', 'Seccomp:')))")
def test_together():
    assert_eq([status(far_does), status(near_does)], ["0 0", "0 0"])
fault_scenario("apart", scenario = lambda: [status(far_does), status(near_does)], faults = never,
    expect = lambda r: assert_eq(r, ["0 2", "0 2"]))
"#;
    for place in [place(spec), place(spec).run_by_nobody()] {
        place.test(&[]).expect(0, &["2 passed"]);
    }
}

#[test]
fn rules_on_the_same_calls_act_first() {
    let spec = r#"
taken = fault_assumption("taken", target = far, listen = deny("EADDRINUSE"))
late = fault_assumption("late", target = far, bind = delay("100ms"))
deaf = fault_assumption("deaf", target = far, socket = deny("EMFILE"))
fault_scenario("denied", scenario = lambda: far_does("listen('127.0.0.1', 9001)"), faults = [taken, never],
    expect = lambda r: assert_eq(r, "EADDRINUSE"))
def later():
    far_does("receive('127.0.0.1', 9001)")
    return near_does("ask('127.0.0.1', 9001)")
fault_scenario("delayed", scenario = later, faults = [late, never], expect = lambda r: assert_eq(r, "127.0.0.1"))
fault_scenario("no_socket", scenario = lambda: far_does("unix(socket.SOCK_STREAM, '\\0x', double)"), faults = [deaf, never],
    expect = lambda r: assert_eq(r, "EMFILE"))
"#;
    for place in [place(spec), place(spec).run_by_nobody()] {
        place.test(&[]).expect(0, &["3 passed"]);
    }
}
