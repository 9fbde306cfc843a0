//! Names inside a test: what programs of many kinds are told of a service, and of a name that nothing declares. The word
//! for a name that does not exist tells it from one that nobody answered for.

use super::harness::{NOBODY, Place, has, is_root, skip};
use std::path::Path;
use std::process::{Command, Stdio};

/// A service to look up, and one that runs commands which look it up. `@TESTS@` stands for them.
const SPEC: &str = r#"
db = service("db", "$BIN/mock-db", interface("main", "tcp", 5432), healthcheck = tcp("localhost:5432"))
asker = service("asker", "python3", interface("main", "tcp", 7000), args = ["asker.py", "7000"], depends_on = [db],
    healthcheck = tcp("localhost:7000"))
def says(command, line):
    assert_eq(asker.main.send(command, timeout = "30s"), line)
@TESTS@
"#;

fn place(tests: &str) -> Place {
    let place = Place::new(&SPEC.replace("@TESTS@", tests));
    for name in ["asker.py", "lookup.c", "lookup.py", "lookup.js", "lookup.go", "Lookup.java", "host.sh"] {
        place.write(name, source(name));
    }
    place
}

fn source(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/lookups").join(name);
    std::fs::read_to_string(path).expect("the program's source")
}

/// A test that looks up a service, and two names that nothing declares.
fn test(name: &str, command: &str) -> String {
    format!(
        "def test_{name}():\n    says(\"{command} DB nowhere.{name} nowhere\", \"127.0.0.1 none none\")\n"
    )
}

