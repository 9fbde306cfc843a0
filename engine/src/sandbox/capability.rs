//! What this host allows, found out by making a whole sandbox once and looking at it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use nix::unistd::ForkResult;
use serde::{Deserialize, Serialize};

use super::namespaces::{Config, SandboxError, Side, Step, enter};
use super::sys;

/// Whether something works here; if not, why, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Support {
    Yes,
    No { reason: String, fix: String },
}

impl Support {
    pub fn is_yes(&self) -> bool {
        matches!(self, Support::Yes)
    }

    fn no(reason: impl Into<String>, fix: impl Into<String>) -> Support {
        Support::No { reason: reason.into(), fix: fix.into() }
    }
}

/// What this host allows a leaf.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// Namespaces of its own: fixed ports, parallel leaves, nothing left behind.
    pub namespaces: Support,
    /// Private copies of the directories asked about.
    pub overlays: Support,
    /// Services reachable by name.
    pub names: Support,
    /// TUN devices, which packet faults need.
    pub packets: Support,
}

/// How far a leaf is kept apart from the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    /// In namespaces of its own; many leaves may run side by side.
    Namespaces,
    /// In the host's network and file system; leaves run one at a time.
    Host,
}

impl Capabilities {
    /// The strongest isolation this host allows.
    pub fn isolation(&self) -> Isolation {
        if self.namespaces.is_yes() { Isolation::Namespaces } else { Isolation::Host }
    }

    /// Whether leaves may run at the same time without meeting each other's files.
    pub fn allows_parallel(&self) -> bool {
        self.namespaces.is_yes() && self.overlays.is_yes()
    }
}

/// What the probe's inner process found, sent to the caller as JSON.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Findings {
    failed: Option<(String, bool, i32)>,
    not_overlaid: Vec<(PathBuf, String)>,
    names_error: Option<String>,
    packets_error: Option<String>,
}

/// Makes and leaves a sandbox with these overlaid directories, in a child, and says what worked. A few milliseconds.
///
/// Call it while the process is small: it forks. Waits for its child by process id, so it must not run beside
/// [`super::Reaper::of_everything`].
pub fn probe(overlays: &[PathBuf]) -> io::Result<Capabilities> {
    let (mut from_child, to_caller) = io::pipe()?;
    match sys::fork()? {
        ForkResult::Child => {
            drop(from_child);
            look(overlays, to_caller);
            sys::exit(0)
        }
        ForkResult::Parent { child } => {
            drop(to_caller);
            let mut text = String::new();
            from_child.read_to_string(&mut text)?;
            sys::wait_for(child.as_raw())?;
            let findings = serde_json::from_str(&text).map_err(io::Error::other)?;
            Ok(judge(findings, &Host::read()))
        }
    }
}

/// The probing child: whichever of the two processes knows the findings writes them.
fn look(overlays: &[PathBuf], mut to_caller: impl Write) {
    let config =
        Config { overlays: overlays.to_vec(), names: vec!["probe".into()], keep_files: None, lifeline: None };
    let findings = match enter(config) {
        Ok(Side::Outside(_)) => return,
        Ok(Side::Inside(sandbox)) => Findings {
            failed: None,
            not_overlaid: sandbox.not_overlaid.into_iter().map(|one| (one.directory, one.reason)).collect(),
            names_error: sandbox.names.trouble(),
            packets_error: open_tun().err().map(|error| error.to_string()),
        },
        Err(SandboxError { step, source }) => {
            let own_rights = matches!(step, Step::Unshare | Step::MapIds);
            let failed = (format!("{step}: {source}"), own_rights, source.raw_os_error().unwrap_or(0));
            Findings { failed: Some(failed), ..Findings::default() }
        }
    };
    // The caller reports a text it cannot read, so nothing is lost when this fails.
    let _ = serde_json::to_writer(&mut to_caller, &findings);
}

fn open_tun() -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open("/dev/net/tun")
}

/// Settings of the host that explain a refusal.
#[derive(Debug, Default)]
struct Host {
    apparmor_restricts: bool,
    max_user_namespaces: Option<u64>,
    clone_forbidden: bool,
    in_container: bool,
}

impl Host {
    fn read() -> Host {
        let number = |path| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
        Host {
            apparmor_restricts: number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == Some(1),
            max_user_namespaces: number("/proc/sys/user/max_user_namespaces"),
            clone_forbidden: number("/proc/sys/kernel/unprivileged_userns_clone") == Some(0),
            in_container: Path::new("/.dockerenv").exists() || Path::new("/run/.containerenv").exists(),
        }
    }
}

