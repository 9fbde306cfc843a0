// storm THREADS CALLS: as storm.c. Threads of the pool write; UV_THREADPOOL_SIZE says how many there are.
const { spawn } = require("node:child_process");
const fs = require("node:fs");

const [threads, calls] = process.argv.slice(2).map(Number);
const file = fs.openSync("/tmp/storm", "a", 0o600);
const outcomes = new Map();
const count = (error) => outcomes.set(error, (outcomes.get(error) ?? 0) + 1);

process.on("SIGALRM", () => {});
// A timer of its own a program in Node cannot have.
const alarm = spawn("sh", ["-c", 'while kill -ALRM "$0"; do sleep 0.005; done', String(process.pid)]);
let over = false;
const child = () => over || spawn("true").on("exit", child);
child();

function writeAll() {
    return new Promise((done) => {
        let left = calls;
        const next = () => left-- ? fs.write(file, "x", (error) => (count(error ? -error.errno : 0), next())) : done();
        next();
    });
}

// The first thread has its share, too.
const own = () => new Promise((done) => {
    let left = calls;
    const next = () => {
        if (!left--) return done();
        try {
            fs.writeSync(file, "x");
            count(0);
        } catch (error) {
            count(-error.errno);
        }
        setImmediate(next);
    };
    next();
});

Promise.all([own(), ...Array.from({ length: threads - 1 }, writeAll)]).then(() => {
    over = true;
    alarm.kill();
    const sorted = [...outcomes].sort(([one], [other]) => one - other);
    console.log(sorted.map(([error, times]) => `${error}:${times} `).join(""));
});
