//! R7: `kill -9` at random moments. 100 ms later there is no process, no namespace, no listening port, no mount and no
//! file of the run.

use super::Row;
use super::host;
use super::stand::{MARK, Stand, User, chapter};
use std::collections::BTreeSet;
use std::process::Child;
use std::time::{Duration, Instant};

/// How long after a kill something may be left.
const LIMIT: Duration = Duration::from_millis(100);

/// How long a run with a killed worker may take to end by itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// A service with a daemon that left its process group and session, listens and writes; both ignore SIGTERM.
const DAEMON: &str = r#"
daemon_program = """
import os, signal, socket, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open("/tmp/@MARK@", "w").close()
open("left-beside-the-spec", "w").close()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        s = socket.create_server(("127.0.0.1", @HIDDEN@))
        time.sleep(600)
    os._exit(0)
s = socket.create_server(("127.0.0.1", @SHOWN@))
while True:
    c, _ = s.accept()
"""
daemon = service("daemon", "python3", interface("main", "tcp", @SHOWN@), args = ["-c", daemon_program],
    healthcheck = tcp("localhost:@SHOWN@"))
"#;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Victim {
    Dispatcher,
    /// The process the dispatcher started.
    Worker,
    /// PID 1 of a leaf.
    First,
}

/// A spec on ports that are ours alone, so that a listener on the host cannot be somebody else's.
struct Scene {
    stand: Stand,
    ports: [u16; 4],
    mark: String,
    before: BTreeSet<String>,
}

pub(crate) fn row(user: User, kills: u32) -> Row {
    let scene = Scene::new(user);
    let begun = Instant::now();
    let undisturbed = scene.stand.run(&["--jobs", "2"]);
    let span = begun.elapsed();
    let mut violations = Vec::new();
    if !undisturbed.status.success() {
        violations.push(format!("undisturbed: {}", super::stand::words(&undisturbed)));
    }
    let mut random = Random(7);
    let mut times = Vec::new();
    let mut counts = [0; 3];
    while times.len() < kills as usize && violations.is_empty() {
        let at = span.mul_f64(random.unit());
        let wish = [Victim::Dispatcher, Victim::Worker, Victim::First][random.below(3)];
        match scene.round(at, wish, &mut random) {
            Ok(Some((victim, took))) => {
                counts[victim as usize] += 1;
                times.push(took);
            }
            // It had ended already: another moment.
            Ok(None) => {}
            Err(what) => violations.push(format!("{wish:?} killed after {at:?}: {what}")),
        }
    }
    times.sort();
    let [dispatcher, worker, first] = counts;
    let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or_default();
    let figures = format!(
        "{} kills ({dispatcher} dispatchers, {worker} workers, {first} PID 1): everything gone after {:.0?} p50, {:.0?} at most   (bar: 100 ms)",
        times.len(),
        at(0.5),
        times.last().copied().unwrap_or_default()
    );
    Row { bar: "R7", user, figures, violations }
}

impl Scene {
    fn new(user: User) -> Scene {
        let ports = std::array::from_fn(|_| host::free_port());
        let [db, api, shown, hidden] = ports.map(|port| port.to_string());
        let mark = format!("faultbox-endurance-mark-{}", std::process::id());
        let chapter = chapter().replace("5432", &db).replace("8080", &api);
        let healthcheck = format!("healthcheck = tcp(\"localhost:{db}\")");
        let chapter = chapter.replace(&healthcheck, &format!("env = {{\"PORT\": \"{db}\"}}, {healthcheck}"));
        let daemon = DAEMON.replace("@MARK@", &mark).replace("@SHOWN@", &shown).replace("@HIDDEN@", &hidden);
        let stand = Stand::new(user, &(chapter + &daemon));
        Scene { stand, ports, mark, before: host::mounts() }
    }

