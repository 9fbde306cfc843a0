//! One worker process: makes its sandbox while it still has one thread, then runs one leaf inside.

use super::leaf::{self, Ended, Leaf};
use super::recorder::Recorder;
use super::wire::{CANCEL, Isolation, Job, REPORT_DESCRIPTOR};
use crate::event::{EventKind, Failure, FailureKind, LeafResult, Outcome};
use crate::model::Spec;
use crate::protocol;
use crate::proxy::tls::Authority;
use crate::sandbox::{self, Names, Reaper, Sandbox, Side, orphans};
use crate::seccomp;
use crate::spec::{self, Limits, Loaded};
use nix::sys::memfd::{MFdFlags, memfd_create};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::IntoRawFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::watch;

/// Overlaid in every leaf where overlays work.
const TEMPORARY: &str = "/tmp";

/// Where the run's certificate is, for clients that check certificates.
const AUTHORITY: &str = "FAULTBOX_CA";

/// The hidden `faultbox worker`: reads its job from standard input, reports on descriptor 3. Must be called before the
/// process has a second thread. `environment` is what services inherit.
pub fn worker_main(environment: Vec<(String, String)>) -> ExitCode {
    let start = Instant::now();
    let Ok(job) = read_job() else {
        // Started by hand, or the dispatcher is gone: there is nobody to tell.
        return ExitCode::from(1);
    };
    // Opened by name, so that no other code of this process can own the same number.
    let Ok(out) = File::options().write(true).open(format!("/proc/self/fd/{REPORT_DESCRIPTOR}")) else {
        return ExitCode::from(1);
    };
    let recorder = Arc::new(Recorder::new(job.leaf, out, start));
    let sandbox = match job.isolation {
        Isolation::Host => None,
        Isolation::Namespaces => match enter(&job, &environment) {
            Ok(Side::Outside(status)) => {
                return ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1));
            }
            Ok(Side::Inside(sandbox)) => Some(sandbox),
            Err(error) => {
                let failure = Failure::new(
                    FailureKind::Environment,
                    format!("cannot make a sandbox: failed to {error}"),
                    None,
                );
                finish(
                    &job,
                    &recorder,
                    Ended::Judged(error_result(start, failure.help("run `faultbox doctor`"))),
                );
                return ExitCode::SUCCESS;
            }
        },
    };
    inside(&job, sandbox, &recorder, environment);
    recorder.flush();
    // Destructors would only delay the end of PID 1, which takes everything of the leaf along.
    std::process::exit(0)
}

/// Reads the length and then the job itself; standard input stays open as the lifeline.
fn read_job() -> io::Result<Job> {
    let mut input = io::stdin().lock();
    let mut length = [0; 8];
    input.read_exact(&mut length)?;
    let mut text = Vec::new();
    input.take(u64::from_le_bytes(length)).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

fn enter(job: &Job, environment: &[(String, String)]) -> Result<Side, sandbox::SandboxError> {
    let directory = job.root.parent().map(ToOwned::to_owned);
    let temporary =
        environment.iter().find(|(name, _)| name == "TMPDIR").map(|(_, value)| PathBuf::from(value));
    let temporary = temporary.filter(|path| path.is_dir());
    let overlays = std::iter::once("/tmp".into()).chain(temporary).chain(directory).collect();
    let config = sandbox::Config {
        overlays,
        names: job.names.clone(),
        keep_files: job.keep_files.clone(),
        lifeline: None,
    };
    sandbox::enter(config)
}

fn inside(
    job: &Job,
    mut sandbox: Option<Sandbox>,
    recorder: &Arc<Recorder>,
    environment: Vec<(String, String)>,
) {
    // Every relayed connection and every mirrored port takes some.
    seccomp::raise_descriptor_limit();
    let (cancel, cancelled) = watch::channel(false);
    if let Some(sandbox) = &sandbox {
        tell_limits(sandbox, recorder);
    }
    let private = sandbox.as_ref().is_some_and(|sandbox| sandbox.overlays(Path::new(TEMPORARY)));
    let names = sandbox.as_mut().map(|sandbox| std::mem::take(&mut sandbox.names));
    let threads = lifeline(cancel, job.isolation).and_then(|()| recorder.detach());
    let ready = threads.and_then(|()| match sandbox {
        Some(_) => Reaper::of_everything(),
        None => orphans::adopt().map(|()| Reaper::of_adopted()),
    });
    let ended = match ready {
        Ok(reaper) => perform(job, recorder, environment, private, names, reaper, cancelled),
        Err(error) => {
            let text = format!("cannot start the worker's threads: {error}");
            Ended::Judged(error_result(recorder.start(), Failure::new(FailureKind::Environment, text, None)))
        }
    };
    if let Some(sandbox) = sandbox {
        keep_files(&sandbox, recorder);
    }
    finish(job, recorder, ended);
}

fn perform(
    job: &Job,
    recorder: &Arc<Recorder>,
    mut environment: Vec<(String, String)>,
    private: bool,
    names: Option<Names>,
    reaper: Reaper,
    cancelled: watch::Receiver<bool>,
) -> Ended {
    let Loaded { spec, program, diagnostics, .. } =
        spec::load(&job.files.files(), &job.root, &Limits::load());
    let Some(program) = program else {
        // The dispatcher loaded the same text, so this is our own fault.
        let first = diagnostics.first().map_or("no reason given", |diagnostic| diagnostic.message.as_str());
        let text = format!("the spec did not load again in the worker: {first}");
        return Ended::Judged(error_result(recorder.start(), Failure::new(FailureKind::Crash, text, None)));
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            let text = format!("cannot start the worker's event loop: {error}");
            return Ended::Judged(error_result(
                recorder.start(),
                Failure::new(FailureKind::Environment, text, None),
            ));
        }
    };
    let authority = certify(&spec, private, recorder, &mut environment);
    let leaf = Leaf {
        job,
        spec: Arc::new(spec),
        program: Arc::new(program),
        recorder: recorder.clone(),
        reaper,
        environment,
        authority,
        names,
        cancelled,
    };
    tokio::task::LocalSet::new().block_on(&runtime, leaf::run(leaf))
}