/// Makes a program in the place's folder.
fn compile(place: &Place, program: &str, arguments: &[&str]) {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(place.path("")).env("CGO_ENABLED", "1").env("GO111MODULE", "off");
    let output = command.output().expect("the compiler starts");
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Runs the test of a program as both users, and looks for the note about the unknown name.
fn check(name: &str, command: &str, prepare: impl Fn(&Place)) {
    for user in ["root", "nobody"] {
        let place = place(&test(name, command));
        prepare(&place);
        let place = if user == "nobody" { place.run_by_nobody() } else { place };
        let note = format!("note: asker asked for nowhere.{name}, which the spec does not declare");
        place.test(&[]).expect(0, &["1 passed, 0 failed", &note]);
    }
}

#[test]
fn glibc() {
    if has("gcc") {
        check("glibc", "./lookup", |place| compile(place, "gcc", &["-o", "lookup", "lookup.c"]));
    }
}

#[test]
fn musl() {
    if has("musl-gcc") {
        check("musl", "./lookup", |place| {
            compile(place, "musl-gcc", &["-static", "-o", "lookup", "lookup.c"]);
        });
    }
}

#[test]
fn python() {
    check("python", "python3 lookup.py", |_| ());
}

#[test]
fn node() {
    if has("node") {
        check("lookup", "node lookup.js lookup", |_| ());
        check("resolve", "node lookup.js resolve4", |_| ());
    }
}

#[test]
fn go() {
    if has("go") && has("gcc") {
        let build = |place: &Place| compile(place, "go", &["build", "-o", "lookup", "lookup.go"]);
        check("pure", "GODEBUG=netdns=go ./lookup", build);
        check("cgo", "GODEBUG=netdns=cgo ./lookup", build);
    }
}

#[test]
fn java() {
    if has("javac") && has("java") {
        let build = |place: &Place| compile(place, "javac", &["Lookup.java"]);
        check("java", "java -Xshare:auto -XX:TieredStopAtLevel=1 Lookup", build);
    }
}

/// Every namespace of a leaf has its resolver, and the file of names.
#[test]
fn a_service_in_a_namespace_of_its_own() {
    let fault = r#"
def ask():
    return asker.main.send("python3 lookup.py db nowhere.example localhost", timeout = "30s")
slow = fault_assumption("slow", target = asker.main, rules = [delay(delay = "1ms")])
fault_scenario("apart", scenario = ask, faults = slow, expect = lambda r: assert_eq(r, "127.0.0.1 none 127.0.0.1"))
"#;
    let note = "asker asked for nowhere.example, which the spec does not declare";
    place(fault).test(&[]).expect(0, &["--- PASS: test_apart", note]);
}

/// A service that was looked up through a child of its own is named; names are reported once, whoever asks again.
#[test]
fn an_unknown_name_is_reported_once_with_who_asked() {
    let tests = r#"
other = service("other", "python3", interface("main", "tcp", 7001), args = ["asker.py", "7001"],
    healthcheck = tcp("localhost:7001"))
def test_both():
    says("python3 lookup.py nowhere.example Nowhere.Example", "none none")
    assert_eq(other.main.send("sh -c 'python3 lookup.py elsewhere.example; true'"), "none")
    assert_eq(other.main.send("python3 lookup.py nowhere.example"), "none")
"#;
    let ended = place(tests).test(&[]);
    ended.expect(0, &["note: asker asked for nowhere.example,", "note: other asked for elsewhere.example,"]);
    assert_eq!(
        ended.stdout.matches("asked for").count() + ended.stderr.matches("asked for").count(),
        2,
        "{ended}"
    );
}

/// A service of the spec that answers DNS itself, on any address, has the port, and names still mean services.
#[test]
fn a_service_may_have_port_53() {
    for (kind, address, protocol) in [
        ("SOCK_DGRAM", "127.0.0.1", "udp"),
        ("SOCK_DGRAM", "0.0.0.0", "udp"),
        ("SOCK_STREAM", "0.0.0.0", "tcp"),
        ("SOCK_STREAM", "127.0.0.1", "tcp"),
    ] {
        let tests = r#"
program = """
import socket
s = socket.socket(socket.AF_INET, socket.@KIND@)
s.bind(("@ADDRESS@", 53))
if s.type == socket.SOCK_STREAM:
    s.listen()
while True:
    if s.type == socket.SOCK_STREAM:
        c, _ = s.accept()
        c.recv(100)
        c.sendall(b"mine\\n")
        c.close()
    else:
        asked, peer = s.recvfrom(4096)
        s.sendto(b"mine\\n", peer)
"""
dns = service("dns", "python3", interface("main", "@PROTOCOL@", 53), args = ["-c", program])
def test_names():
    says("python3 ask.py @KIND@", "mine")
    says("python3 lookup.py db", "127.0.0.1")
"#;
        let tests =
            tests.replace("@KIND@", kind).replace("@ADDRESS@", address).replace("@PROTOCOL@", protocol);
        let place = place(&tests);
        // Asks until there is an answer: the service may not listen yet.
        place.write(
            "ask.py",
            "import socket, sys\nwhile True:\n    s = socket.socket(type = getattr(socket, sys.argv[1]))\n    \
             s.settimeout(1)\n    try:\n        s.connect(('127.0.0.1', 53))\n        s.send(b'?')\n        \
             print(s.recv(100).decode())\n        break\n    except OSError:\n        pass\n",
        );
        place.test(&[]).expect(0, &["1 passed, 0 failed", "dns.main has port 53"]);
    }
}

/// What a service finds of the host's daemons, after what it knows of names.
const DAEMONS: &str = r#"
daemons = """
import os, socket
def reach(path):
    with socket.socket(socket.AF_UNIX) as s:
        try:
            s.connect(path)
        except OSError as error:
            return type(error).__name__
        return "reached"
print(reach("/var/run/nscd/socket"), reach("/run/nscd/socket"), os.listdir("/run/systemd/resolve"), os.listdir("/run/avahi-daemon"))
"""
"#;

/// Daemons of the host that look names up are not asked, whatever the host's files say and whether they are there.
#[test]
fn daemons_of_the_host_answer_nothing() {
    let tools = ["nscd", "unshare", "setpriv", "gcc"].map(has);
    if !is_root() {
        return skip("it needs root");
    }
    if tools.contains(&false) {
        return;
    }
    let user = NOBODY.to_string();
    for variant in ["resolved", "dangling", "missing", "unreadable"] {
        for user in ["root", &user] {
            let place = place(&format!(
                "{DAEMONS}def test_names():\n    says(\"./lookup db nowhere.example\", \"127.0.0.1 none\")\n    \
                 assert_true(asker.main.send(\"python3 daemons.py\").startswith(\"FileNotFoundError FileNotFoundError [\"))\n"
            ));
            place.write("daemons.py", DAEMONS.split("\"\"\"").nth(1).expect("a program"));
            compile(&place, "gcc", &["-o", "lookup", "lookup.c"]);
            let program = env!("CARGO_BIN_EXE_faultbox");
            let run = |arguments: &[&str]| {
                let mut command = Command::new("unshare");
                command.args(["--mount", "--propagation", "private", "sh", "./host.sh", variant, user]);
                let command = command.args(arguments).current_dir(place.path("")).stdin(Stdio::null());
                let output = command
                    .env("NO_COLOR", "1")
                    .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
                    .output()
                    .expect("unshare starts");
                let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
                (output.status.success(), text(output.stdout) + &text(output.stderr))
            };
            // Outside of a test the daemon is there.
            let (_, outside) = run(&["python3", "daemons.py"]);
            assert!(outside.contains("reached reached"), "{variant} {user}: {outside}");
            let (passed, said) = run(&[program, "test", "spec.star"]);
            assert!(passed && said.contains("1 passed, 0 failed"), "{variant} {user}: {said}");
            assert!(!said.contains("cannot"), "{variant} {user}: {said}");
        }
    }
}

/// Without namespaces names are the host's, and nothing listens for them.
#[test]
fn on_the_host_names_are_the_hosts() {
    let port =
        std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address").port();
    let spec = format!(
        "asker = service(\"asker\", \"python3\", interface(\"main\", \"tcp\", {port}), args = [\"asker.py\", \"{port}\"],\n    \
         healthcheck = tcp(\"localhost:{port}\"))\n\
         def test_names():\n    assert_eq(asker.main.send(\"cmp /etc/hosts hosts && echo same\"), \"same\")\n"
    );
    let place = place("");
    place.write("spec.star", spec);
    place.write("hosts", std::fs::read("/etc/hosts").expect("/etc/hosts"));
    let ended = place.test(&["--isolation", "host"]);
    ended.expect(0, &["1 passed, 0 failed"]);
    assert!(!ended.stdout.contains("port 53"), "{ended}");
}
