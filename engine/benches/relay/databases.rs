//! Redis and PostgreSQL: figure P8, beside programs that only move bytes and our own TCP relay.

use super::contestants::{Contestant, free_address, wait_for};
use super::peers::Peer;
use super::{Size, in_micros, median};
use nix::unistd::{Uid, User};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server of Debian's, with a folder of its own.
struct Server {
    address: SocketAddr,
    child: Child,
    folder: PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

pub(crate) fn throughput(size: Size) {
    match start_redis() {
        Some(server) => {
            let contestants = contestants(server.address, "redis");
            for command in ["set", "get"] {
                println!("P8  redis-benchmark -P 16 -c 50 -t {command}: requests per second");
                let run = |peer: &Contestant| redis_benchmark(peer.address, command, size.transactions * 20);
                compare(&contestants, size, 0.6, run);
            }
        }
        None => println!("P8  redis-server does not start: left out"),
    }
    match start_postgres() {
        Some(server) => {
            let contestants = contestants(server.address, "postgres");
            for mode in ["simple", "extended", "prepared"] {
                println!("P8  pgbench -S -M {mode} -c 8: transactions per second");
                compare(&contestants, size, 0.8, |peer| pgbench(peer.address, mode, size.transactions));
            }
        }
        None => println!("P8  PostgreSQL does not start: left out"),
    }
}

/// The server, the relay that parses, and those that do not.
fn contestants(upstream: SocketAddr, protocol: &str) -> Vec<Contestant> {
    let mut all = vec![
        Contestant::direct(upstream),
        Contestant::relay("relay", upstream, protocol, "1"),
        Contestant::relay("relay-tcp", upstream, "tcp", "0"),
    ];
    all.extend(Peer::SPLICES.iter().filter_map(|peer| Contestant::peer(*peer, upstream)));
    all
}

/// Rounds of all contestants alternate, and a ratio is the median of those of its rounds, as speed drifts on a busy
/// machine. Processor time per request is steadier still.
fn compare(contestants: &[Contestant], size: Size, bar: f64, run: impl Fn(&Contestant) -> (f64, usize)) {
    let mut rates = vec![Vec::new(); contestants.len()];
    let mut costs = vec![Vec::new(); contestants.len()];
    for _ in 0..size.rounds {
        for (at, peer) in contestants.iter().enumerate() {
            let before = peer.processor_time();
            let (rate, count) = run(peer);
            rates[at].push(rate);
            costs[at].push(in_micros(peer.processor_time() - before) / count as f64);
        }
    }
    for (at, peer) in contestants.iter().enumerate() {
        let (rate, cost) = (median(rates[at].clone()), median(costs[at].clone()));
        // The direct one's process is this benchmark.
        let cost = if at == 0 { String::new() } else { format!("  {cost:6.2} us of processor each") };
        println!("      {:12} {rate:9.0} /s{cost}", peer.name);
    }
    let ratio = |all: &[Vec<f64>], at: usize| {
        let rounds = all[1].iter().zip(&all[at]);
        median(rounds.map(|(relay, peer)| relay / peer).collect())
    };
    for (at, peer) in contestants.iter().enumerate().skip(2) {
        let (rate, cost) = (ratio(&rates, at), ratio(&costs, at));
        println!("    relay / {}: {rate:.2} (bar >= {bar}), processor {cost:.2}", peer.name);
    }
}

fn start_redis() -> Option<Server> {
    let folder = temporary_folder("redis")?;
    let address = free_address();
    let mut command = Command::new("redis-server");
    command.args(["--port", &address.port().to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"]);
    start(command.arg(&folder), address, folder)
}

fn start_postgres() -> Option<Server> {
    let programs = postgres_programs()?;
    let folder = temporary_folder("postgres")?;
    let data = folder.join("data");
    let mut init = as_postgres(programs.join("initdb"), &folder)?;
    init.args(["-A", "trust", "-U", "postgres", "--no-locale", "--no-sync", "-D"]).arg(&data);
    init.stdout(Stdio::null()).status().ok().filter(|status| status.success())?;
    let address = free_address();
    let mut command = as_postgres(programs.join("postgres"), &folder)?;
    command.arg("-D").arg(&data).arg("-k").arg(&folder).args(["-c", "fsync=off"]);
    let server = start(command.args(["-p", &address.port().to_string()]), address, folder)?;
    until_ready(address)?;
    let mut fill = pgbench_command(address)?;
    fill.args(["-i", "-q", "-s", "2"]).stderr(Stdio::null());
    fill.status().ok().filter(|status| status.success()).map(|_| server)
}

/// PostgreSQL accepts connections, and refuses them, while it starts.
fn until_ready(address: SocketAddr) -> Option<()> {
    let mut asking = Command::new(postgres_programs()?.join("pg_isready"));
    asking.args(["-q", "-h", "127.0.0.1", "-p", &address.port().to_string()]);
    let until = Instant::now() + Duration::from_secs(10);
    while !asking.status().ok()?.success() {
        (Instant::now() < until).then_some(())?;
        std::thread::sleep(Duration::from_millis(10));
    }
    Some(())
}

fn start(command: &mut Command, address: SocketAddr, folder: PathBuf) -> Option<Server> {
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
    let server = Server { address, child, folder };
    wait_for(address).then_some(server)
}

fn temporary_folder(name: &str) -> Option<PathBuf> {
    let folder = std::env::temp_dir().join(format!("faultbox-bench-{}-{name}", std::process::id()));
    std::fs::create_dir(&folder).ok().map(|()| folder)
}

/// Where the newest installed PostgreSQL has its programs.
fn postgres_programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let newest = versions.max_by_key(|version| version.file_name().to_string_lossy().parse::<u32>().ok())?;
    Some(newest.path().join("bin"))
}

/// PostgreSQL refuses to run as root.
fn as_postgres(program: PathBuf, folder: &Path) -> Option<Command> {
    let mut command = Command::new(program);
    if Uid::effective().is_root() {
        let user = User::from_name("postgres").ok()??;
        std::os::unix::fs::chown(folder, Some(user.uid.as_raw()), None).ok()?;
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    Some(command)
}

fn pgbench_command(address: SocketAddr) -> Option<Command> {
    let mut command = Command::new(postgres_programs()?.join("pgbench"));
    command.args(["-h", "127.0.0.1", "-p", &address.port().to_string(), "-U", "postgres", "postgres"]);
    Some(command)
}

/// Transactions per second, and how many there were.
fn pgbench(address: SocketAddr, mode: &str, transactions: usize) -> (f64, usize) {
    let clients = 8;
    let mut command = pgbench_command(address).expect("PostgreSQL");
    let each = (transactions / clients).to_string();
    command.args(["-n", "-S", "-M", mode, "-c", &clients.to_string(), "-t", &each]);
    let said = output_of(&mut command);
    let rate = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    (rate.unwrap_or_else(|| panic!("pgbench says {said}")), transactions)
}

/// Requests per second, and how many there were.
fn redis_benchmark(address: SocketAddr, command: &str, requests: usize) -> (f64, usize) {
    let mut benchmark = Command::new("redis-benchmark");
    benchmark.args(["-p", &address.port().to_string(), "-P", "16", "-c", "50", "-t", command, "--csv"]);
    let said = output_of(benchmark.args(["-n", &requests.to_string()]));
    // The last line is: "SET","238095.23",...
    let rate = said.lines().last().and_then(|line| line.split('"').nth(3)?.parse().ok());
    (rate.unwrap_or_else(|| panic!("redis-benchmark says {said}")), requests)
}

fn output_of(command: &mut Command) -> String {
    let done = command.stderr(Stdio::null()).output().expect("a program");
    String::from_utf8_lossy(&done.stdout).into_owned()
}
