//! `faultbox doctor`: what this machine allows, and how to allow more.

use super::error::CliError;
use super::exit::Exit;
use faultbox_engine::sandbox::{Capabilities, Support, capability};
use faultbox_engine::seccomp::{self, SeccompSupport};
use std::io::{self, Write};
use std::path::PathBuf;

pub(crate) fn run() -> Result<Exit, CliError> {
    // Both try things on children of ours, so nothing else may run beside them.
    let overlays = [Some(std::env::temp_dir()), std::env::current_dir().ok()];
    let overlays: Vec<PathBuf> = overlays.into_iter().flatten().collect();
    let capabilities = capability::probe(&overlays)
        .map_err(|error| CliError::machine(format!("cannot try what this machine allows: {error}")))?;
    let seccomp = seccomp::probe();
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let text = text(kernel.trim(), std::env::consts::ARCH, &capabilities, &seccomp);
    io::stdout().write_all(text.as_bytes())?;
    let usable = capabilities.namespaces.is_yes() && seccomp.notify.is_ok();
    Ok(if usable { Exit::Good } else { Exit::CouldNot })
}

fn text(kernel: &str, machine: &str, capabilities: &Capabilities, seccomp: &SeccompSupport) -> String {
    let rows = [
        ("namespaces", &capabilities.namespaces, "tests run isolated and in parallel"),
        ("overlays", &capabilities.overlays, "each test has private files"),
        ("service names", &capabilities.names, "db:5432 works beside localhost:5432"),
        ("TUN in a namespace", &capabilities.packets, "free for packet faults, which are not built yet"),
    ];
    let mut text = format!("kernel {kernel}, {machine}\n");
    for (name, support, meaning) in rows {
        text.push_str(&match support {
            Support::Yes => line(name, &format!("yes: {meaning}")),
            Support::No { reason, fix } => {
                line(name, &format!("no: {reason}")) + &line("", &format!("fix: {fix}"))
            }
        });
    }
    text + &line("seccomp notify", &seccomp_text(seccomp))
}

fn seccomp_text(seccomp: &SeccompSupport) -> String {
    if let Err(reason) = &seccomp.notify {
        return format!("no: {reason}; syscall faults are unavailable");
    }
    let extras = [(seccomp.wait_killable, "wait-killable"), (seccomp.sync_wake_up, "sync wake-up")];
    let extras: Vec<&str> = extras.into_iter().filter(|(has, _)| *has).map(|(_, name)| name).collect();
    let extras = if extras.is_empty() { String::new() } else { format!(" ({})", extras.join(", ")) };
    format!("yes: syscall faults are possible{extras}")
}

fn line(name: &str, text: &str) -> String {
    format!("  {name:<20}{text}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_comes_with_its_reason_and_its_fix() {
        let refused = Support::No { reason: "/dev/net/tun is 0600".to_owned(), fix: "chmod it".to_owned() };
        let capabilities = Capabilities {
            namespaces: Support::Yes,
            overlays: Support::Yes,
            names: Support::Yes,
            packets: refused,
        };
        let seccomp = SeccompSupport { notify: Ok(()), wait_killable: true, sync_wake_up: false };
        let expected = "\
kernel 6.8, x86_64
  namespaces          yes: tests run isolated and in parallel
  overlays            yes: each test has private files
  service names       yes: db:5432 works beside localhost:5432
  TUN in a namespace  no: /dev/net/tun is 0600
                      fix: chmod it
  seccomp notify      yes: syscall faults are possible (wait-killable)
";
        assert_eq!(text("6.8", "x86_64", &capabilities, &seccomp), expected);
    }
}
