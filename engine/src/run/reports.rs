//! How a worker's facts get to the dispatcher: by a thread of their own, so that a dispatcher that is slow to read, because
//! nobody reads its report, holds up neither a service nor a relay.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

/// How many bytes wait for a slow dispatcher before the worker waits, too.
const MAX_WAITING: usize = 16 * 1024 * 1024;

/// Where facts are written.
pub(super) enum Reports {
    /// At once, while the process may have one thread only.
    Here(File),
    Apart(Arc<Queue>),
}

/// What waits for being written.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    lines: VecDeque<Vec<u8>>,
    /// With the line that is being written.
    bytes: usize,
}

impl Reports {
    /// Writes by a thread from now on.
    pub(super) fn detach(&mut self) -> io::Result<()> {
        let Reports::Here(out) = self else { return Ok(()) };
        let mut out = out.try_clone()?;
        let queue = Arc::new(Queue::default());
        let own = queue.clone();
        std::thread::Builder::new().name("reports".to_owned()).spawn(move || {
            loop {
                let line = own.next();
                // A dispatcher that is gone ends this worker through the lifeline; there is nobody left to tell.
                let _ = out.write_all(&line);
                own.written(line.len());
            }
        })?;
        *self = Reports::Apart(queue);
        Ok(())
    }

    pub(super) fn send(&mut self, line: Vec<u8>) {
        match self {
            Reports::Here(out) => {
                // As above.
                let _ = out.write_all(&line);
            }
            Reports::Apart(queue) => queue.push(line),
        }
    }

    /// What is to be waited for before the process ends.
    pub(super) fn queue(&self) -> Option<Arc<Queue>> {
        match self {
            Reports::Here(_) => None,
            Reports::Apart(queue) => Some(queue.clone()),
        }
    }
}

impl Queue {
    /// Waits until everything is written.
    pub(super) fn flush(&self) {
        drop(self.wait(|waiting| waiting.bytes == 0));
    }

    fn push(&self, line: Vec<u8>) {
        let mut waiting = self.wait(|waiting| waiting.bytes < MAX_WAITING);
        waiting.bytes += line.len();
        waiting.lines.push_back(line);
        self.changed.notify_all();
    }

    fn next(&self) -> Vec<u8> {
        self.wait(|waiting| !waiting.lines.is_empty()).lines.pop_front().unwrap_or_default()
    }

    fn written(&self, bytes: usize) {
        self.wait(|_| true).bytes -= bytes;
        self.changed.notify_all();
    }

    fn wait(&self, enough: impl Fn(&Waiting) -> bool) -> MutexGuard<'_, Waiting> {
        let waiting = self.waiting.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let waited = self.changed.wait_while(waiting, |waiting| !enough(waiting));
        waited.unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::fd::OwnedFd;

    #[test]
    fn a_reader_that_does_not_read_holds_up_nobody_and_loses_nothing() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut reports = Reports::Here(File::from(OwnedFd::from(writer)));
        reports.send(b"first\n".to_vec());
        reports.detach().unwrap();
        // Many times what the pipe holds.
        for _ in 0..100 {
            reports.send(vec![b'x'; 50_000]);
        }
        let queue = reports.queue().unwrap();
        let read = std::thread::spawn(move || {
            let mut received = vec![0; 6 + 100 * 50_000];
            reader.read_exact(&mut received).map(|()| received)
        });
        queue.flush();
        let received = read.join().unwrap().unwrap();
        assert!(received.starts_with(b"first\nxxx") && received.ends_with(b"xxx"));
    }
}
