//! Which spec a command means.

use super::error::CliError;
use faultbox_engine::diagnostic::suggest;
use faultbox_engine::text::regular;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// The spec a directory is asked for.
const DEFAULT_NAME: &str = "faultbox.star";

/// The spec at `named`, the one of the directory `named`, or the nearest default one at or above `directory`.
///
/// The result is written as the user would: relative when found from the current directory.
pub(crate) fn find(named: Option<&Path>, directory: &Path) -> Result<PathBuf, CliError> {
    let Some(named) = named else { return find_upward(directory) };
    let full = directory.join(named);
    if !full.is_dir() {
        // Whether it may be read is seen by opening it, which of a pipe would wait for a writer.
        let opened = regular(&full).and_then(|(file, _)| File::open(file));
        return opened.map(|_| named.to_owned()).map_err(|error| unreadable(named, &full, &error));
    }
    let default = named.join(DEFAULT_NAME);
    if directory.join(&default).is_file() {
        return Ok(default);
    }
    let error = CliError::usage(format!("{} is a directory without a {DEFAULT_NAME}", named.display()));
    let specs = specs_in(&directory.join(named));
    Err(match specs.is_empty() {
        true => error.hint("name the spec to use"),
        false => error.hint(format!("it has: {}", specs.join(", "))),
    })
}

fn unreadable(named: &Path, full: &Path, error: &io::Error) -> CliError {
    let message = CliError::usage(format!("cannot read {}: {error}", named.display()));
    let (Some(name), Some(directory)) = (full.file_name(), full.parent()) else { return message };
    let specs = specs_in(directory);
    match suggest::nearest(&name.to_string_lossy(), specs.iter().map(String::as_str)) {
        Some(near) => message.hint(format!("did you mean {}?", named.with_file_name(near).display())),
        None if specs.is_empty() => message,
        None => message.hint(format!("its directory has: {}", specs.join(", "))),
    }
}

fn find_upward(directory: &Path) -> Result<PathBuf, CliError> {
    let mut way = PathBuf::new();
    for above in directory.ancestors() {
        if above.join(DEFAULT_NAME).is_file() {
            return Ok(way.join(DEFAULT_NAME));
        }
        way.push("..");
    }
    let here = directory.display();
    let error = CliError::usage(format!("no {DEFAULT_NAME} in {here} or any directory above"));
    let specs = specs_in(directory);
    Err(match specs.first() {
        None => error.hint("name the spec to use, such as `faultbox test shop.star`"),
        Some(first) => error.hint(format!("name the spec to use, such as `faultbox test {first}`")),
    })
}

/// Names of at most ten specs, sorted.
fn specs_in(directory: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut specs: Vec<String> = names.filter(|name| name.ends_with(".star")).collect();
    specs.sort();
    specs.truncate(10);
    specs
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_nearest_default_spec_is_found_upward() {
        let root = tempfile::tempdir().unwrap();
        let below = root.path().join("a/b");
        fs::create_dir_all(&below).unwrap();
        fs::write(root.path().join("faultbox.star"), "").unwrap();
        assert_eq!(find(None, &below).unwrap(), Path::new("../../faultbox.star"));
        fs::write(below.join("faultbox.star"), "").unwrap();
        assert_eq!(find(None, &below).unwrap(), Path::new("faultbox.star"));
        assert_eq!(find(Some(Path::new("b")), &root.path().join("a")).unwrap(), Path::new("b/faultbox.star"));
    }

    #[test]
    fn a_directory_without_one_names_what_it_has() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("shop.star"), "").unwrap();
        let error = find(Some(Path::new(".")), root.path()).unwrap_err().to_string();
        assert!(error.contains("hint: it has: shop.star"), "{error}");
    }

    #[test]
    fn a_named_file_is_taken_as_it_is_written_and_a_slip_is_mended() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("shop.star"), "").unwrap();
        assert_eq!(find(Some(Path::new("./shop.star")), root.path()).unwrap(), Path::new("./shop.star"));
        let error = find(Some(Path::new("./shp.star")), root.path()).unwrap_err().to_string();
        assert!(error.starts_with("error: cannot read ./shp.star: "), "{error}");
        assert!(error.ends_with("hint: did you mean ./shop.star?"), "{error}");
    }
}