fn judge(findings: Findings, host: &Host) -> Capabilities {
    if let Some((what, own_rights, errno)) = findings.failed {
        let namespaces = refusal(what, own_rights, errno, host);
        let needs = || Support::no("it needs namespaces, which this host refuses", "see namespaces");
        return Capabilities { namespaces, overlays: needs(), names: needs(), packets: needs() };
    }
    let overlays = match findings.not_overlaid.first() {
        None => Support::Yes,
        Some((directory, reason)) => Support::no(
            format!("{} cannot be overlaid: {reason}", directory.display()),
            "leaves run one at a time and write to the directory itself; Linux 5.11 allows overlays to every user",
        ),
    };
    let names = match findings.names_error {
        None => Support::Yes,
        Some(reason) => Support::no(reason, "use localhost instead of service names"),
    };
    let packets = match findings.packets_error {
        None => Support::Yes,
        Some(reason) => Support::no(
            format!("/dev/net/tun: {reason}"),
            "load the tun module and make the device readable and writable: chmod 666 /dev/net/tun",
        ),
    };
    Capabilities { namespaces: Support::Yes, overlays, names, packets }
}

/// Why namespaces were refused, the most specific known cause first.
fn refusal(what: String, own_rights: bool, errno: i32, host: &Host) -> Support {
    if !own_rights {
        let fix = if host.in_container {
            "the container masks parts of /proc or /sys: run it with --security-opt systempaths=unconfined, or use --isolation host"
        } else {
            "use --isolation host"
        };
        return Support::no(what, fix);
    }
    if host.max_user_namespaces == Some(0) || errno == libc::ENOSPC {
        return Support::no(
            format!("user namespaces are switched off ({what})"),
            "sudo sysctl user.max_user_namespaces=10000",
        );
    }
    if host.clone_forbidden {
        return Support::no(
            format!("user namespaces are reserved to root ({what})"),
            "sudo sysctl kernel.unprivileged_userns_clone=1",
        );
    }
    if host.in_container {
        return Support::no(
            format!("the container's seccomp profile forbids namespaces ({what})"),
            "run the container with --security-opt seccomp=unconfined or --cap-add SYS_ADMIN",
        );
    }
    if host.apparmor_restricts {
        return Support::no(
            format!("AppArmor restricts user namespaces, as Ubuntu 24.04 does by default ({what})"),
            "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile for faultbox with `userns,`",
        );
    }
    Support::no(what, "run as root, or use --isolation host")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fix(errno: i32, own_rights: bool, host: &Host) -> String {
        let findings = Findings { failed: Some(("create".into(), own_rights, errno)), ..Findings::default() };
        let judged = judge(findings, host);
        assert_eq!(judged.isolation(), Isolation::Host);
        match judged.namespaces {
            Support::No { fix, .. } => fix,
            Support::Yes => String::new(),
        }
    }

    #[test]
    fn a_refusal_names_its_most_specific_cause() {
        let plain = Host::default();
        assert!(fix(libc::EPERM, true, &plain).contains("as root"));
        assert!(fix(libc::ENOSPC, true, &plain).contains("max_user_namespaces"));
        let ubuntu = Host { apparmor_restricts: true, ..Host::default() };
        assert!(fix(libc::EPERM, true, &ubuntu).contains("apparmor"));
        let docker = Host { in_container: true, apparmor_restricts: true, ..Host::default() };
        assert!(fix(libc::EPERM, true, &docker).contains("SYS_ADMIN"));
        assert!(fix(libc::EPERM, false, &docker).contains("systempaths"));
        let hardened = Host { clone_forbidden: true, ..Host::default() };
        assert!(fix(libc::EPERM, true, &hardened).contains("unprivileged_userns_clone"));
    }

    #[test]
    fn one_refused_overlay_forbids_parallel_leaves() {
        let findings = Findings { not_overlaid: vec![("/tmp".into(), "no".into())], ..Findings::default() };
        let judged = judge(findings, &Host::default());
        assert_eq!(judged.isolation(), Isolation::Namespaces);
        assert!(!judged.allows_parallel() && !judged.overlays.is_yes());
        assert!(judge(Findings::default(), &Host::default()).allows_parallel());
    }
}