/// Makes the run's authority when an interface of the spec may carry TLS, and tells services where its certificate is:
/// in every leaf, so that a client finds it whether or not this one has rules.
fn certify(
    spec: &Spec,
    private: bool,
    recorder: &Recorder,
    environment: &mut Vec<(String, String)>,
) -> Option<Arc<Authority>> {
    let mut interfaces = spec.services.iter().flat_map(|service| &service.interfaces);
    if !interfaces.any(|interface| protocol::is_encrypted(interface.protocol)) {
        return None;
    }
    let made = Authority::new().map_err(|error| error.to_string());
    let published = made.and_then(|authority| {
        let path = publish(&authority.pem(), private).map_err(|error| error.to_string())?;
        environment.retain(|(name, _)| name != AUTHORITY);
        environment.push((AUTHORITY.to_owned(), path));
        Ok(Arc::new(authority))
    });
    published
        .inspect_err(|error| {
            recorder.event(EventKind::Notice { text: format!("rules do not see inside TLS: {error}") });
        })
        .ok()
}

/// Puts a text where services can read it: into a file that vanishes with the leaf, or, where the leaf shares the
/// host's files, into memory. Gives its path.
fn publish(text: &str, private: bool) -> io::Result<String> {
    if private {
        let path = Path::new(TEMPORARY).join("faultbox-ca.pem");
        std::fs::write(&path, text)?;
        return Ok(path.display().to_string());
    }
    let mut file = File::from(memfd_create(c"faultbox-ca", MFdFlags::MFD_CLOEXEC)?);
    file.write_all(text.as_bytes())?;
    // Stays open for as long as this process lives, which is as long as the leaf.
    let path = format!("/proc/{}/fd/{}", std::process::id(), file.into_raw_fd());
    Ok(path)
}

/// Watches standard input: a line `cancel` winds the leaf up, the end of it means the dispatcher is gone, and this
/// process with all it started must go too.
fn lifeline(cancel: watch::Sender<bool>, isolation: Isolation) -> io::Result<()> {
    std::thread::Builder::new().name("lifeline".to_owned()).spawn(move || {
        for line in io::stdin().lines() {
            match line {
                Ok(line) if line == CANCEL => {
                    cancel.send_replace(true);
                }
                Ok(_) => {}
                Err(_) => break,
            }
        }
        if isolation == Isolation::Host {
            orphans::kill(&[]);
        }
        std::process::exit(1)
    })?;
    Ok(())
}

/// Reports what of the sandbox this machine refused. The same for every leaf, so the dispatcher tells it once.
fn tell_limits(sandbox: &Sandbox, recorder: &Recorder) {
    for refused in &sandbox.not_overlaid {
        let directory = refused.directory.display();
        let text = format!("what tests write below {directory} stays on the host: {}", refused.reason);
        recorder.event(EventKind::Notice { text });
    }
}

fn keep_files(sandbox: &Sandbox, recorder: &Recorder) {
    match sandbox.keep_files() {
        Ok(kept) => {
            for (path, reason) in kept.failed {
                recorder
                    .event(EventKind::Notice { text: format!("cannot keep {}: {reason}", path.display()) });
            }
        }
        Err(error) => recorder.event(EventKind::Notice { text: format!("cannot keep files: {error}") }),
    }
}

fn finish(job: &Job, recorder: &Recorder, ended: Ended) {
    match ended {
        Ended::Judged(result) => {
            recorder.event(EventKind::LeafFinished { leaf: job.description.clone(), result });
        }
        Ended::Unprepared(needs) => recorder.unprepared(needs),
    }
}

fn error_result(start: Instant, failure: Failure) -> LeafResult {
    LeafResult {
        outcome: Outcome::Error,
        duration: start.elapsed(),
        failure: Some(failure),
        evidence: Vec::new(),
        returned: None,
        assertions: 0,
        not_fired: false,
    }
}
