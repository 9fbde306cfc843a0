//! A place to run the executable in: a folder with a spec, the demo services, and who runs it.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Longest time one call of the executable may take before the test gives up.
const LIMIT: Duration = Duration::from_secs(300);

/// An ordinary user: `nobody` on Debian.
pub(crate) const NOBODY: u32 = 65534;

/// A folder with a spec.
pub(crate) struct Place {
    directory: tempfile::TempDir,
    user: Option<u32>,
}

/// What a call of the executable gave.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Place {
    /// A folder with `spec.star`. `$BIN` in the text stands for the folder of the demo services.
    pub(crate) fn new(spec: &str) -> Place {
        let directory = tempfile::Builder::new().prefix("faultbox-cli").tempdir().unwrap();
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        let place = Place { directory, user: None };
        place.write("spec.star", spec.replace("$BIN", &services().display().to_string()));
        place
    }

    /// Runs as an ordinary user where this process is root.
    pub(crate) fn run_by_nobody(mut self) -> Place {
        self.user = is_root().then_some(NOBODY);
        self
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The executable with these arguments, ready to start in the folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_faultbox"));
        command.args(arguments).current_dir(self.directory.path()).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).env("NO_COLOR", "1");
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().expect("the executable starts")
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        finish(self.start(arguments))
    }

    /// `faultbox test spec.star` with further arguments.
    pub(crate) fn test(&self, arguments: &[&str]) -> Ended {
        self.run(&[&["test", "spec.star"], arguments].concat())
    }
}

/// Waits for the end of a call; one that hangs is killed and fails the test.
pub(crate) fn finish(child: Child) -> Ended {
    let pid = child.id();
    let (done, timer) = std::sync::mpsc::channel::<()>();
    let watch = std::thread::spawn(move || {
        if timer.recv_timeout(LIMIT).is_err_and(|error| error == std::sync::mpsc::RecvTimeoutError::Timeout) {
            kill(pid, "KILL");
        }
    });
    let output = child.wait_with_output().expect("its output");
    drop(done);
    watch.join().unwrap();
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

impl Ended {
    /// Checks the exit code and that each part stands somewhere on stdout or stderr.
    #[track_caller]
    pub(crate) fn expect(&self, code: i32, parts: &[&str]) -> &Ended {
        assert_eq!(self.code, Some(code), "{self}");
        for part in parts {
            assert!(
                self.stdout.contains(part) || self.stderr.contains(part),
                "{part:?} is missing in\n{self}"
            );
        }
        self
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit code {:?}\n--- stdout\n{}--- stderr\n{}", self.code, self.stdout, self.stderr)
    }
}

pub(crate) fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

/// Sends a signal by name to one process that this test started.
pub(crate) fn kill(pid: u32, signal: &str) {
    // A process that is gone already is no failure.
    let _ = Command::new("kill").args(["-s", signal, &pid.to_string()]).stderr(Stdio::null()).status();
}

/// The folder the workspace's executables are built in, with the demo services in it.
pub(crate) fn services() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = Path::new(env!("CARGO_BIN_EXE_faultbox")).parent().expect("a folder").to_owned();
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "-p", "faultbox-examples", "--bins"]);
        if folder.ends_with("release") {
            build.arg("--release");
        }
        let built =
            build.current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null()).output().expect("cargo runs");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        folder
    })
}

/// True when `program` can be started, or is a path of something that exists; otherwise says so, and fails where
/// nothing may be skipped.
pub(crate) fn has(program: &str) -> bool {
    let look = format!("command -v {program} || test -e /usr/sbin/{program} || test -e {program}");
    let found = Command::new("sh").args(["-c", &look]).output();
    let found = found.is_ok_and(|output| output.status.success());
    if !found {
        skip(&format!("{program} is not installed"));
    }
    found
}

/// Says why a test does not run here; fails where nothing may be skipped.
#[expect(clippy::print_stdout, reason = "a skipped test says why")]
pub(crate) fn skip(reason: &str) {
    assert!(std::env::var_os("FAULTBOX_NO_SKIP").is_none(), "{reason}, and nothing may be skipped");
    println!("skipped: {reason}");
}

/// Waits until `holds`, looking again and again; fails after ten seconds with `what`.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(10), "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Process ids whose environment has this entry: everything a run started, wherever it went.
pub(crate) fn marked(marker: &str) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").expect("/proc");
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let has_marker = |pid: &u32| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|&byte| byte == 0).any(|entry| entry == marker.as_bytes())
    };
    pids.filter(has_marker).collect()
}

/// Direct children of a process.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}
