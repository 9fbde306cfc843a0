//! A few threads for work on snapshots. A panic in a job ends that job only; who waits for it sees its answer dropped.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::{io, thread};

/// Enough that one slow document leaves room for the others.
const THREADS: usize = 4;

type Job = Box<dyn FnOnce() + Send>;

pub(super) struct Pool {
    jobs: Sender<Job>,
}

impl Pool {
    pub(super) fn start() -> io::Result<Pool> {
        let (jobs, waiting) = channel::<Job>();
        let waiting = Arc::new(Mutex::new(waiting));
        for number in 0..THREADS {
            let waiting = Arc::clone(&waiting);
            thread::Builder::new().name(format!("analysis-{number}")).spawn(move || work(&waiting))?;
        }
        Ok(Pool { jobs })
    }

    pub(super) fn run(&self, job: impl FnOnce() + Send + 'static) {
        // The threads live as long as the pool: they end when this sender is dropped.
        let _ = self.jobs.send(Box::new(job));
    }
}

fn work(waiting: &Mutex<Receiver<Job>>) {
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        // The panic hook has written message and place to standard error.
        let _ = catch_unwind(AssertUnwindSafe(job));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_end_only_their_job() {
        let pool = Pool::start().unwrap();
        for _ in 0..2 * THREADS {
            pool.run(|| panic!("this one is meant"));
        }
        let (done, finished) = channel();
        pool.run(move || done.send(7).unwrap());
        assert_eq!(finished.recv(), Ok(7));
    }
}
