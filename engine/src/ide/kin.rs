//! What the files around a file say about it: whether a spec lies beside it, and who loads it.

use super::relevance::is_faultbox;
use super::snapshot::{load_path, load_paths};
use crate::syntax::{self, MAX_TEXT_BYTES};
use crate::text::{FileId, Files};
use std::path::{Path, PathBuf};

/// Folders upwards that may hold a root spec.
const MAX_ABOVE: usize = 4;
/// Folders that are looked into, so that a full home folder costs little.
const MAX_FOLDERS: usize = 64;
/// Specs that are read.
const MAX_FILES: usize = 256;
/// What they may hold together, so that a folder of large files costs little.
const MAX_BYTES: usize = 2 * MAX_TEXT_BYTES;
/// Folders of tools.
const SKIPPED: [&str; 2] = ["target", "node_modules"];

/// The relations of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kin {
    /// A file of its folder is written for Faultbox.
    pub has_spec_beside: bool,
    /// Folders of the files that load it.
    pub loaders: Vec<PathBuf>,
}

/// Looks at the folder of the file, those below and above, and those beside it.
pub fn of(files: &dyn Files, path: &Path) -> Kin {
    let mut kin = Kin::default();
    let (Some(own), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return kin;
    };
    let above = above(files, own);
    let (mut left, mut bytes_left) = (MAX_FILES, MAX_BYTES);
    for folder in folders(files, &above) {
        for other in names(files, &folder, |name| name.ends_with(".star")) {
            let at = folder.join(&other);
            if at == path || left == 0 {
                continue;
            }
            left -= 1;
            let Some(text) = text(files, &at, bytes_left) else { continue };
            bytes_left -= text.len();
            let names_it = text.contains(name);
            if !names_it && (kin.has_spec_beside || folder != own) {
                continue;
            }
            let parsed = syntax::parse(FileId(0), &text);
            kin.has_spec_beside |= folder == own && is_faultbox(&parsed, &other);
            // Paths start at the folder of whatever root leads to the file, which need not be its own.
            let roots_above = above.iter().filter(|root| folder.starts_with(root));
            let mut roots = std::iter::once(&folder).chain(roots_above);
            let loads_it = names_it
                && roots.any(|root| load_paths(&parsed.tree).any(|loaded| load_path(root, loaded) == path));
            if loads_it && !kin.loaders.contains(&folder) {
                kin.loaders.push(folder.clone());
            }
        }
    }
    kin
}

/// The folder and those above it, up to the one a repository begins in.
fn above(files: &dyn Files, own: &Path) -> Vec<PathBuf> {
    let mut above = Vec::new();
    for folder in own.ancestors().take(MAX_ABOVE) {
        above.push(folder.to_owned());
        if files.names_in(folder).iter().any(|name| name == ".git") {
            break;
        }
    }
    above
}

/// Those folders, and what lies right in the first two.
fn folders(files: &dyn Files, above: &[PathBuf]) -> Vec<PathBuf> {
    let mut folders = above.to_vec();
    for folder in above.iter().take(2) {
        let is_folder = |name: &str| !name.contains('.') && !SKIPPED.contains(&name);
        folders.extend(names(files, folder, is_folder).into_iter().map(|name| folder.join(name)));
    }
    folders.truncate(MAX_FOLDERS);
    let mut seen = std::collections::BTreeSet::new();
    folders.retain(|folder| seen.insert(folder.clone()));
    folders
}

fn names(files: &dyn Files, folder: &Path, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let mut names = files.names_in(folder);
    names.retain(|name| wanted(name));
    names.sort();
    names.dedup();
    names
}

/// The text of a spec; none when it is longer than a spec may be, or than there is room for.
fn text(files: &dyn Files, path: &Path, bytes_left: usize) -> Option<String> {
    let bytes = files.read_at_most(path, bytes_left.min(MAX_TEXT_BYTES) as u64).ok()?;
    String::from_utf8(bytes.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::{Kin, of};
    use crate::text::MemoryFiles;
    use std::path::{Path, PathBuf};

    fn kin(others: &[(&str, &str)]) -> Kin {
        let files = MemoryFiles::default().with("/w/lib/a.star", "x = 1\n");
        let files = others.iter().fold(files, |files, (path, text)| files.with(path, text));
        of(&files, Path::new("/w/lib/a.star"))
    }

    #[test]
    fn a_spec_beside_it_makes_a_file_one_of_ours() {
        assert_eq!(kin(&[]), Kin::default());
        assert!(kin(&[("/w/lib/b.star", "db = service(\"db\", \"x\")\n")]).has_spec_beside);
        assert!(!kin(&[("/w/lib/b.star", "cc_library(name = \"x\")\n")]).has_spec_beside);
        assert!(!kin(&[("/w/b.star", "db = service(\"db\", \"x\")\n")]).has_spec_beside);
    }

    #[test]
    fn no_more_is_read_than_there_is_room_for() {
        let large = "#".repeat(super::MAX_TEXT_BYTES);
        let loads = "load(\"a.star\", \"x\")\n";
        assert_eq!(kin(&[("/w/lib/b.star", &large), ("/w/lib/c.star", loads)]).loaders.len(), 1);
        let too_many = [("/w/lib/b.star", &*large), ("/w/lib/c.star", &large), ("/w/lib/d.star", loads)];
        assert!(kin(&too_many).loaders.is_empty());
    }

    #[test]
    fn who_loads_it_is_found_around_it() {
        let loaders = |path: &str, text: &str| kin(&[(path, text)]).loaders;
        assert_eq!(loaders("/w/lib/b.star", "load(\"a.star\", \"x\")\n"), [PathBuf::from("/w/lib")]);
        assert_eq!(loaders("/w/b.star", "load(\"lib/a.star\", \"x\")\n"), [PathBuf::from("/w")]);
        assert_eq!(loaders("/w/lib/b.star", "load(\"lib/a.star\", \"x\")\n"), [PathBuf::from("/w/lib")]);
        assert!(loaders("/w/b.star", "load(\"a.star\", \"x\")\n").is_empty());
    }
}
