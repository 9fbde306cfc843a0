//! Standard output on a thread of its own, so that a reader that stopped reading never keeps a run from ending.

use faultbox_engine::run::Cancel;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// How many bytes wait for a slow reader before the run waits too.
const MAX_WAITING: usize = 1024 * 1024;
/// How long a cancelled run waits for a reader that takes nothing.
const GRACE: Duration = Duration::from_secs(2);
/// How often a wait looks whether the run was cancelled.
const LOOK: Duration = Duration::from_millis(50);

/// A writer that hands its bytes to a thread. It waits while the reader is slow, and gives up once the run is cancelled and
/// the reader has taken nothing for [`GRACE`].
#[derive(Clone)]
pub(crate) struct Outlet {
    queue: Arc<Queue>,
    cancel: Cancel,
}

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    chunks: VecDeque<Vec<u8>>,
    /// Bytes handed over and not written yet.
    waiting: usize,
    /// Bytes written so far.
    written: u64,
    failed: Option<io::Error>,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Outlet {
    /// Starts the thread that writes to standard output; it ends with the process.
    pub(crate) fn standard_output(cancel: Cancel) -> io::Result<Outlet> {
        Outlet::start(File::from(io::stdout().as_fd().try_clone_to_owned()?), cancel)
    }

    fn start(mut out: impl Write + Send + 'static, cancel: Cancel) -> io::Result<Outlet> {
        let queue = Arc::new(Queue::default());
        let own = queue.clone();
        std::thread::Builder::new().name("output".to_owned()).spawn(move || {
            while let Some(chunk) = next(&own) {
                let outcome = write_in_pieces(&mut out, &chunk, &own);
                let mut state = own.lock();
                state.failed = state.failed.take().or(outcome.err());
                own.changed.notify_all();
            }
        })?;
        Ok(Outlet { queue, cancel })
    }

    /// Waits until `enough` holds.
    fn wait(&self, enough: impl Fn(&State) -> bool) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.queue.lock();
        let mut progress = (state.written, Instant::now());
        loop {
            if let Some(error) = &state.failed {
                // Every writer hears of it; `io::Error` cannot be cloned.
                let error = error.raw_os_error().map_or_else(
                    || io::Error::new(error.kind(), error.to_string()),
                    io::Error::from_raw_os_error,
                );
                return Err(error);
            }
            if enough(&state) {
                return Ok(state);
            }
            if state.written != progress.0 {
                progress = (state.written, Instant::now());
            }
            if self.cancel.is_requested() && progress.1.elapsed() >= GRACE {
                let text = "its reader takes nothing; the rest of the report is lost";
                return Err(io::Error::new(io::ErrorKind::TimedOut, text));
            }
            let waited = self.queue.changed.wait_timeout(state, LOOK);
            state = waited.unwrap_or_else(|poisoned| poisoned.into_inner()).0;
        }
    }
}

/// The next bytes to write; `None` when no writer is left and everything is written.
fn next(queue: &Arc<Queue>) -> Option<Vec<u8>> {
    let mut state = queue.lock();
    loop {
        if let Some(chunk) = state.chunks.pop_front() {
            return Some(chunk);
        }
        if Arc::strong_count(queue) == 1 {
            return None;
        }
        let waited = queue.changed.wait_timeout(state, LOOK);
        state = waited.unwrap_or_else(|poisoned| poisoned.into_inner()).0;
    }
}

fn write_in_pieces(out: &mut impl Write, mut chunk: &[u8], queue: &Queue) -> io::Result<()> {
    while !chunk.is_empty() {
        let count = match out.write(chunk) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        chunk = &chunk[count..];
        let mut state = queue.lock();
        state.waiting -= count;
        state.written += count as u64;
        queue.changed.notify_all();
    }
    Ok(())
}

impl Write for Outlet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.wait(|state| state.waiting < MAX_WAITING)?;
        state.chunks.push_back(bytes.to_vec());
        state.waiting += bytes.len();
        self.queue.changed.notify_all();
        Ok(bytes.len())
    }

    /// Waits until the reader, or the pipe, has taken everything.
    fn flush(&mut self) -> io::Result<()> {
        self.wait(|state| state.waiting == 0).map(drop)
    }
}

/// Writes a line to standard error, and goes on without it when it is not taken in [`GRACE`].
pub(crate) fn tell(text: String) {
    let (done, written) = std::sync::mpsc::channel();
    let write = move || {
        // Nothing hangs on the line, and a closed standard error has no reader to miss it.
        let _ = writeln!(io::stderr(), "{text}");
        let _ = done.send(());
    };
    if std::thread::Builder::new().name("notice".to_owned()).spawn(write).is_ok() {
        let _ = written.recv_timeout(GRACE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn a_slow_reader_gets_everything_in_order() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut outlet = Outlet::start(writer, Cancel::new()).unwrap();
        let sent: Vec<u8> = (0..3_000_000_u32).map(|at| (at % 251) as u8).collect();
        let expected = sent.clone();
        let read = std::thread::spawn(move || {
            let mut received = Vec::new();
            reader.read_to_end(&mut received).unwrap();
            received
        });
        outlet.write_all(&sent).unwrap();
        outlet.flush().unwrap();
        drop(outlet);
        assert!(read.join().unwrap() == expected);
    }

    #[test]
    fn a_cancelled_run_does_not_wait_for_a_reader_that_takes_nothing() {
        let (reader, writer) = io::pipe().unwrap();
        let cancel = Cancel::new();
        let mut outlet = Outlet::start(writer, cancel.clone()).unwrap();
        outlet.write_all(&[b'x'; 100_000]).unwrap();
        cancel.cancel();
        let error = outlet.flush().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(reader);
    }

    #[test]
    fn a_closed_reader_is_an_error() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let mut outlet = Outlet::start(writer, Cancel::new()).unwrap();
        let _ = outlet.write_all(b"x");
        assert_eq!(outlet.flush().unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
