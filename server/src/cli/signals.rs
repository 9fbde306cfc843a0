//! Ctrl-C: the first cancels the run, the second kills it. Termination and hang-up count the same.

use std::io;
use std::thread::JoinHandle;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Which signal came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    Cancel,
    Kill,
}

/// Listens until it is dropped.
#[must_use = "signals end the process again when this is dropped"]
pub(crate) struct Signals {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Signals {
    /// Calls `act` on a thread of its own for each signal: once with `Cancel`, then with `Kill`.
    pub(crate) fn listen(mut act: impl FnMut(Wish) + Send + 'static) -> io::Result<Signals> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let (stop, mut stopped) = oneshot::channel();
        let registered = runtime.enter();
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        drop(registered);
        let listen = async move {
            let mut wish = Wish::Cancel;
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    _ = hang_up.recv() => {}
                    _ = &mut stopped => return,
                }
                act(wish);
                wish = Wish::Kill;
            }
        };
        let thread =
            std::thread::Builder::new().name("signals".to_owned()).spawn(move || runtime.block_on(listen))?;
        Ok(Signals { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been printed already; there is nothing to add.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::{Signal, raise};
    use std::sync::mpsc;
    use std::time::Duration;

    #[test]
    fn the_first_signal_cancels_and_the_next_kill() {
        let (sender, wishes) = mpsc::channel();
        let signals = Signals::listen(move |wish| sender.send(wish).unwrap()).unwrap();
        for expected in [Wish::Cancel, Wish::Kill, Wish::Kill] {
            raise(Signal::SIGHUP).unwrap();
            assert_eq!(wishes.recv_timeout(Duration::from_secs(10)), Ok(expected));
        }
        drop(signals);
        assert!(wishes.recv().is_err(), "the thread has ended and dropped its sender");
    }
}
