//! One run as a child process: `faultbox test … --format jsonl --editor`, in a process group of its own.
//!
//! The child's standard input is its lifeline: it closes when this process ends, however it ends, and the child and
//! everything it started end with it.

use crate::handover::Handover;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::Value;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How long a cancelled run may take to stop its services before it is killed.
const CANCEL_GRACE: Duration = Duration::from_secs(2);

/// What to start.
pub(super) struct Launch {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) directory: PathBuf,
    pub(super) handover: Handover,
}

/// What a run tells.
#[derive(Debug)]
pub(super) enum Fact {
    /// One line of the event stream.
    Line(Value),
    /// A line of anything else the child wrote.
    Log(String),
    /// The last fact, always sent.
    Ended(Ended),
}

#[derive(Debug)]
pub(super) struct Ended {
    pub(super) exit_code: Option<i32>,
    pub(super) cancelled: bool,
    /// Why there is no exit code, or why the child could not be started.
    pub(super) message: Option<String>,
}

/// Dropping it, or sending, cancels the run.
pub(super) type Canceller = oneshot::Sender<()>;

/// Starts the run on the current runtime. `tell` gets every fact in order.
pub(super) fn start(launch: Launch, tell: impl Fn(Fact) + Send + Sync + 'static) -> Canceller {
    let (canceller, cancelled) = oneshot::channel();
    tokio::spawn(async move {
        let ended = match spawn(&launch) {
            Err(error) => not_started(&launch, &error),
            Ok((child, stdin)) => attend(child, stdin, &launch.handover, cancelled, &tell).await,
        };
        tell(Fact::Ended(ended));
    });
    canceller
}

fn not_started(launch: &Launch, error: &io::Error) -> Ended {
    let message =
        format!("cannot start {} in {}: {error}", launch.program.display(), launch.directory.display());
    Ended { exit_code: None, cancelled: false, message: Some(message) }
}

fn spawn(launch: &Launch) -> io::Result<(Child, ChildStdin)> {
    let mut command = Command::new(&launch.program);
    command.args(&launch.arguments).current_dir(&launch.directory).process_group(0).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let stdin = child.stdin.take().ok_or_else(|| io::Error::other("the run has no standard input"))?;
    Ok((child, stdin))
}

async fn attend(
    mut child: Child,
    mut stdin: ChildStdin,
    handover: &Handover,
    cancelled: oneshot::Receiver<()>,
    tell: &(impl Fn(Fact) + Sync),
) -> Ended {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let group = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
    let hand_over = async {
        let mut line = serde_json::to_vec(handover).unwrap_or_default();
        line.push(b'\n');
        // A child that ends before it has read this says why on its error output.
        let _ = stdin.write_all(&line).await;
        let _ = stdin.flush().await;
        stdin
    };
    let read_events = read_lines(stdout, |line| match serde_json::from_str(&line) {
        Ok(event) => tell(Fact::Line(event)),
        Err(_) => tell(Fact::Log(line)),
    });
    let read_log = read_lines(stderr, |line| tell(Fact::Log(line)));
    let mut was_cancelled = false;
    let live = async {
        let stdin = hand_over.await;
        tokio::select! {
            status = child.wait() => status,
            _ = cancelled => {
                was_cancelled = true;
                stop(&mut child, group, stdin).await
            }
        }
    };
    let (status, (), ()) = tokio::join!(live, read_events, read_log);
    let message = match &status {
        Ok(status) => ended_by(*status),
        Err(error) => Some(error.to_string()),
    };
    Ended { exit_code: status.ok().and_then(|status| status.code()), cancelled: was_cancelled, message }
}

/// Interrupts, waits, then kills and closes the lifeline.
async fn stop(child: &mut Child, group: Option<Pid>, lifeline: ChildStdin) -> io::Result<ExitStatus> {
    let signal = |signal: Signal| {
        if let Some(group) = group {
            // The group is gone when the child was faster.
            let _ = killpg(group, signal);
        }
    };
    signal(Signal::SIGINT);
    if let Ok(status) = timeout(CANCEL_GRACE, child.wait()).await {
        return status;
    }
    drop(lifeline);
    signal(Signal::SIGKILL);
    child.wait().await
}

fn ended_by(status: ExitStatus) -> Option<String> {
    use std::os::unix::process::ExitStatusExt;
    let number = status.signal()?;
    let name =
        Signal::try_from(number).map_or_else(|_| format!("signal {number}"), |signal| signal.to_string());
    Some(format!("killed by {name}"))
}

async fn read_lines<R: AsyncRead + Unpin>(reader: Option<R>, mut take: impl FnMut(String)) {
    let Some(reader) = reader else { return };
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    while matches!(reader.read_until(b'\n', &mut line).await, Ok(length) if length > 0) {
        let text = String::from_utf8_lossy(&line);
        take(text.trim_end_matches(['\n', '\r']).to_owned());
        line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc::unbounded_channel;

    fn launch(script: &str) -> Launch {
        Launch {
            program: "/bin/sh".into(),
            arguments: vec!["-c".to_owned(), script.to_owned()],
            directory: "/".into(),
            handover: Handover::default(),
        }
    }

    async fn facts(launch: Launch, cancel_at: Option<&str>) -> Vec<Fact> {
        let (sender, mut receiver) = unbounded_channel();
        let mut canceller = Some(start(launch, move |fact| drop(sender.send(fact))));
        let mut facts = Vec::new();
        while let Some(fact) = receiver.recv().await {
            if matches!(&fact, Fact::Log(text) if Some(text.as_str()) == cancel_at) {
                canceller.take();
            }
            facts.push(fact);
        }
        facts
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    #[test]
    fn lines_are_told_in_order_and_the_end_comes_last() {
        let script = r#"read line; echo '{"v":1}'; echo plain; echo oops >&2; exit 3"#;
        let facts = runtime().block_on(facts(launch(script), None));
        assert!(
            matches!(&facts[0], Fact::Line(value) if value["v"] == 1) || matches!(&facts[0], Fact::Log(_))
        );
        assert_eq!(facts.len(), 4, "{facts:?}");
        let Some(Fact::Ended(ended)) = facts.last() else { panic!("{facts:?}") };
        assert_eq!((ended.exit_code, ended.cancelled), (Some(3), false));
    }

    #[test]
    fn cancelling_interrupts_first() {
        let script = "read line; trap 'exit 130' INT; echo ready; while :; do read more || sleep 0.01; done";
        let facts = runtime().block_on(facts(launch(script), Some("ready")));
        let Some(Fact::Ended(ended)) = facts.last() else { panic!("{facts:?}") };
        assert_eq!((ended.exit_code, ended.cancelled), (Some(130), true));
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let missing = Launch { program: "/nowhere/faultbox".into(), ..launch("") };
        let facts = runtime().block_on(facts(missing, None));
        let [Fact::Ended(ended)] = facts.as_slice() else { panic!("{facts:?}") };
        assert!(ended.message.as_deref().unwrap_or("").contains("/nowhere/faultbox"), "{ended:?}");
    }
}
