//! Waking a task at a point in time, to about a tenth of a millisecond.
//!
//! The runtime's timers are made for timeouts: they round up to a millisecond when set and once more when waited for,
//! so a delay of 5 ms would take up to 7. A test that injects a delay measures it. One thread per relay, started with
//! the first delay, waits on a condition variable instead.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock};
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;
use std::time::Instant;

/// Owns the thread that wakes; dropping it ends the thread.
#[derive(Debug, Default)]
pub(super) struct AlarmClock {
    shared: Arc<Shared>,
}

/// Ready at its time.
#[derive(Debug)]
pub(super) struct Alarm {
    shared: Arc<Shared>,
    at: Instant,
    /// Set once the alarm is known to the thread.
    number: Option<u64>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    thread: OnceLock<Mutex<Option<JoinHandle<()>>>>,
}

#[derive(Debug, Default)]
struct State {
    /// Times and numbers of alarms; those given up stay until their time.
    due: BinaryHeap<Reverse<(Instant, u64)>>,
    wakers: HashMap<u64, Waker>,
    next: u64,
    ended: bool,
}

impl AlarmClock {
    pub(super) fn at(&self, at: Instant) -> Alarm {
        Alarm { shared: self.shared.clone(), at, number: None }
    }
}

impl Drop for AlarmClock {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.shared.changed.notify_one();
        let thread = self.shared.thread.get();
        let handle = thread.and_then(|thread| lock(thread).take());
        // It only waits and wakes, so it ends at once and cannot panic.
        let _ = handle.map(JoinHandle::join);
    }
}

impl Future for Alarm {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.at {
            return Poll::Ready(());
        }
        let number = self.shared.set(self.at, self.number, cx.waker());
        self.number = Some(number);
        Poll::Pending
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.shared.lock().wakers.remove(&number);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Remembers whom to wake, and gives the alarm's number.
    fn set(self: &Arc<Shared>, at: Instant, number: Option<u64>, waker: &Waker) -> u64 {
        let mut state = self.lock();
        let number = number.unwrap_or_else(|| {
            let number = state.next;
            state.next += 1;
            let first = state.due.peek().is_none_or(|Reverse((earliest, _))| at < *earliest);
            state.due.push(Reverse((at, number)));
            if first {
                self.changed.notify_one();
            }
            number
        });
        state.wakers.insert(number, waker.clone());
        drop(state);
        self.thread.get_or_init(|| {
            let shared = self.clone();
            Mutex::new(Some(std::thread::spawn(move || shared.ring())))
        });
        number
    }

    /// The thread: sleeps until the next alarm and wakes whoever waits for it.
    fn ring(&self) {
        let mut state = self.lock();
        while !state.ended {
            let now = Instant::now();
            let Some(Reverse((at, number))) = state.due.peek().copied() else {
                state = self.changed.wait(state).unwrap_or_else(|poisoned| poisoned.into_inner());
                continue;
            };
            if at > now {
                let waited = self.changed.wait_timeout(state, at - now);
                state = waited.unwrap_or_else(|poisoned| poisoned.into_inner()).0;
                continue;
            }
            state.due.pop();
            if let Some(waker) = state.wakers.remove(&number) {
                waker.wake();
            }
        }
    }
}

/// A panic elsewhere leaves the state whole, since nothing in it is changed half.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn alarms_ring_in_order_and_never_early() {
        let clock = AlarmClock::default();
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let rung = Mutex::new(Vec::new());
        let ring = async |ms| {
            clock.at(at(ms)).await;
            assert!(Instant::now() >= at(ms));
            rung.lock().unwrap().push(ms);
        };
        let mut given_up = clock.at(at(5));
        assert!(std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut given_up).poll(cx))).await.is_pending());
        drop(given_up);
        // Those due at the same moment, on a busy machine, go on in this order.
        tokio::join!(ring(0), ring(1), ring(15), ring(30));
        assert_eq!(*rung.lock().unwrap(), [0, 1, 15, 30]);
        assert!(clock.shared.lock().wakers.is_empty());
    }

    #[test]
    fn a_clock_that_is_dropped_ends_its_thread() {
        let clock = AlarmClock::default();
        let mut alarm = clock.at(Instant::now() + Duration::from_secs(3600));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut alarm).poll(&mut cx).is_pending());
        let shared = Arc::downgrade(&clock.shared);
        drop((alarm, clock));
        assert!(shared.upgrade().is_none(), "the thread held the last reference");
    }
}
