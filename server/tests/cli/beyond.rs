//! Calls that no rule can act on, or cannot know enough about: the evidence says so, as root and as an ordinary user.

use super::families::compile;
use super::harness::{Place, has};

/// A service that runs a Python program's `act(text)` for every line it gets.
const ON_DEMAND: &str = r#"
program = """
import ctypes, os, socket, subprocess, sys
libc = ctypes.CDLL(None, use_errno = True)
@ACT@
s = socket.create_server(("127.0.0.1", 7000))
while True:
    c, _ = s.accept()
    line = c.recv(100).decode().strip()
    if line:
        c.sendall((str(act(line)) + chr(10)).encode())
    c.close()
"""
victim = service("victim", "python3", interface("main", "tcp", 7000), args = ["-c", program],
    healthcheck = tcp("localhost:7000"))
def go(what = "go"):
    return victim.main.send(what)
"#;

fn place(act: &str, spec: &str) -> Place {
    Place::new(&format!("{}{spec}", ON_DEMAND.replace("@ACT@", act)))
}

const UNDUMPABLE: &str = "
def act(line):
    if line == 'hide':
        return libc.prctl(4, 0, 0, 0, 0)
    try:
        fd = os.open('/tmp/fb-hidden', os.O_WRONLY | os.O_CREAT)
        os.write(fd, b'x')
        return 'written'
    except OSError as e:
        return e.errno";

const HIDDEN: &str = r#"
def hidden():
    go("hide")
    return go("write")
on_path = fault_assumption("on_path", target = victim, write = deny("EIO", path = "/tmp/fb-hidden"))
fault_scenario("path", scenario = hidden, faults = on_path, expect = lambda r: assert_eq(r, "@PATH@"))
opened = fault_assumption("opened", target = victim, open = deny("EIO", path = "/tmp/fb-hidden"))
fault_scenario("opened", scenario = hidden, faults = opened, expect = lambda r: assert_eq(r, "@PATH@"))
anywhere = fault_assumption("anywhere", target = victim, openat = deny("EIO"))
fault_scenario("anywhere", scenario = hidden, faults = anywhere, expect = lambda r: assert_eq(r, "5"))
"#;

/// After PR_SET_DUMPABLE 0 only root may look into a process. In the namespaces of a test that is who looks.
#[test]
fn a_process_that_forbids_it_is_read_in_a_sandbox() {
    for place in [
        place(UNDUMPABLE, &HIDDEN.replace("@PATH@", "5")),
        place(UNDUMPABLE, &HIDDEN.replace("@PATH@", "5")).run_by_nobody(),
    ] {
        place.test(&[]).expect(0, &["3 passed, 0 failed"]);
    }
}

/// On the host an ordinary user may not look. The fault is not carried out, and the evidence says why.
#[test]
fn an_ordinary_user_cannot_look_into_a_process_that_forbids_it() {
    let place = place(UNDUMPABLE, &HIDDEN.replace("@PATH@", "written")).run_by_nobody();
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let port = port.expect("a free port").port().to_string();
    let text = std::fs::read_to_string(place.path("spec.star")).expect("the spec").replace("7000", &port);
    place.write("spec.star", text.replace("/tmp/fb-hidden", &place.path("hidden").display().to_string()));
    let ended = place.test(&["--isolation", "host"]);
    let why =
        "only root may look into the process (PR_SET_DUMPABLE 0, or a program file without read permission)";
    ended.expect(
        2,
        &[
            "--- BYPASSED: test_path",
            "--- BYPASSED: test_opened",
            &format!("its file is not known: {why}"),
            &format!("passed unfaulted: what the call acts on is not known: {why}"),
            "--- PASS: test_anywhere",
        ],
    );
    assert!(!ended.stdout.contains("nothing reached"), "{ended}");
}

