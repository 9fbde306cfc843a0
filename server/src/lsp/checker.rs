//! The warm child that evaluates specs: `faultbox __check`.
//!
//! Evaluation runs text of the user's. Some of it can neither be stopped nor bounded from within the process, so it
//! happens in a child with limits; one that takes too long or too much is killed and replaced, and only its own spec
//! goes without evaluated findings. Frames in both directions: length as u32, little-endian, then JSON.

use super::state::Evaluation;
use faultbox_engine::diagnostic::Diagnostic;
use faultbox_engine::ide::Outline;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep_until, timeout};

/// The hidden command that starts the child.
pub(crate) const COMMAND: &str = "__check";

/// How long a spec must rest before it is evaluated: typing on should not start what it makes stale.
const IDLE: Duration = Duration::from_millis(100);

/// Longest time one evaluation may take.
const DEADLINE: Duration = Duration::from_millis(300);

/// Longest time the child may take to start.
const START_TIME: Duration = Duration::from_secs(5);

/// Largest answer that is read, in bytes.
const MAX_ANSWER_BYTES: u32 = 64 * 1024 * 1024;

/// What the child is asked.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Question {
    pub(super) root: PathBuf,
    pub(super) buffers: BTreeMap<PathBuf, Arc<str>>,
}

/// What the child answers.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) outline: Outline,
    pub(super) findings: Vec<Diagnostic>,
}

/// The end of one evaluation.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) root: PathBuf,
    /// As given to [`Checker::check`].
    pub(super) generation: u64,
    pub(super) result: Result<Evaluation, Refused>,
}

/// Why there is no evaluation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("evaluating the spec takes longer than {} ms; live checks are limited to syntax and arguments", DEADLINE.as_millis())]
    TooSlow,
    #[error(
        "evaluating the spec needs too much memory or nesting; live checks are limited to syntax and arguments"
    )]
    TooMuch,
    #[error("the process that evaluates specs cannot be used: {0}")]
    Broken(String),
}

struct Asked {
    generation: u64,
    due: Instant,
    question: Question,
}

/// A handle to the task that owns the child.
pub(super) struct Checker {
    queue: UnboundedSender<(u64, Question)>,
}

impl Checker {
    /// Starts the task, and with the first question the child. `tell` gets each result. Must be called inside the
    /// runtime.
    pub(super) fn start(program: PathBuf, tell: impl Fn(Checked) + Send + Sync + 'static) -> Checker {
        let (queue, asked) = unbounded_channel();
        tokio::spawn(serve(program, asked, tell));
        Checker { queue }
    }

    /// Evaluates the spec once it rests; a newer question about the same spec replaces this one.
    pub(super) fn check(&self, generation: u64, question: Question) {
        // The task ends with the runtime; then nobody waits for an answer.
        let _ = self.queue.send((generation, question));
    }
}

async fn serve(
    program: PathBuf,
    mut asked: UnboundedReceiver<(u64, Question)>,
    tell: impl Fn(Checked) + Send + Sync,
) {
    let mut waiting: BTreeMap<PathBuf, Asked> = BTreeMap::new();
    let mut child = None;
    loop {
        let next = waiting.values().map(|asked| asked.due).min();
        let rest = async {
            match next {
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            question = asked.recv() => {
                let Some((generation, question)) = question else { return };
                let due = Instant::now() + IDLE;
                waiting.insert(question.root.clone(), Asked { generation, due, question });
            }
            () = rest => {
                let first = waiting.iter().min_by_key(|(_, asked)| asked.due).map(|(root, _)| root.clone());
                let Some(asked) = first.and_then(|root| waiting.remove(&root)) else { continue };
                let result = evaluate(&mut child, &program, &asked.question).await;
                tell(Checked { root: asked.question.root, generation: asked.generation, result });
            }
        }
    }
}

/// Asks the child, starting or replacing it as needed.
async fn evaluate(
    slot: &mut Option<Warm>,
    program: &Path,
    question: &Question,
) -> Result<Evaluation, Refused> {
    if slot.as_mut().is_none_or(|warm| warm.has_ended()) {
        *slot = None;
        let started = timeout(START_TIME, Warm::start(program)).await;
        let started = started.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        *slot = Some(started.map_err(|error| Refused::Broken(error.to_string()))?);
    }
    let Some(warm) = slot else { return Err(Refused::Broken("it did not start".to_owned())) };
    let refused = match timeout(DEADLINE, warm.ask(question)).await {
        Ok(Ok(answer)) => return Ok(Evaluation::new(answer.outline, answer.findings)),
        Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Refused::TooMuch,
        Ok(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe => Refused::TooMuch,
        Ok(Err(error)) => Refused::Broken(error.to_string()),
        Err(_) => Refused::TooSlow,
    };
    // It is dead or busy with what nobody wants any more; kill_on_drop ends it.
    *slot = None;
    Err(refused)
}

/// A running child.
struct Warm {
    child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
}

impl Warm {
    /// Starts the child and waits for its first frame, which says that it is ready.
    async fn start(program: &Path) -> io::Result<Warm> {
        let mut command = Command::new(program);
        command.arg(COMMAND).process_group(0).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let missing = || io::Error::other("it has no pipes");
        let stdin = child.stdin.take().ok_or_else(missing)?;
        let stdout = child.stdout.take().ok_or_else(missing)?;
        let mut warm = Warm { child, stdin, stdout };
        warm.read().await?;
        Ok(warm)
    }

    fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    async fn ask(&mut self, question: &Question) -> io::Result<Answer> {
        let text = serde_json::to_vec(question)?;
        let length = u32::try_from(text.len()).map_err(io::Error::other)?;
        self.stdin.write_all(&length.to_le_bytes()).await?;
        self.stdin.write_all(&text).await?;
        self.stdin.flush().await?;
        let answer = self.read().await?;
        serde_json::from_slice(&answer).map_err(io::Error::other)
    }

    async fn read(&mut self) -> io::Result<Vec<u8>> {
        let length = self.stdout.read_u32_le().await?;
        if length > MAX_ANSWER_BYTES {
            return Err(io::Error::other(format!("an answer of {length} bytes")));
        }
        let mut text = vec![0; length as usize];
        self.stdout.read_exact(&mut text).await?;
        Ok(text)
    }
}
