//! Finding the file of a program, and saying why the kernel would not execute it.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::spawn::{Launch, LaunchError};

/// Where programs are looked up when the environment has no `PATH`, as execvp(3) does.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// The file to execute: as written when it has a `/`, else the first executable of that name in `PATH`.
pub(super) fn locate(launch: &Launch<'_>) -> Result<PathBuf, LaunchError> {
    let program = launch.argv.first().ok_or(LaunchError::Empty)?;
    if program.as_bytes().contains(&b'/') {
        return Ok(program.into());
    }
    let path = launch.env.iter().rfind(|(name, _)| name == "PATH").map(|(_, value)| value.as_os_str());
    let searched = path.unwrap_or(DEFAULT_PATH.as_ref());
    let candidates = std::env::split_paths(searched).map(|directory| directory.join(program));
    let is_executable = |file: &PathBuf| {
        let there = launch.cwd.join(file).metadata();
        there.is_ok_and(|there| there.is_file() && there.permissions().mode() & 0o111 != 0)
    };
    let mut found = candidates.filter(is_executable);
    found.next().ok_or_else(|| LaunchError::NotInPath { program: program.into(), searched: searched.into() })
}

/// Turns the errno of a failed execve into what a user can act on.
pub(super) fn explain_exec(errno: i32, program: PathBuf, cwd: &Path) -> LaunchError {
    let source = io::Error::from_raw_os_error(errno);
    match errno {
        libc::ENOENT | libc::ENOTDIR => match interpreter_of(&cwd.join(&program)) {
            Some(interpreter) => LaunchError::NoInterpreter { program, interpreter },
            None => LaunchError::NotFound { program },
        },
        libc::EACCES | libc::EPERM => LaunchError::NotExecutable { program, source },
        libc::ENOEXEC => LaunchError::BadFormat { program },
        _ => LaunchError::Exec { program, source },
    }
}

/// The interpreter an existing file asks for.
fn interpreter_of(file: &Path) -> Option<PathBuf> {
    let mut head = Vec::new();
    // Scripts name theirs in the first line, ELF programs their loader within the first page.
    File::open(file).ok()?.take(4096).read_to_end(&mut head).ok()?;
    interpreter(&head)
}

/// The interpreter a file that begins with `head` asks for: behind `#!`, or the loader an ELF program names.
pub fn interpreter(head: &[u8]) -> Option<PathBuf> {
    let text = match head.strip_prefix(b"#!") {
        Some(line) => line.trim_ascii_start().split(|byte| byte.is_ascii_whitespace()).next()?,
        None if head.starts_with(b"\x7fELF") => loader(head)?,
        None => return None,
    };
    Some(PathBuf::from(std::ffi::OsStr::from_bytes(text)))
}

/// The loader of an ELF file: the string of its `PT_INTERP` segment, which linkers place in the first page.
fn loader(head: &[u8]) -> Option<&[u8]> {
    let number = |at: usize, size: usize| {
        let bytes = head.get(at..at.checked_add(size)?)?;
        Some(bytes.iter().rev().fold(0_usize, |value, &byte| (value << 8) | usize::from(byte)))
    };
    // elf(5), 64-bit layout: program headers start at e_phoff, each e_phentsize bytes; p_type 3 is PT_INTERP.
    let (headers, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
    // Neither factor has more than 16 bits; a table that begins beyond the first page has nothing to find.
    let mut entries = (0..count).map_while(|index| headers.checked_add(index * size));
    let entry = entries.find(|&entry| number(entry, 4) == Some(3))?;
    let start = number(entry + 8, 8)?;
    head.get(start..)?.split(|&byte| byte == 0).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interpreters_are_named() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let script = directory.path().join("script");
        std::fs::write(&script, "#! /no/such/interp -x\n").expect("writable");
        assert_eq!(interpreter_of(&script), Some("/no/such/interp".into()));
        std::fs::write(&script, "echo\n").expect("writable");
        assert_eq!(interpreter_of(&script), None);
        let own = std::env::current_exe().expect("our own program");
        let loader = interpreter_of(&own).expect("tests are linked dynamically");
        assert!(loader.to_string_lossy().contains("ld-"), "{loader:?}");
    }
}
