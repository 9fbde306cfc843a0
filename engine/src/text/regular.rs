//! Reading files of which nothing is known: a spec may name a device, a pipe or a file without end, and so may a link
//! that lies beside it.

use std::fs::{File, FileType, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Where the kernel shows itself as files, some of which wait for a reader, have no end, or do something when read.
const OF_THE_KERNEL: [&str; 3] = ["/proc", "/sys", "/dev"];
/// The one folder below these that holds files like any other.
const SHARED_MEMORY: &str = "/dev/shm";

/// The bytes of a regular file of at most `max_bytes` bytes. Never waits for a writer, and never reads anything else.
pub fn read_regular(path: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
    let (real, seen) = regular(path)?;
    fits(seen.len(), max_bytes)?;
    // Between the look and the opening the file may have become a pipe, and opening that would wait (open(2)).
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(real)?;
    if let Some(complaint) = complaint(&file.metadata()?) {
        return Err(complaint);
    }
    let mut bytes = Vec::new();
    // A file that grows meanwhile is read to the bound.
    file.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
    fits(bytes.len() as u64, max_bytes)?;
    Ok(bytes)
}

/// What [`read_regular`] would open: the file without links, and what is known of it.
pub fn regular(path: &Path) -> io::Result<(PathBuf, Metadata)> {
    // Not of `real`: the links of /proc/self/fd lead to names that are no paths.
    let metadata = path.metadata()?;
    if let Some(complaint) = complaint(&metadata) {
        return Err(complaint);
    }
    let real = path.canonicalize()?;
    let of_kernel = OF_THE_KERNEL.iter().find(|folder| real.starts_with(folder));
    match of_kernel.filter(|_| !real.starts_with(SHARED_MEMORY)) {
        Some(folder) => Err(refused(&format!("it lies in {folder}, which has no files to load"))),
        None => Ok((real, metadata)),
    }
}

fn complaint(metadata: &Metadata) -> Option<io::Error> {
    let kind = metadata.file_type();
    (!kind.is_file()).then(|| refused(&format!("it is {}, not a regular file", word(kind))))
}

fn word(kind: FileType) -> &'static str {
    match kind {
        _ if kind.is_dir() => "a directory",
        _ if kind.is_fifo() => "a named pipe",
        _ if kind.is_socket() => "a socket",
        _ if kind.is_char_device() || kind.is_block_device() => "a device",
        _ => "something else",
    }
}

fn fits(size: u64, max_bytes: u64) -> io::Result<()> {
    if size <= max_bytes {
        return Ok(());
    }
    let limit = max_bytes / (1024 * 1024);
    let text = format!("the file has more than {limit} MiB, which is the largest size that is read");
    Err(io::Error::new(io::ErrorKind::FileTooLarge, text))
}

fn refused(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

#[cfg(test)]
mod tests {
    use super::read_regular;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::path::Path;

    fn refusal(path: &Path) -> String {
        read_regular(path, 8).unwrap_err().to_string()
    }

    #[test]
    fn only_regular_files_are_read_whatever_a_link_leads_to() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("file"), "x = 1\n").unwrap();
        nix::unistd::mkfifo(&at("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let _listener = UnixListener::bind(at("socket")).unwrap();
        for (link, target) in [
            ("link", "file"),
            ("to-pipe", "pipe"),
            ("zero", "/dev/zero"),
            ("messages", "/proc/kmsg"),
            ("memory", "/proc/self/pagemap"),
            ("self", "self"),
            ("gone", "nowhere"),
        ] {
            symlink(target, at(link)).unwrap();
        }
        assert_eq!(read_regular(&at("file"), 8).unwrap(), b"x = 1\n");
        assert_eq!(read_regular(&at("link"), 8).unwrap(), b"x = 1\n");
        assert_eq!(refusal(&at("pipe")), "it is a named pipe, not a regular file");
        assert_eq!(refusal(&at("to-pipe")), "it is a named pipe, not a regular file");
        assert_eq!(refusal(&at("socket")), "it is a socket, not a regular file");
        assert_eq!(refusal(&at("zero")), "it is a device, not a regular file");
        assert_eq!(refusal(folder.path()), "it is a directory, not a regular file");
        assert_eq!(refusal(&at("memory")), "it lies in /proc, which has no files to load");
        assert!(refusal(&at("gone")).starts_with("No such file"));
        assert!(refusal(&at("self")).starts_with("Too many levels of symbolic links"));
        assert_eq!(refusal(&at("messages")), "it lies in /proc, which has no files to load");
    }

    #[test]
    fn the_bound_holds_for_what_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large");
        std::fs::write(&path, "123456789").unwrap();
        assert_eq!(read_regular(&path, 9).unwrap().len(), 9);
        let error = read_regular(&path, 8).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::FileTooLarge);
        // As long as a disk is large, without taking any of it.
        std::fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert!(refusal(&path).contains("more than"));
    }
}
