"""storm THREADS CALLS: as storm.c. Python calls again after EINTR by itself, which is why its handlers may restart calls."""
import collections
import os
import signal
import subprocess
import sys
import threading

threads, calls = int(sys.argv[1]), int(sys.argv[2])
for number in (signal.SIGALRM, signal.SIGCHLD):
    signal.signal(number, lambda *_: None)
    signal.siginterrupt(number, False)
file = os.open("/tmp/storm", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
outcomes = collections.Counter()
lock = threading.Lock()
over = threading.Event()


def write_all():
    for _ in range(calls):
        try:
            os.write(file, b"x")
            error = 0
        except OSError as failure:
            error = failure.errno
        with lock:
            outcomes[error] += 1


def have_children():
    while not over.is_set():
        subprocess.run(["true"])


children = threading.Thread(target=have_children)
children.start()
writers = [threading.Thread(target=write_all) for _ in range(threads - 1)]
signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
for writer in writers:
    writer.start()
write_all()
for writer in writers:
    writer.join()
over.set()
children.join()
signal.setitimer(signal.ITIMER_REAL, 0)
print(*(f"{error}:{count}" for error, count in sorted(outcomes.items())), "")
