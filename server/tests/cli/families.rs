//! The table of families against Linux: a program makes every call of it under a fault and under strace, and strace
//! knows no call of a family's kind that the table does not.

use super::harness::{Place, has};
use faultbox_engine::model::syscall::{CallShape, Coverage, Family, Matchable, Member, Subject, Syscall};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// An error that none of the calls meets by itself.
const ERROR: &str = "EDQUOT";
const ERROR_NUMBER: i32 = 122;

/// What the program acts on.
const FILE: &str = "/tmp/fb-calls/a";

const SPEC: &str = r#"
victim = service("victim", "./calls", interface("main", "tcp", 7000), interface("udp", "udp", 7001),
    args = ["serve", "7000"], healthcheck = tcp("localhost:7000"))
def send(what):
    # A connection would be accepted, under a fault on that.
    return victim.udp.send(what).body if "accept " in what else victim.main.send(what)
def prepare(what):
    send("prepare " + what)
def do(what):
    return lambda: int(send("do " + what))
"#;

/// The program, compiled into the folder of the place.
pub(crate) fn compile(place: &Place, source: &str, arguments: &[&str]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/victims").join(source);
    let mut gcc = Command::new("gcc");
    gcc.args(arguments).arg(path).current_dir(place.path(""));
    let output = gcc.output().expect("gcc starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// One call under a fault on its family.
struct Try {
    family: Family,
    member: &'static Member,
    shape: CallShape,
    /// Line of its fault in the spec, from 0.
    line: u64,
}

impl Try {
    fn name(&self) -> String {
        format!("{} {}", self.family.keyword(), self.member.name)
    }

    /// The fault as a spec writes it: on one file, where the call names it by a path.
    fn fault(&self) -> String {
        let can = Matchable::of(&self.family.faulted());
        let is_named = !self.shape.subjects().any(|(_, subject)| subject == Subject::Handle);
        let path = match can.files && !can.only_sockets && is_named {
            true => format!(", path = \"{FILE}\""),
            false => String::new(),
        };
        format!("{} = deny(\"{ERROR}\", times = 1{path})", self.family.keyword())
    }
}

fn tries() -> impl Iterator<Item = Try> {
    let of = |family: Family| {
        let members = family.members().iter();
        members.filter_map(move |member| Some(Try { family, member, shape: member.shape()?, line: 0 }))
    };
    Family::all().flat_map(of)
}

/// The spec with a test for each family, and the line of each fault.
fn spec() -> (String, Vec<Try>) {
    let mut text = SPEC.to_owned();
    let mut all = Vec::new();
    let mut last = None;
    for mut each in tries() {
        let name = each.name();
        if last != Some(each.family) {
            text.push_str(&format!("def test_{}():\n", each.family.keyword()));
            if each.family.keyword() == "accept" {
                // From here on the program accepts nothing by itself.
                text.push_str("    victim.main.send(\"park here now\")\n");
            }
            last = Some(each.family);
        }
        text.push_str(&format!("    prepare(\"{name}\")\n"));
        each.line = text.matches('\n').count() as u64;
        let fault = each.fault();
        text.push_str(&format!("    print(\"{name} ->\", fault(victim, {fault}, run = do(\"{name}\")))\n"));
        all.push(each);
    }
    (text, all)
}

/// What the evidence of a fault says.
struct Said {
    fired: u64,
    unread: Vec<(String, String)>,
}

fn said(events: &[Value], line: u64) -> Option<Said> {
    let evidence = events.iter().filter_map(|event| event["evidence"].as_array()).flatten();
    let rule = evidence.into_iter().find(|rule| rule["place"]["line"] == line)?;
    let unread = rule["unread"].as_array()?.iter();
    let text = |each: &Value, key: &str| each[key].as_str().unwrap_or_default().to_owned();
    Some(Said {
        fired: rule["fired"].as_u64()?,
        unread: unread.map(|each| (text(each, "subject"), text(each, "reason"))).collect(),
    })
}

/// Whether a call met what the table says of it; otherwise what it met.
fn wrong(each: &Try, errno: i32, said: &Said) -> Option<String> {
    let has =
        |subject: &str, word: &str| said.unread.iter().any(|(own, why)| own == subject && why.contains(word));
    let name = each.member.name;
    let is_denied = errno == ERROR_NUMBER;
    let right = match each.member.coverage {
        Coverage::Faulted => is_denied && said.fired == 1,
        Coverage::Counted(_) => !is_denied && said.fired == 0 && has("call", name),
        Coverage::Refused(_) => errno == 38 && has("refusal", name),
        Coverage::Elsewhere(_) | Coverage::Unseen(_) => !is_denied && said.fired == 0 && !has("call", name),
    };
    let mentions = &said.unread;
    (!right).then(|| format!("{}: errno {errno}, fired {}, {mentions:?}", each.name(), said.fired))
}

#[test]
fn every_call_meets_what_the_table_says() {
    if !has("gcc") {
        return;
    }
    let (text, tries) = spec();
    let place = Place::new(&text);
    compile(&place, "calls.c", &["-O1", "-Wall", "-o", "calls"]);
    let ended = place.test(&["--format", "jsonl"]);
    let events: Vec<Value> =
        ended.stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let printed: Vec<&str> =
        events.iter().filter_map(|event| event["text"].as_str()).map(str::trim).collect();
    let errno = |name: &str| {
        let line = printed.iter().find_map(|line| line.strip_prefix(&format!("{name} -> ")));
        line.and_then(|number| number.parse::<i32>().ok())
    };
    let mut all_wrong = Vec::new();
    for each in &tries {
        match (errno(&each.name()), said(&events, each.line)) {
            (Some(250), _) => all_wrong.push(format!("{}: the program does not know it", each.name())),
            (Some(errno), Some(said)) => all_wrong.extend(wrong(each, errno, &said)),
            _ => all_wrong.push(format!("{}: it is missing in the report", each.name())),
        }
    }
    assert!(all_wrong.is_empty(), "{}\n{ended}", all_wrong.join("\n"));
    assert!(tries.len() > 150, "{}", tries.len());
}

/// strace faults the same calls of the same program, so the program makes the calls it says.
#[test]
fn strace_faults_the_same_calls() {
    if !has("gcc") || !has("strace") {
        return;
    }
    let place = Place::new("");
    // Without a loader the program makes no calls of its own before the one that is asked for.
    compile(&place, "calls.c", &["-O1", "-Wall", "-static", "-o", "calls"]);
    let program = place.path("calls");
    let mut all_wrong = Vec::new();
    for each in tries().filter(|each| each.member.coverage == Coverage::Faulted) {
        let name = each.member.name;
        let log = place.path(&format!("log-{name}"));
        let inject = format!("-qq -o {} -e trace={name} -e inject={name}:error={ERROR}", log.display());
        let mut command = Command::new(&program);
        command.args(["exec", each.family.keyword(), name]).env("STRACE", inject);
        let output = command.output().expect("the program starts");
        let log = std::fs::read_to_string(log).unwrap_or_default();
        let is_old =
            log.is_empty() && String::from_utf8_lossy(&output.stderr).contains("invalid system call");
        let is_injected = log.contains(&format!("{name}(")) && log.contains("(INJECTED)");
        if !is_old && (output.status.code() != Some(ERROR_NUMBER) || !is_injected) {
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            all_wrong.push(format!("{}: {:?} {log}{error}", each.name(), output.status.code()));
        }
    }
    assert!(all_wrong.is_empty(), "{}", all_wrong.join("\n"));
}

/// Names strace gives to the calls of one of its classes, by making every call there is.
fn class(place: &Place, class: &str) -> BTreeSet<String> {
    let log = place.path("names");
    let mut strace = Command::new("strace");
    strace.args(["-qq", "-o"]).arg(&log).args(["-e", &format!("trace=%{class}")]);
    let status = strace.arg(place.path("calls")).arg("names").status().expect("strace starts");
    assert_eq!(status.code(), Some(42));
    let text = std::fs::read_to_string(log).expect("a log");
    let names = text.lines().filter_map(|line| line.split_once('(')).map(|(name, _)| name.to_owned());
    // Numbers that strace has no name for may be of any class.
    names.filter(|name| !name.starts_with("syscall_")).collect()
}

/// Calls on files, descriptors and sockets that do none of what the families are for.
#[rustfmt::skip]
const NONE_OF_THESE: &[&str] = &[
    // Attributes, positions and locks of open files.
    "fadvise64", "fcntl", "fchdir", "flock", "lseek", "readahead", "cachestat", "file_getattr", "file_setattr",
    // Directories, roots and mounts.
    "acct", "chdir", "chroot", "fsconfig", "fsmount", "fsopen", "fspick", "getcwd", "mount", "mount_setattr",
    "move_mount", "name_to_handle_at", "open_tree_attr", "pivot_root", "quotactl", "quotactl_fd", "swapoff",
    "swapon", "umount2", "uselib", "setns",
    // Descriptors without a file.
    "bpf", "close", "dup", "dup2", "dup3", "epoll_ctl", "fanotify_init", "fanotify_mark", "inotify_add_watch",
    "inotify_rm_watch", "io_uring_enter", "io_uring_register", "landlock_add_rule", "landlock_create_ruleset",
    "landlock_restrict_self", "memfd_secret", "mq_getsetattr", "mq_notify", "mq_timedreceive", "mq_timedsend",
    "perf_event_open", "pidfd_open", "process_madvise", "process_mrelease", "timerfd_create", "timerfd_gettime",
    "timerfd_settime", "userfaultfd", "finit_module", "kexec_file_load",
    // Sockets: set up, asked, or gone from Linux.
    "bind", "getpeername", "getsockname", "getsockopt", "listen", "setsockopt", "shutdown", "socket", "socketpair",
    "getpmsg", "putpmsg",
];

/// What the calls of a family have in their names.
const STEMS: &[(&str, &[&str])] = &[
    ("write", &["write", "send", "splice", "copy_file", "truncate", "falloc", "tee", "submit"]),
    ("read", &["readv", "pread", "splice", "copy_file", "tee", "submit"]),
    ("rename", &["rename"]),
    ("unlink", &["unlink", "rmdir"]),
    ("link", &["linkat", "link"]),
    ("mkdir", &["mkdir"]),
    ("accept", &["accept"]),
    ("open", &["open", "creat"]),
    ("connect", &["connect"]),
    ("fsync", &["sync"]),
    ("truncate", &["truncate"]),
];

/// Calls whose name has the stem of a family that they have nothing to do with.
#[rustfmt::skip]
const NAMESAKES: &[(&str, &[&str])] = &[
    ("write", &["mq_timedsend", "process_vm_writev", "pidfd_send_signal"]),
    ("read", &["process_vm_readv"]),
    ("unlink", &["mq_unlink"]),
    ("link", &["unlink", "unlinkat", "mq_unlink", "symlink", "symlinkat", "readlink", "readlinkat"]),
    ("open", &["epoll_create", "epoll_create1", "timerfd_create", "timer_create", "create_module", "fsopen",
        "perf_event_open", "pidfd_open", "mq_open", "open_tree_attr", "landlock_create_ruleset"]),
];

/// Names that only 32-bit architectures have.
const NARROW: &[&str] =
    &["ftruncate64", "truncate64", "sendfile64", "mq_timedsend_time64", "sync_file_range2"];

#[test]
fn strace_knows_no_call_that_the_table_does_not() {
    if !has("gcc") || !has("strace") || !cfg!(target_arch = "x86_64") {
        return;
    }
    let place = Place::new("");
    compile(&place, "calls.c", &["-O1", "-Wall", "-o", "calls"]);
    let in_table =
        |name: &str| Family::all().any(|family| family.members().iter().any(|one| one.name == name));
    let mut missing = Vec::new();
    for name in ["file", "desc", "network"].into_iter().flat_map(|one| class(&place, one)) {
        if !in_table(&name) && !NONE_OF_THESE.contains(&name.as_str()) {
            missing.push(name);
        }
    }
    assert!(missing.is_empty(), "neither in a family nor known to do none of this: {missing:?}");
}

/// Every call of the kernel's own list whose name says that it belongs to a family is a member of it, in some way.
#[test]
fn no_call_is_missing_by_its_name() {
    let mut names: BTreeSet<String> = Syscall::trappable().map(|call| call.name().to_owned()).collect();
    for header in ["/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm-generic/unistd.h"] {
        let text = std::fs::read_to_string(header).unwrap_or_default();
        let defined =
            text.lines().filter_map(|line| line.strip_prefix("#define __NR_")?.split_whitespace().next());
        // The generic header has names of 32-bit architectures as well.
        let is_wide = |name: &&str| !name.starts_with("3264_") && !NARROW.contains(name);
        names.extend(defined.filter(is_wide).map(str::to_owned));
    }
    let mut missing = Vec::new();
    for &(keyword, stems) in STEMS {
        let family = Family::from_keyword(keyword).expect("a family");
        let namesakes = NAMESAKES.iter().filter(|(other, _)| *other == keyword).flat_map(|(_, names)| *names);
        let namesakes: Vec<&str> = namesakes.copied().collect();
        let is_meant = |name: &&String| stems.iter().any(|stem| name.contains(stem));
        for name in names.iter().filter(is_meant) {
            let is_member = family.members().iter().any(|member| member.name == name);
            if !is_member && !namesakes.contains(&name.as_str()) {
                missing.push(format!("{keyword}: {name}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
}

/// The words people write, on what their programs do: `mv` renames with renameat2, `rm` removes with unlinkat.
#[test]
fn short_words_reach_the_programs_of_every_day() {
    let spec = r#"
program = """
import os, socket, subprocess
s = socket.create_server(("127.0.0.1", 7000))
while True:
    c, _ = s.accept()
    line = c.recv(1000).decode().strip()
    if line:
        try:
            done = os.replace("/tmp/w/tmp", "/tmp/w/config") or 0 if line == "save" else subprocess.run(line, shell = True).returncode
        except OSError as e:
            done = e.errno
        c.sendall((str(done) + chr(10)).encode())
    c.close()
"""
victim = service("victim", "python3", interface("main", "tcp", 7000), args = ["-c", program],
    healthcheck = tcp("localhost:7000"))
def sh(line):
    return victim.main.send(line)
def test_words():
    assert_eq(sh("mkdir -p /tmp/w/d && echo x >/tmp/w/a && echo y >/tmp/w/b"), "0")
    fault(victim, rename = deny("EACCES"), run = lambda: assert_eq(sh("mv /tmp/w/a /tmp/w/c"), "1"))
    fault(victim, unlink = deny("EACCES"), run = lambda: assert_eq(sh("rm /tmp/w/a"), "1"))
    fault(victim, rmdir = deny("EACCES"), run = lambda: assert_eq(sh("rm /tmp/w/a && rmdir /tmp/w/d"), "1"))
    fault(victim, mkdir = deny("EACCES"), run = lambda: assert_eq(sh("mkdir /tmp/w/e"), "1"))
    fault(victim, link = deny("EACCES"), run = lambda: assert_eq(sh("ln /tmp/w/b /tmp/w/c"), "1"))
    fault(victim, symlink = deny("EACCES"), run = lambda: assert_eq(sh("ln -s b /tmp/w/c"), "1"))
    fault(victim, chmod = deny("EACCES"), run = lambda: assert_eq(sh("chmod 600 /tmp/w/b"), "1"))
    fault(victim, write = deny("EIO", path = "/tmp/w/c"), run = lambda: assert_eq(sh("cp /tmp/w/b /tmp/w/c"), "1"))
    fault(victim, read = deny("EIO", path = "/tmp/w/b"), run = lambda: assert_eq(sh("cp /tmp/w/b /tmp/w/c"), "1"))
    fault(victim, truncate = deny("EIO", path = "/tmp/w/b"), run = lambda: assert_eq(sh("truncate -s 9 /tmp/w/b"), "1"))
def test_atomic_save():
    assert_eq(sh("mkdir -p /tmp/w && echo x >/tmp/w/tmp && echo y >/tmp/w/config"), "0")
    fault(victim, rename = deny("EACCES", path = "/tmp/w/config"), run = lambda: assert_eq(sh("save"), "13"))
    fault(victim, rename = deny("EACCES", path = "/tmp/w/tmp"), run = lambda: assert_eq(sh("save"), "13"))
    assert_eq(sh("save"), "0")
"#;
    for place in [Place::new(spec), Place::new(spec).run_by_nobody()] {
        let ended = place.test(&["--format", "jsonl"]);
        ended.expect(0, &["rename /tmp/w/tmp to /tmp/w/config (matched /tmp/w/config)"]);
    }
}
