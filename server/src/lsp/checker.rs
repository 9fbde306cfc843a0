//! The warm child that evaluates specs: `faultbox __check`.
//!
//! Evaluation runs text of the user's. Some of it can neither be stopped nor bounded from within the process, so it
//! happens in a child with limits; one that takes too long or too much is killed and replaced, and only its own spec
//! goes without evaluated findings. Frames in both directions: length as u32, little-endian, then JSON.
//!
//! A spec that overruns the first deadline is tried again in a second child with more patience, so that neither a busy
//! machine nor a heavy spec leaves a file without its findings, and the others do not wait for it.

use super::state::Evaluation;
use faultbox_engine::diagnostic::Diagnostic;
use faultbox_engine::ide::Outline;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::pin::pin;
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

/// Longest time the first evaluation may take; a long spec takes a few milliseconds.
const FIRST_DEADLINE: Duration = Duration::from_millis(300);

/// Longest time the second evaluation may take: more than the bounds of the evaluator let a spec take, save where it
/// cannot be bounded.
const SECOND_DEADLINE: Duration = Duration::from_secs(5);

/// Longest time the child may take to start.
const START_TIME: Duration = Duration::from_secs(5);

/// Largest answer that is read, in bytes.
const MAX_ANSWER_BYTES: u32 = 64 * 1024 * 1024;

/// What the child is asked.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Question {
    pub(super) root: PathBuf,
    /// Where to look for files that load the spec.
    pub(super) within: PathBuf,
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
    #[error("evaluating the spec takes longer than {} s; live checks are limited to syntax and arguments", SECOND_DEADLINE.as_secs())]
    TooSlow,
    #[error(
        "evaluating the spec needs too much memory or nesting; live checks are limited to syntax and arguments"
    )]
    TooMuch,
    #[error("the process that evaluates specs cannot be used: {0}")]
    Broken(String),
}

/// How long to wait for what.
#[derive(Debug, Clone, Copy)]
struct Patience {
    idle: Duration,
    first: Duration,
    second: Duration,
}

struct Asked {
    generation: u64,
    due: Instant,
    question: Arc<Question>,
}

impl Asked {
    fn ended(self, result: Result<Evaluation, Refused>) -> Checked {
        Checked { root: self.question.root.clone(), generation: self.generation, result }
    }
}

/// A handle to the task that owns the children.
pub(super) struct Checker {
    queue: UnboundedSender<(u64, Question)>,
}

impl Checker {
    /// Starts the task, and with the first question the child. `tell` gets each result. Must be called inside the
    /// runtime.
    pub(super) fn start(program: PathBuf, tell: impl Fn(Checked) + Send + Sync + 'static) -> Checker {
        let patience = Patience { idle: IDLE, first: FIRST_DEADLINE, second: SECOND_DEADLINE };
        Checker::with(patience, program, tell)
    }

    fn with(patience: Patience, program: PathBuf, tell: impl Fn(Checked) + Send + Sync + 'static) -> Checker {
        let (queue, asked) = unbounded_channel();
        tokio::spawn(async move {
            let (second, overrun) = unbounded_channel();
            tokio::join!(
                first_lane(patience, &program, asked, second, &tell),
                second_lane(patience, &program, overrun, &tell)
            );
        });
        Checker { queue }
    }

    /// Evaluates the spec once it rests; a newer question about the same spec replaces this one.
    pub(super) fn check(&self, generation: u64, question: Question) {
        // The task ends with the runtime; then nobody waits for an answer.
        let _ = self.queue.send((generation, question));
    }
}

/// Asks the warm child, one question at a time, in the order in which specs came to rest.
async fn first_lane(
    patience: Patience,
    program: &Path,
    mut asked: UnboundedReceiver<(u64, Question)>,
    second: UnboundedSender<Overrun>,
    tell: &(impl Fn(Checked) + Sync),
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
                // The second lane ends with this one.
                let _ = second.send(Overrun::Forget(question.root.clone()));
                let due = Instant::now() + patience.idle;
                waiting.insert(question.root.clone(), Asked { generation, due, question: Arc::new(question) });
            }
            () = rest => {
                let first = waiting.iter().min_by_key(|(_, asked)| asked.due).map(|(root, _)| root.clone());
                let Some(asked) = first.and_then(|root| waiting.remove(&root)) else { continue };
                match evaluate(&mut child, program, &asked.question, patience.first).await {
                    Err(Refused::TooSlow) => drop(second.send(Overrun::Try(asked))),
                    result => tell(asked.ended(result)),
                }
            }
        }
    }
}

/// What the first lane tells the second.
enum Overrun {
    /// This one took too long.
    Try(Asked),
    /// The spec has changed: what is known of it is not wanted any more.
    Forget(PathBuf),
}

