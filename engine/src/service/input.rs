//! What a service reads: a pipe into which nothing is ever written, so that a read waits and sees no end of input.

use crate::model::Stdin;
use std::fs::{self, File, Metadata};
use std::io::{self, PipeWriter};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The writing end of a service's standard input; dropping it ends the input. No other process has it: pipes are made
/// close-on-exec, and a launch closes what is left before it executes.
#[derive(Debug)]
pub struct Input {
    writer: PipeWriter,
}

/// A process that waits in a read from a service's standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    pub pid: u32,
    /// The command's name, as ps(1) shows it.
    pub name: String,
    /// The descriptor it reads.
    pub descriptor: u32,
}

/// Makes a standard input: what the service gets as descriptor 0, and the end to hold while it runs.
pub(super) fn input(stdin: Stdin) -> io::Result<(OwnedFd, Option<Input>)> {
    match stdin {
        Stdin::Eof => Ok((File::open("/dev/null")?.into(), None)),
        Stdin::Open => {
            let (reader, writer) = io::pipe()?;
            Ok((reader.into(), Some(Input { writer })))
        }
    }
}

impl Input {
    /// The processes that wait for this input now, as far as this process may look into them. Reads
    /// `/proc/PID/task/TID/syscall` of proc_pid_syscall(5).
    pub fn readers(&self) -> Vec<Reader> {
        let Ok(pipe) = self.metadata() else { return Vec::new() };
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter_map(|pid| reader(pid, &pipe)).collect()
    }

    fn metadata(&self) -> io::Result<Metadata> {
        File::from(self.writer.as_fd().try_clone_to_owned()?).metadata()
    }
}

fn reader(pid: u32, pipe: &Metadata) -> Option<Reader> {
    let process = Path::new("/proc").join(pid.to_string());
    let is_pipe = |descriptor: &u32| {
        // Follows the link to the open file itself.
        let found = fs::metadata(process.join(format!("fd/{descriptor}")));
        found.is_ok_and(|found| (found.dev(), found.ino()) == (pipe.dev(), pipe.ino()))
    };
    let threads = fs::read_dir(process.join("task")).ok()?.flatten();
    let calls = threads.filter_map(|thread| fs::read_to_string(thread.path().join("syscall")).ok());
    let descriptor = calls.filter_map(|call| read_descriptor(&call)).find(is_pipe)?;
    let name = fs::read_to_string(process.join("comm")).ok()?.trim_end().to_owned();
    Some(Reader { pid, name, descriptor })
}

/// The descriptor of a read that a thread waits in, from the line of its `syscall` file: the call's number in decimal,
/// its arguments in hexadecimal; `running` and `-1 ...` for a thread that waits in no call.
fn read_descriptor(line: &str) -> Option<u32> {
    let mut words = line.split_ascii_whitespace();
    let call: i64 = words.next()?.parse().ok()?;
    let descriptor = words.next()?.strip_prefix("0x")?;
    let reads = [libc::SYS_read, libc::SYS_readv];
    reads.contains(&call).then(|| u32::from_str_radix(descriptor, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn only_a_read_is_taken_for_one() {
        let read = libc::SYS_read;
        assert_eq!(read_descriptor(&format!("{read} 0x0 0x7ffd 0x1000 0x0 0x0 0x0 0x1 0x2\n")), Some(0));
        assert_eq!(read_descriptor(&format!("{read} 0x1f 0x7ffd")), Some(31));
        assert_eq!(read_descriptor(&format!("{} 0x0 0x7ffd", libc::SYS_write)), None);
        for line in ["running\n", "-1 0x7ffd 0x1\n", "", "0", "x 0x0", "0 0", "0 0xfffffffffffffffff"] {
            assert_eq!(read_descriptor(line), None, "{line}");
        }
    }

    #[test]
    fn a_thread_that_waits_for_the_input_is_found_until_the_input_ends() {
        let (reader, input) = input(Stdin::Open).unwrap();
        let input = input.expect("an open input");
        let mut file = File::from(reader);
        let descriptor = std::os::fd::AsRawFd::as_raw_fd(&file).cast_unsigned();
        let waiting = std::thread::spawn(move || file.read(&mut [0; 1]));
        let found = loop {
            match input.readers().pop() {
                Some(found) => break found,
                None => std::thread::yield_now(),
            }
        };
        assert_eq!((found.pid, found.descriptor), (std::process::id(), descriptor));
        drop(input);
        assert_eq!(waiting.join().unwrap().unwrap(), 0, "end of input");
    }

    #[test]
    fn an_ended_input_has_nothing_to_read_and_nothing_to_hold() {
        let (reader, input) = input(Stdin::Eof).unwrap();
        assert!(input.is_none());
        assert_eq!(File::from(reader).read(&mut [0; 1]).unwrap(), 0);
    }
}
