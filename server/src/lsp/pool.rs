//! A few threads for work on snapshots. A panic in a job ends that job only; who waits for it sees its answer dropped.
//!
//! Work about one document gets some of the threads only, so that one whose answers take long leaves room for the others.

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
    /// The document it is about.
    about: Option<Url>,
    work: Work,
}

#[derive(Default)]
struct Desk {
    waiting: VecDeque<Job>,
    /// How many threads work for each document.
    busy: BTreeMap<Url, usize>,
    is_closed: bool,
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
    pub(super) fn run(&self, about: Option<Url>, job: impl FnOnce() + Send + 'static) {
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
        let is_free = |job: &Job| {
            let threads = job.about.as_ref().and_then(|uri| self.busy.get(uri));
            threads.is_none_or(|&threads| threads < THREADS_PER_DOCUMENT)
        };
        let at = self.waiting.iter().position(is_free)?;
        let job = self.waiting.remove(at)?;
        if let Some(uri) = &job.about {
            *self.busy.entry(uri.clone()).or_default() += 1;
        }
        Some(job)
    }

    fn give_back(&mut self, uri: &Url) {
        if let Some(threads) = self.busy.get_mut(uri) {
            *threads -= 1;
            if *threads == 0 {
                self.busy.remove(uri);
            }
        }
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
            if let Some(uri) = about {
                desk.give_back(&uri);
                // Jobs about it may have been passed over.
                shared.changed.notify_all();
            }
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
            pool.run(None, || panic!("this one is meant"));
        }
        let (done, finished) = channel();
        pool.run(None, move || done.send(7).unwrap());
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
                pool.run(Some(slow.clone()), move || {
                    // Opened, or dropped with the test.
                    let _ = gate.recv();
                    done.send("slow").unwrap();
                });
                open
            })
            .collect();
        let quick = done.clone();
        pool.run(Some(Url::parse("file:///quick.star").unwrap()), move || quick.send("quick").unwrap());
        assert_eq!(finished.recv(), Ok("quick"), "although eight jobs of the other came first");
        drop(gates);
        for _ in 0..2 * THREADS {
            assert_eq!(finished.recv(), Ok("slow"));
        }
    }
}
