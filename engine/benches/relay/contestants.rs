//! What is measured: the server itself, the relay before it, HAProxy and nginx before it.

use super::peers::Peer;
use nix::unistd::{SysconfVar, sysconf};
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Something to send requests to.
pub(crate) struct Contestant {
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
    child: Option<(Child, PathBuf)>,
}

impl Contestant {
    pub(crate) fn direct(address: SocketAddr) -> Contestant {
        Contestant { name: "direct".to_owned(), address, child: None }
    }

    /// A relay in a process of its own, as its peers are: this program again, see `stand_in::run_relay`.
    pub(crate) fn relay(name: &str, upstream: SocketAddr, protocol: &str, rules: &str) -> Contestant {
        let command = Command::new(std::env::current_exe().expect("this program"));
        Contestant::relay_by(command, name, upstream, protocol, rules)
    }

    /// The same with few descriptors.
    pub(crate) fn relay_with_descriptors(count: u32, upstream: SocketAddr) -> Contestant {
        let mut command = Command::new("sh");
        let script = format!("ulimit -n {count}; exec \"$0\" \"$@\"");
        command.args(["-c", &script]).arg(std::env::current_exe().expect("this program"));
        Contestant::relay_by(command, "relay", upstream, "http", "1")
    }

    fn relay_by(
        mut command: Command,
        name: &str,
        upstream: SocketAddr,
        protocol: &str,
        rules: &str,
    ) -> Contestant {
        command.args(["--relay", &upstream.to_string(), protocol, rules]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a process");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("the relay's address");
        let address = line.trim().parse().expect("the relay's address");
        Contestant { name: name.to_owned(), address, child: Some((child, PathBuf::new())) }
    }

    /// A program with one worker; `None` with a word about it when it does not start.
    pub(crate) fn peer(peer: Peer, upstream: SocketAddr) -> Option<Contestant> {
        let address = free_address();
        let name = peer.name();
        let path = std::env::temp_dir().join(format!("faultbox-bench-{}-{name}.conf", std::process::id()));
        std::fs::write(&path, peer.config(address, upstream)).ok()?;
        let child = peer.command(&path).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child =
            child.map(|child| Contestant { name: name.to_owned(), address, child: Some((child, path)) });
        let found = child.ok().filter(|contestant| wait_for(contestant.address));
        if found.is_none() {
            println!("    {name} does not start (is {} installed?): left out", peer.package());
        }
        found
    }

    fn pid(&self) -> u32 {
        self.child.as_ref().map_or_else(std::process::id, |(child, _)| child.id())
    }

    /// Memory of the contestant's process in use now.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|text| text.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    }

    /// Processor time of the contestant's process so far, in steps of 10 ms (proc(5)).
    pub(crate) fn processor_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap_or_default();
        // The second field is a name in parentheses, which may hold spaces; user and system time are 14 and 15.
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        let per_second = sysconf(SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100);
        Duration::from_secs_f64(ticks as f64 / per_second as f64)
    }
}

impl Drop for Contestant {
    fn drop(&mut self) {
        if let Some((child, path)) = &mut self.child {
            // Gone already is as good.
            let _ = child.kill();
            let _ = child.wait();
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Nobody listens there now; nothing else here takes ports meanwhile.
pub(crate) fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    listener.local_addr().expect("a bound address")
}

/// Waits until something listens.
pub(crate) fn wait_for(address: SocketAddr) -> bool {
    let until = Instant::now() + Duration::from_secs(10);
    while Instant::now() < until {
        if std::net::TcpStream::connect(address).is_ok() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}
