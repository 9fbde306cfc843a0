//! Reports that go to files: refused early when they cannot be written, whole or not there at all.

use super::error::CliError;
use faultbox_engine::event::Event;
use faultbox_engine::report::{Named, Reporter};
use faultbox_engine::text::SourceMap;
use nix::unistd::{AccessFlags, access};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// A report that is written in one piece when the run is over: a reader sees the old file or the new one.
pub(crate) fn whole_file(
    option: &str,
    path: &Path,
    make: impl FnOnce(Box<dyn Write + Send>) -> Box<dyn Reporter>,
) -> Result<Named, CliError> {
    check_writable(path).map_err(|error| cannot_write(option, path, &error))?;
    let page = Page::default();
    let inner = make(Box::new(page.clone()));
    let reporter = WholeFile { inner, page, path: path.to_owned() };
    Ok(Named { name: path.display().to_string(), reporter: Box::new(reporter) })
}

/// A report that grows while the run goes on.
pub(crate) fn growing_file(
    option: &str,
    path: &Path,
    make: impl FnOnce(Box<dyn Write + Send>) -> Box<dyn Reporter>,
) -> Result<Named, CliError> {
    let file = File::create(path).map_err(|error| cannot_write(option, path, &error))?;
    Ok(Named { name: path.display().to_string(), reporter: make(Box::new(file)) })
}

fn cannot_write(option: &str, path: &Path, error: &io::Error) -> CliError {
    CliError::machine(format!("cannot write {option} {}: {error}", path.display()))
        .hint("nothing was run; choose a file in a directory that exists and is writable")
}

/// Fails now when [`replace`] would surely fail later.
fn check_writable(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(_) => Ok(access(path, AccessFlags::W_OK)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Ok(access(directory_of(path), AccessFlags::W_OK | AccessFlags::X_OK)?)
        }
        Err(error) => Err(error),
    }
}

/// Puts `bytes` in the place of the file. Devices and pipes are written to, never replaced.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // A link stays a link; what it points to is replaced.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let is_special = fs::metadata(path).is_ok_and(|metadata| !metadata.is_file());
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = directory_of(path).join(format!(".{name}.{}", std::process::id()));
    let whole = if is_special { None } else { File::create_new(&beside).ok() };
    let Some(mut file) = whole else { return fs::write(path, bytes) };
    let written =
        file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&beside, path));
    written.inspect_err(|_| {
        // The first error is the one to tell.
        let _ = fs::remove_file(&beside);
    })
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

struct WholeFile {
    inner: Box<dyn Reporter>,
    page: Page,
    path: PathBuf,
}

impl Reporter for WholeFile {
    fn event(&mut self, event: &Event, sources: &SourceMap) -> io::Result<()> {
        self.inner.event(event, sources)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.inner.finish()?;
        replace(&self.path, &self.page.lock())
    }
}

/// The bytes a reporter has written so far.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Page {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use faultbox_engine::report::Fanout;

    /// Writes "new" when it finishes.
    struct Late(Box<dyn Write + Send>);

    impl Reporter for Late {
        fn event(&mut self, _: &Event, _: &SourceMap) -> io::Result<()> {
            Ok(())
        }

        fn finish(&mut self) -> io::Result<()> {
            self.0.write_all(b"new")
        }
    }

    fn write_to(path: &Path) -> Result<io::Result<()>, CliError> {
        let named = whole_file("--output", path, |out| Box::new(Late(out)))?;
        Ok(Fanout::new(vec![named]).finish())
    }

    #[test]
    fn a_report_replaces_the_old_one_and_leaves_nothing_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("r.json");
        for _ in 0..2 {
            write_to(&path).unwrap().unwrap();
        }
        assert_eq!(fs::read(&path).unwrap(), b"new");
        let link = directory.path().join("link.json");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        write_to(&link).unwrap().unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
    }

    #[test]
    fn an_impossible_path_is_refused_before_anything_runs() {
        let directory = tempfile::tempdir().unwrap();
        for path in [directory.path().to_owned(), directory.path().join("absent/r.json")] {
            let error = write_to(&path).unwrap_err().to_string();
            assert!(error.contains(&path.display().to_string()) && error.contains("hint: "), "{error}");
        }
    }

    #[test]
    fn a_full_disk_is_told_with_the_name_of_the_file_and_a_device_stays_a_device() {
        let full = Path::new("/dev/full");
        let error = write_to(full).unwrap().unwrap_err().to_string();
        assert!(error.starts_with("cannot write /dev/full: No space left"), "{error}");
        assert!(!fs::metadata(full).unwrap().is_file());
        assert!(!fs::exists(format!("/dev/.full.{}", std::process::id())).unwrap());
    }
}
