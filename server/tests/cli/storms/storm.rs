//! storm THREADS CALLS: as storm.c, with handlers that restart calls.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

#[repr(C)]
struct Interval {
    seconds: i64,
    micros: i64,
    first_seconds: i64,
    first_micros: i64,
}

extern "C" {
    // Of the GNU library: installs with SA_RESTART.
    fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
    fn setitimer(which: i32, new: *const Interval, old: *mut Interval) -> i32;
}

extern "C" fn handle(_: i32) {}

fn write_all(calls: usize) -> BTreeMap<i32, usize> {
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.create(true).append(true).mode(0o600).open("/tmp/storm").unwrap();
    let mut outcomes = BTreeMap::new();
    for _ in 0..calls {
        // Unlike write_all, write does not try again by itself.
        let error = file.write(b"x").err().map_or(0, |error| error.raw_os_error().unwrap_or(-1));
        *outcomes.entry(error).or_default() += 1;
    }
    outcomes
}

fn main() {
    let number = |at: usize| std::env::args().nth(at).unwrap().parse::<usize>().unwrap();
    let (threads, calls) = (number(1), number(2));
    let often = Interval { seconds: 0, micros: 5000, first_seconds: 0, first_micros: 5000 };
    let never = Interval { seconds: 0, micros: 0, first_seconds: 0, first_micros: 0 };
    // SAFETY: the handler does nothing; SIGALRM is 14 and SIGCHLD 17 on Linux.
    unsafe {
        signal(14, handle);
        signal(17, handle);
        setitimer(0, &often, std::ptr::null_mut());
    }
    let over = AtomicBool::new(false);
    let mut all: BTreeMap<i32, usize> = BTreeMap::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                Command::new("true").status().unwrap();
            }
        });
        let writers: Vec<_> = (1..threads).map(|_| scope.spawn(move || write_all(calls))).collect();
        let own = [write_all(calls)];
        for outcomes in own.into_iter().chain(writers.into_iter().map(|writer| writer.join().unwrap())) {
            outcomes.into_iter().for_each(|(error, count)| *all.entry(error).or_default() += count);
        }
        over.store(true, Ordering::Relaxed);
    });
    // SAFETY: as above.
    unsafe { setitimer(0, &never, std::ptr::null_mut()) };
    let parts: Vec<String> = all.iter().map(|(error, count)| format!("{error}:{count} ")).collect();
    println!("{}", parts.concat());
}
