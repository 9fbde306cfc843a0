//! What the host shows of a run: processes, namespaces, listening ports, mounts.

use std::collections::BTreeSet;
use std::fs;

/// The namespaces a leaf has of its own.
const KINDS: [&str; 5] = ["pid", "net", "mnt", "ipc", "user"];

/// Every process id of the host.
fn pids() -> Vec<u32> {
    let entries = fs::read_dir("/proc").expect("/proc");
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// Whether nothing is left of it but a status its parent has not asked for; of an orphan that is the host's init.
fn is_dead(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_none_or(|rest| rest.is_empty() || rest.trim_start().starts_with(['Z', 'X']))
}

/// Processes whose environment has this entry: everything a run started, wherever it went.
pub(crate) fn marked(entry: &str) -> Vec<u32> {
    let has = |pid: &u32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|&byte| byte == 0).any(|one| one == entry.as_bytes())
    };
    pids().into_iter().filter(has).collect()
}

/// Direct children of a process.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let text = |task: fs::DirEntry| fs::read_to_string(task.path().join("children")).unwrap_or_default();
    let children: String = tasks.map(text).collect();
    children.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// The namespaces these processes are in and we are not.
pub(crate) fn namespaces(of: &[u32]) -> BTreeSet<String> {
    let of_one = |pid: &str| -> Vec<String> {
        let name = |kind: &str| fs::read_link(format!("/proc/{pid}/ns/{kind}")).ok();
        KINDS.into_iter().filter_map(name).map(|link| link.display().to_string()).collect()
    };
    let own = of_one("self");
    let theirs = of.iter().flat_map(|pid| of_one(&pid.to_string()));
    theirs.filter(|namespace| !own.contains(namespace)).collect()
}

/// The PID namespace a worker's children are in.
pub(crate) fn pid_namespace(worker: u32) -> Option<String> {
    let inside = fs::read_link(format!("/proc/{worker}/ns/pid_for_children")).ok()?;
    let own = fs::read_link("/proc/self/ns/pid").ok()?;
    (inside != own).then(|| inside.display().to_string())
}

/// Processes that are in one of these namespaces, as lsns(8) finds them.
pub(crate) fn members(namespaces: &BTreeSet<String>) -> Vec<u32> {
    let is_member = |pid: &u32| {
        KINDS.into_iter().any(|kind| {
            fs::read_link(format!("/proc/{pid}/ns/{kind}"))
                .is_ok_and(|link| namespaces.contains(&link.display().to_string()))
        })
    };
    pids().into_iter().filter(is_member).filter(|&pid| !is_dead(pid)).collect()
}

/// TCP ports something listens on in this network namespace; state 0A of proc_net_tcp(5).
pub(crate) fn listening() -> BTreeSet<u16> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
    let port = |line: &str| {
        let mut fields = line.split_whitespace().skip(1);
        let (local, state) = (fields.next()?, fields.nth(1)?);
        (state == "0A").then(|| u16::from_str_radix(local.rsplit(':').next()?, 16).ok())?
    };
    tables.iter().flat_map(|table| table.lines().filter_map(port)).collect()
}

/// Mount points of this mount namespace.
pub(crate) fn mounts() -> BTreeSet<String> {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    table.lines().filter_map(|line| Some(line.split_whitespace().nth(4)?.to_owned())).collect()
}

/// A port nobody has.
pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}