#[test]
fn what_is_counted_is_said_beside_what_fired() {
    let act = "
def act(line):
    fd = os.open('/tmp/fb-mapped', os.O_RDWR | os.O_CREAT)
    os.ftruncate(fd, 4096)
    import mmap
    mapped = mmap.mmap(fd, 4096)
    mapped[0:4] = b'data'
    os.sync()
    try:
        os.write(fd, b'x')
    except OSError as e:
        return e.errno";
    let ended = place(
        act,
        r#"
broken = fault_assumption("broken", target = victim, write = deny("EIO", path = "/tmp/fb-mapped", after = 1),
    fsync = delay("1ms", path = "/tmp/fb-mapped"))
elsewhere = fault_assumption("elsewhere", target = victim, write = deny("EIO", path = "/tmp/fb-elsewhere"))
fault_scenario("mapped", scenario = go, faults = broken, expect = lambda r: assert_eq(r, "5"))
fault_scenario("others", scenario = go, faults = elsewhere, may_miss = True, expect = lambda r: assert_eq(r, "None"))
"#,
    )
    .test(&[]);
    ended.expect(
        0,
        &[
            "fired 1x; 1 call passed unfaulted: a file mapped with mmap is written without calls",
            "1 call passed unfaulted: sync returns no error",
        ],
    );
    let elsewhere = ended.stdout.lines().find(|line| line.contains("elsewhere ")).expect("its line");
    assert!(!elsewhere.contains("mmap"), "{elsewhere}");
}

/// A mapping made before the rule is there still writes to the file.
#[test]
fn a_mapping_made_at_the_start_is_remembered() {
    let act = "
import mmap
fd = os.open('/tmp/fb-early', os.O_RDWR | os.O_CREAT)
os.ftruncate(fd, 4096)
mapped = mmap.mmap(fd, 4096)
def act(line):
    mapped[0:4] = b'data'
    return 'stored'";
    place(
        act,
        r#"
broken = fault_assumption("broken", target = victim, write = deny("EIO", path = "/tmp/fb-early"))
fault_scenario("early", scenario = go, faults = broken, expect = lambda r: assert_eq(r, "stored"))
"#,
    )
    .test(&[])
    .expect(
        2,
        &[
            "--- BYPASSED: test_early",
            "nothing it could act on reached victim",
            "1 call passed unfaulted: a file mapped with mmap is written without calls",
        ],
    );
}

#[test]
fn a_ring_is_refused_and_said_so() {
    let act = "
parameters = ctypes.create_string_buffer(256)
first = libc.syscall(425, 4, parameters)
error = ctypes.get_errno()
def act(line):
    try:
        os.write(os.open('/tmp/fb-ring', os.O_WRONLY | os.O_CREAT), b'x')
        return 'written'
    except OSError as e:
        return '%d %d %d' % (first, error, e.errno)";
    place(
        act,
        r#"
broken = fault_assumption("broken", target = victim, write = deny("EIO", path = "/tmp/fb-ring"))
fault_scenario("ring", scenario = go, faults = broken, expect = lambda r: assert_eq(r, "-1 38 5"))
"#,
    )
    .test(&[])
    .expect(0, &["fired 1x; 1 call refused: io_uring_setup fails with ENOSYS"]);
}

#[test]
fn calls_of_32_bit_programs_are_counted() {
    if !has("gcc") || !cfg!(target_arch = "x86_64") {
        return;
    }
    let act = "
def act(line):
    return subprocess.run(['./narrow', line]).returncode";
    let spec = r#"
broken = fault_assumption("broken", target = victim, write = deny("EIO", path = "/tmp/fb-narrow"))
others = fault_assumption("others", target = victim, write = deny("EIO", path = "/tmp/fb-other"))
opened = fault_assumption("opened", target = victim, open = deny("EIO", path = "/tmp/fb-narrow"))
def narrow():
    return go("/tmp/fb-narrow")
fault_scenario("write", scenario = narrow, faults = broken, expect = lambda r: assert_eq(r, "0"))
fault_scenario("others", scenario = narrow, faults = others, may_miss = True, expect = lambda r: assert_eq(r, "0"))
fault_scenario("open", scenario = narrow, faults = opened, expect = lambda r: assert_eq(r, "0"))
"#;
    for place in [place(act, spec), place(act, spec).run_by_nobody()] {
        compile(
            &place,
            "narrow.c",
            &["-m32", "-O1", "-nostdlib", "-static", "-fno-pie", "-no-pie", "-o", "narrow"],
        );
        let ended = place.test(&[]);
        let counted = "1 call passed unfaulted: it is a 32-bit call (a 32-bit program, or int 0x80)";
        ended.expect(2, &["--- BYPASSED: test_write", "--- BYPASSED: test_open", counted]);
        let others = ended.stdout.lines().find(|line| line.contains("others ")).expect("its line");
        assert!(!others.contains("unfaulted"), "{others}");
    }
}
