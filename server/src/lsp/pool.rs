//! A few threads for work on snapshots. A panic in a job ends that job only; who waits for it sees its answer dropped.
//!
//! Work about one document gets some of the threads only, so that one whose answers take long leaves room for the others;
//! and of its versions one at a time is analysed, so that it leaves them the processor, too.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::{io, thread};
use tower_lsp::lsp_types::Url;

const THREADS: usize = 4;

/// Two, so that a question about a document need not wait for its analysis.
const THREADS_PER_DOCUMENT: usize = 2;

type Work = Box<dyn FnOnce() + Send>;

struct Job {
    about: Subject,
    work: Work,
}

/// What a job is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Subject {
    /// No document, or many.
    Nothing,
    /// A question about a document.
    Question(Url),
    /// All that the text of a document says.
    Analysis(Url),
}

#[derive(Default)]
struct Desk {
    waiting: VecDeque<Job>,
    /// The threads that work for each document.
    busy: BTreeMap<Url, Busy>,
    is_closed: bool,
}

#[derive(Default)]
struct Busy {
    threads: usize,
    is_analysed: bool,
}

#[derive(Default)]
struct Shared {
    desk: Mutex<Desk>,
    changed: Condvar,
}

pub(super) struct Pool {
    shared: Arc<Shared>,
}

impl Pool {
    pub(super) fn start() -> io::Result<Pool> {
        let shared = Arc::new(Shared::default());
        for number in 0..THREADS {
            let shared = Arc::clone(&shared);
            thread::Builder::new().name(format!("analysis-{number}")).spawn(move || work(&shared))?;
        }
        Ok(Pool { shared })
    }

    /// Has the job done by the next thread that is free for the document.
    pub(super) fn run(&self, about: Subject, job: impl FnOnce() + Send + 'static) {
        self.shared.lock().waiting.push_back(Job { about, work: Box::new(job) });
        self.shared.changed.notify_one();
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.lock().is_closed = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    /// The first job whose document has a thread left.
    fn take(&mut self) -> Option<Job> {
        let at = self.waiting.iter().position(|job| self.has_room(&job.about))?;
        let job = self.waiting.remove(at)?;
        if let Some(uri) = job.about.document() {
            let busy = self.busy.entry(uri.clone()).or_default();
            busy.threads += 1;
            busy.is_analysed |= job.about.is_analysis();
        }
        Some(job)
    }

    fn has_room(&self, about: &Subject) -> bool {
        about.document().and_then(|uri| self.busy.get(uri)).is_none_or(|busy| {
            busy.threads < THREADS_PER_DOCUMENT && !(busy.is_analysed && about.is_analysis())
        })
    }

    fn give_back(&mut self, about: &Subject) {
        let Some(uri) = about.document() else { return };
        if let Some(busy) = self.busy.get_mut(uri) {
            busy.threads -= 1;
            busy.is_analysed &= !about.is_analysis();
            if busy.threads == 0 {
                self.busy.remove(uri);
            }
        }
    }
}

impl Subject {
    fn document(&self) -> Option<&Url> {
        match self {
            Subject::Nothing => None,
            Subject::Question(uri) | Subject::Analysis(uri) => Some(uri),
        }
    }

    fn is_analysis(&self) -> bool {
        matches!(self, Subject::Analysis(_))
    }
}

fn work(shared: &Shared) {
    let mut desk = shared.lock();
    loop {
        if let Some(Job { about, work }) = desk.take() {
            drop(desk);
            // The panic hook has written message and place to standard error.
            let _ = catch_unwind(AssertUnwindSafe(work));
            desk = shared.lock();
            desk.give_back(&about);
            // Jobs about the same document may have been passed over.
            shared.changed.notify_all();
        } else if desk.is_closed {
            return;
        } else {
            desk = shared.changed.wait(desk).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn panics_end_only_their_job() {
        let pool = Pool::start().unwrap();
        for _ in 0..2 * THREADS {
            pool.run(Subject::Nothing, || panic!("this one is meant"));
        }
        let (done, finished) = channel();
        pool.run(Subject::Nothing, move || done.send(7).unwrap());
        assert_eq!(finished.recv(), Ok(7));
    }

    #[test]
    fn one_document_never_has_all_threads_and_loses_no_job() {
        let pool = Pool::start().unwrap();
        let slow = Url::parse("file:///slow.star").unwrap();
        let (done, finished) = channel();
        let gates: Vec<_> = (0..2 * THREADS)
            .map(|_| {
                let (open, gate) = channel::<()>();
                let done = done.clone();
                pool.run(Subject::Question(slow.clone()), move || {
                    // Opened, or dropped with the test.
                    let _ = gate.recv();
                    done.send("slow").unwrap();
                });
                open
            })
            .collect();
        let quick = done.clone();
        let other = Url::parse("file:///quick.star").unwrap();
        pool.run(Subject::Question(other), move || quick.send("quick").unwrap());
        assert_eq!(finished.recv(), Ok("quick"), "although eight jobs of the other came first");
        drop(gates);
        for _ in 0..2 * THREADS {
            assert_eq!(finished.recv(), Ok("slow"));
        }
    }

    #[test]
    fn of_one_document_one_version_at_a_time_is_analysed_and_questions_need_not_wait() {
        let pool = Pool::start().unwrap();
        let uri = Url::parse("file:///slow.star").unwrap();
        let (done, finished) = channel();
        let (open, gate) = channel::<()>();
        let first = done.clone();
        pool.run(Subject::Analysis(uri.clone()), move || {
            let _ = gate.recv();
            first.send("first").unwrap();
        });
        let second = done.clone();
        pool.run(Subject::Analysis(uri.clone()), move || second.send("second").unwrap());
        pool.run(Subject::Question(uri), move || done.send("question").unwrap());
        assert_eq!(finished.recv(), Ok("question"));
        drop(open);
        assert_eq!(finished.recv(), Ok("first"));
        assert_eq!(finished.recv(), Ok("second"));
    }
}