/// Tries again what took too long, each in a child of its own: this is rare, so none is kept warm.
async fn second_lane(
    patience: Patience,
    program: &Path,
    mut orders: UnboundedReceiver<Overrun>,
    tell: &(impl Fn(Checked) + Sync),
) {
    let mut waiting: VecDeque<Asked> = VecDeque::new();
    loop {
        let Some(now) = waiting.pop_front() else {
            let Some(order) = orders.recv().await else { return };
            take(order, &mut waiting);
            continue;
        };
        let result = {
            let mut child = None;
            let mut work = pin!(evaluate(&mut child, program, &now.question, patience.second));
            loop {
                tokio::select! {
                    biased;
                    order = orders.recv() => match order {
                        None => return,
                        Some(Overrun::Forget(root)) if root == now.question.root => break None,
                        Some(order) => take(order, &mut waiting),
                    },
                    result = &mut work => break Some(result),
                }
            }
        };
        if let Some(result) = result {
            tell(now.ended(result));
        }
    }
}

fn take(order: Overrun, waiting: &mut VecDeque<Asked>) {
    match order {
        Overrun::Try(asked) => waiting.push_back(asked),
        Overrun::Forget(root) => waiting.retain(|asked| asked.question.root != root),
    }
}

/// Asks the child, starting or replacing it as needed.
async fn evaluate(
    slot: &mut Option<Warm>,
    program: &Path,
    question: &Arc<Question>,
    deadline: Duration,
) -> Result<Evaluation, Refused> {
    if slot.as_mut().is_none_or(|warm| warm.has_ended()) {
        *slot = None;
        let started = timeout(START_TIME, Warm::start(program)).await.map_err(|_| Refused::TooSlow)?;
        *slot = Some(started.map_err(|error| Refused::Broken(error.to_string()))?);
    }
    let Some(warm) = slot else { return Err(Refused::Broken("it did not start".to_owned())) };
    let refused = match timeout(deadline, warm.ask(question)).await {
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

    async fn ask(&mut self, question: &Arc<Question>) -> io::Result<Answer> {
        let question = Arc::clone(question);
        let text = aside(move || serde_json::to_vec(&*question)).await?;
        let length = u32::try_from(text.len()).map_err(io::Error::other)?;
        self.stdin.write_all(&length.to_le_bytes()).await?;
        self.stdin.write_all(&text).await?;
        self.stdin.flush().await?;
        let answer = self.read().await?;
        aside(move || serde_json::from_slice(&answer)).await
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

/// Does it on another thread: buffers and answers may have megabytes, and this one carries the protocol.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> serde_json::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await?.map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use tokio::sync::mpsc::unbounded_channel;

    /// A child that never answers when started the first time, and at once from the second time on.
    fn slow_at_first(folder: &Path) -> PathBuf {
        let answer = Answer {
            outline: Outline { files: vec!["/x.star".into()], ..Outline::default() },
            findings: Vec::new(),
        };
        let answer = serde_json::to_string(&answer).unwrap();
        let frame = [&(answer.len() as u32).to_le_bytes()[..], answer.as_bytes()].concat();
        std::fs::write(folder.join("answer"), frame).unwrap();
        let here = folder.display();
        let script = format!(
            "#!/bin/sh\nprintf '\\002\\000\\000\\000{{}}'\n\
             if mkdir {here}/started 2>/dev/null; then exec tail -f /dev/null; fi\n\
             head -c 1 > /dev/null; cat {here}/answer; exec cat > /dev/null\n"
        );
        let program = folder.join("child");
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        program
    }

    fn question() -> Question {
        Question { root: "/x.star".into(), within: "/".into(), buffers: BTreeMap::new() }
    }

    /// What is told about questions that are asked one after the other, the first of which overruns its deadline.
    async fn told(questions: u64, answers: usize) -> Vec<(u64, Result<usize, Refused>)> {
        let folder = tempfile::tempdir().unwrap();
        let patience = Patience {
            idle: Duration::ZERO,
            first: Duration::from_millis(50),
            second: Duration::from_secs(60),
        };
        let (sender, mut receiver) = unbounded_channel();
        let checker =
            Checker::with(patience, slow_at_first(folder.path()), move |checked| drop(sender.send(checked)));
        (1..=questions).for_each(|generation| checker.check(generation, question()));
        let mut told = Vec::new();
        while told.len() < answers {
            let checked = receiver.recv().await.unwrap();
            told.push((checked.generation, checked.result.map(|evaluation| evaluation.files.len())));
        }
        told
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    #[test]
    fn what_overran_the_deadline_is_tried_again_and_only_the_end_is_told() {
        assert_eq!(runtime().block_on(told(1, 1)), [(1, Ok(1))]);
    }

    #[test]
    fn of_several_questions_about_one_spec_the_last_is_answered() {
        assert_eq!(runtime().block_on(told(3, 1)), [(3, Ok(1))]);
    }

    #[test]
    fn a_child_that_cannot_be_started_is_told_at_once() {
        let result = runtime().block_on(async {
            let (sender, mut receiver) = unbounded_channel();
            let nowhere = PathBuf::from("/nowhere/faultbox");
            let checker = Checker::start(nowhere, move |checked| drop(sender.send(checked)));
            checker.check(1, question());
            receiver.recv().await.unwrap().result
        });
        assert!(matches!(result, Err(Refused::Broken(_))), "{result:?}");
    }
}
