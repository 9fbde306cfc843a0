//! Specs that nobody has opened, as they are on disk. The last ones read are kept with what was understood of them, so
//! that the next question about the same text costs nothing.

use super::document::Document;
use super::to_proto;
use faultbox_engine::syntax::MAX_TEXT_BYTES;
use faultbox_engine::text::{read_regular, regular};
use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// Text that is kept; what is understood of it takes a multiple.
const MAX_KEPT_BYTES: usize = 4 * 1024 * 1024;
/// A larger text is read again each time, so that one file cannot push out all others.
const MAX_KEPT_FILE: usize = MAX_KEPT_BYTES / 4;

/// Shared by all copies of the world. Never asked by its owner, who may not wait for a disk.
#[derive(Debug, Default)]
pub(super) struct Disk {
    // Held for a look only, never while a file is read or parsed.
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    files: BTreeMap<PathBuf, File>,
    bytes: usize,
    /// Counts looks, so that the file that was not looked at for longest is known.
    looks: u64,
}

#[derive(Debug)]
struct File {
    stamp: Stamp,
    document: Arc<Document>,
    looked_at: u64,
}

/// What tells, without reading, that a file was changed.
type Stamp = (Option<SystemTime>, u64);

/// The mark some editors put before a text (Unicode 15, section 23.8); it is no part of it.
pub(super) const BYTE_ORDER_MARK: char = '\u{feff}';

/// Metadata of what can be a spec.
pub(super) fn stat(path: &Path) -> Option<Metadata> {
    let (_, file) = regular(path).ok()?;
    (file.len() <= MAX_TEXT_BYTES as u64).then_some(file)
}

/// The text of what can be a spec, as an evaluation reads it.
pub(super) fn text(path: &Path) -> io::Result<String> {
    let bytes = read_regular(path, MAX_TEXT_BYTES as u64)?;
    let text = String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    Ok(text.strip_prefix(BYTE_ORDER_MARK).map(str::to_owned).unwrap_or(text))
}

impl Disk {
    /// The file; not read when its time and length are as they were. `known` is how it was before, understood or not.
    pub(super) fn look(&self, path: &Path, known: Option<&Arc<Document>>) -> Option<Arc<Document>> {
        let stat = stat(path)?;
        let stamp = (stat.modified().ok(), stat.len());
        if let Some(document) = self.kept(path, |kept| kept == stamp) {
            return Some(document);
        }
        let document = self.read(path, known)?;
        self.keep(stamp, &document);
        Some(document)
    }

    /// The file as it is this moment.
    pub(super) fn read(&self, path: &Path, known: Option<&Arc<Document>>) -> Option<Arc<Document>> {
        let text = text(path).ok()?;
        let kept = self.kept(path, |_| true);
        let same = kept.iter().chain(known).find(|document| *document.source.text == *text);
        match same {
            Some(document) => Some(Arc::clone(document)),
            None => Some(Arc::new(Document::new(to_proto::uri(path)?, 0, text))),
        }
    }

    fn kept(&self, path: &Path, is_wanted: impl Fn(Stamp) -> bool) -> Option<Arc<Document>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.looks += 1;
        let looks = kept.looks;
        let file = kept.files.get_mut(path).filter(|file| is_wanted(file.stamp))?;
        file.looked_at = looks;
        Some(Arc::clone(&file.document))
    }

    fn keep(&self, stamp: Stamp, document: &Arc<Document>) {
        let bytes = document.source.text.len();
        if bytes > MAX_KEPT_FILE {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let file = File { stamp, document: Arc::clone(document), looked_at: kept.looks };
        let mut old = Vec::from_iter(kept.files.insert(document.path().clone(), file));
        kept.bytes += bytes;
        kept.bytes -= old.iter().map(File::bytes).sum::<usize>();
        while kept.bytes > MAX_KEPT_BYTES {
            let Some(oldest) = kept.oldest() else { break };
            let gone = kept.files.remove(&oldest);
            kept.bytes -= gone.as_ref().map_or(0, File::bytes);
            old.extend(gone);
        }
        drop(kept);
        // Freed here, where nobody waits for the lock.
        drop(old);
    }
}

impl Kept {
    fn oldest(&self) -> Option<PathBuf> {
        let oldest = self.files.iter().min_by_key(|(_, file)| file.looked_at);
        oldest.map(|(path, _)| path.clone())
    }
}

impl File {
    fn bytes(&self) -> usize {
        self.document.source.text.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_did_not_change_is_kept_and_what_changed_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lib.star");
        std::fs::write(&path, "x = 1\n").unwrap();
        let disk = Disk::default();
        let first = disk.look(&path, None).unwrap();
        assert!(Arc::ptr_eq(&first, &disk.look(&path, None).unwrap()));
        assert!(Arc::ptr_eq(&first, &disk.read(&path, None).unwrap()), "the text is the same");
        std::fs::write(&path, "x = 12\n").unwrap();
        assert_eq!(&*disk.look(&path, None).unwrap().source.text, "x = 12\n");
        // The same length in the same moment: time and length may not tell, the text does.
        std::fs::write(&path, "x = 13\n").unwrap();
        assert_eq!(&*disk.read(&path, None).unwrap().source.text, "x = 13\n");
        std::fs::remove_file(&path).unwrap();
        assert!(disk.look(&path, None).is_none());
    }

    #[test]
    fn the_file_not_asked_for_longest_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::default();
        let text = "#".repeat(MAX_KEPT_FILE);
        let paths: Vec<PathBuf> = (0..5).map(|n| folder.path().join(format!("{n}.star"))).collect();
        for path in &paths {
            std::fs::write(path, &text).unwrap();
            disk.look(path, None).unwrap();
            disk.look(&paths[0], None).unwrap();
        }
        let kept = disk.kept.lock().unwrap();
        assert_eq!(kept.files.keys().collect::<Vec<_>>(), [&paths[0], &paths[2], &paths[3], &paths[4]]);
        assert_eq!(kept.bytes, 4 * MAX_KEPT_FILE);
    }
}
