//! Whether a service's program can be executed, asked before anything runs.

use faultbox_engine::service::process;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// What is wrong with a program, such as `no such file`; `None` when it can be started. `beside` is the spec's directory.
pub(crate) fn complaint(binary: &str, beside: &Path) -> Option<String> {
    let program = process::program(binary, beside);
    if program.is_absolute() {
        return file_complaint(&program);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|folder| file_complaint(&folder.join(&program)).is_none());
    let folder = beside.display();
    (!found).then(|| format!("no file of this name lies in {folder}, and no program {binary} is in PATH"))
}

fn file_complaint(path: &PathBuf) -> Option<String> {
    match std::fs::metadata(path) {
        Err(error) => Some(format!("{}: {}", path.display(), reason(&error))),
        Ok(found) if found.is_dir() => Some(format!("{} is a directory", path.display())),
        // Whether this very user may execute it is seen when it starts; nobody may without any of the bits.
        Ok(found) if found.permissions().mode() & 0o111 == 0 => {
            Some(format!("{} is not executable", path.display()))
        }
        Ok(_) => None,
    }
}

fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file".to_owned(),
        _ => error.to_string(),
    }
}