    /// One kill. Gives whom it hit and how long until all was gone; nothing when the run was over before.
    fn round(
        &self,
        at: Duration,
        wish: Victim,
        random: &mut Random,
    ) -> Result<Option<(Victim, Duration)>, String> {
        let mut command = self.stand.command(&["--jobs", "2", "--show", "fail"]);
        let mut run = command.env(MARK, &self.mark).spawn().expect("the executable starts");
        std::thread::sleep(at);
        if run.try_wait().is_ok_and(|status| status.is_some()) {
            return Ok(None);
        }
        let (victim, pid, worker) = choose(&run, wish, random);
        let entry = format!("{MARK}={}", self.mark);
        let namespaces = match victim {
            Victim::Dispatcher => host::namespaces(&host::marked(&entry)),
            // The other leaf goes on.
            Victim::Worker | Victim::First => worker.and_then(host::pid_namespace).into_iter().collect(),
        };
        kill(pid);
        let since = Instant::now();
        let mut took = await_none("members of its namespaces", since, || host::members(&namespaces))?;
        if victim == Victim::Dispatcher {
            run.wait().map_err(|error| error.to_string())?;
            took = await_none("processes of the run", since, || host::marked(&entry))?;
        }
        if victim != Victim::Dispatcher {
            let code = end_of(run)?;
            if code != Some(2) && code != Some(0) {
                return Err(format!("the run ended with {code:?} instead of a verdict"));
            }
            await_none("processes of the run", Instant::now(), || host::marked(&entry))?;
        }
        self.check_host().map(|()| Some((victim, took)))
    }

    /// Ports, mounts and files.
    fn check_host(&self) -> Result<(), String> {
        let listening = host::listening();
        if let Some(port) = self.ports.iter().find(|port| listening.contains(port)) {
            return Err(format!("port {port} listens on the host"));
        }
        let mounts: Vec<String> = host::mounts().difference(&self.before).cloned().collect();
        if !mounts.is_empty() {
            return Err(format!("new mounts on the host: {mounts:?}"));
        }
        let files =
            [std::path::Path::new("/tmp").join(&self.mark), self.stand.path("spec/left-beside-the-spec")];
        if let Some(file) = files.iter().find(|file| file.exists()) {
            return Err(format!("{} is on the host", file.display()));
        }
        let entries = std::fs::read_dir(self.stand.path("temporary")).map_err(|error| error.to_string())?;
        let temporary: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
        if temporary.is_empty() { Ok(()) } else { Err(format!("temporary files: {temporary:?}")) }
    }
}

/// Whom to kill, and the worker it belongs to: the dispatcher itself when no worker runs just now.
fn choose(run: &Child, wish: Victim, random: &mut Random) -> (Victim, u32, Option<u32>) {
    let mut pick = |from: Vec<u32>| (!from.is_empty()).then(|| from[random.below(from.len())]);
    let worker = pick(host::children(run.id()));
    let first = worker.and_then(|worker| pick(host::children(worker)));
    match (wish, worker, first) {
        (Victim::Worker, Some(pid), _) => (Victim::Worker, pid, worker),
        (Victim::First, _, Some(pid)) => (Victim::First, pid, worker),
        (Victim::Dispatcher | Victim::Worker | Victim::First, _, _) => (Victim::Dispatcher, run.id(), None),
    }
}

fn kill(pid: u32) {
    let pid = nix::unistd::Pid::from_raw(pid.cast_signed());
    // ESRCH: it ended by itself just now, which must leave as little.
    let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
}

/// Waits until nothing is left and gives when the look began that found nothing; an error names what is left after the
/// limit.
fn await_none(what: &str, since: Instant, left: impl Fn() -> Vec<u32>) -> Result<Duration, String> {
    loop {
        // Looking takes its time, too.
        let looked = since.elapsed();
        let now = left();
        if now.is_empty() {
            return Ok(looked);
        }
        if looked > LIMIT {
            let told = now.iter().map(|pid| {
                let status = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                format!("{pid} ({})", status.replace('\0', " "))
            });
            let told = told.collect::<Vec<_>>().join(", ");
            return Err(format!("{what} left after {looked:?}: {told}"));
        }
    }
}

/// The exit code of a run that lost a worker.
fn end_of(mut run: Child) -> Result<Option<i32>, String> {
    // Read to the end, so that the run never waits for us.
    let drain = |pipe: Box<dyn std::io::Read + Send>| {
        std::thread::spawn(move || std::io::read_to_string(pipe).unwrap_or_default())
    };
    let stdout = drain(Box::new(run.stdout.take().expect("a pipe")));
    let stderr = drain(Box::new(run.stderr.take().expect("a pipe")));
    let begun = Instant::now();
    let status = loop {
        match run.try_wait().map_err(|error| error.to_string())? {
            Some(status) => break status,
            None if begun.elapsed() > PATIENCE => {
                kill(run.id());
                return Err("the run did not end by itself".to_owned());
            }
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    };
    let text = stdout.join().unwrap_or_default() + &stderr.join().unwrap_or_default();
    if text.contains("panicked") {
        return Err(format!("a panic: {text}"));
    }
    Ok(status.code())
}

/// SplitMix64: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// At least 0, less than 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, end: usize) -> usize {
        (self.unit() * end as f64) as usize
    }
}
