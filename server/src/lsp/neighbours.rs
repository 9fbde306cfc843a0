//! Specs around a document that nobody has opened, read from disk for one question: what the document loads, and what
//! loads the same.

use super::document::Document;
use super::state::World;
use super::to_proto;
use faultbox_engine::ide::snapshot::{load_path, load_paths};
use faultbox_engine::syntax::size_complaint;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Specs that are read; far above what a workspace has.
const MAX_FILES: usize = 4_000;
/// What they may hold together, since all are in memory at once.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// Entries of folders that are looked at, so that a home folder opened as workspace ends too.
const MAX_ENTRIES: usize = 100_000;
/// Folders of tools, which hold copies of specs or none.
const SKIPPED: [&str; 2] = ["target", "node_modules"];

/// The files around a document, each as its open buffer or as on disk.
#[derive(Debug, Default)]
pub(super) struct Neighbours {
    pub(super) documents: Vec<Arc<Document>>,
    /// Where the paths in a loaded file start: the folder of the spec that leads to it.
    pub(super) root_folders: BTreeMap<PathBuf, PathBuf>,
}

impl Neighbours {
    /// What the document loads, and what that loads.
    pub(super) fn loaded(world: &World, document: &Arc<Document>) -> Neighbours {
        let mut reader = Reader::new(world, document, false);
        reader.follow(document.path());
        reader.neighbours(|_| true)
    }

    /// The same, with every spec of the workspace that loads one of those files or the document.
    pub(super) fn all(world: &World, document: &Arc<Document>) -> Neighbours {
        let mut reader = Reader::new(world, document, true);
        let mut specs: BTreeSet<PathBuf> =
            world.documents.values().map(|open| open.path()).chain(world.closed.keys()).cloned().collect();
        specs.extend(specs_on_disk(world, document));
        // What lies higher up is more likely to be a root.
        let mut specs: Vec<PathBuf> = specs.into_iter().collect();
        specs.sort_by_key(|path| path.components().count());
        specs.iter().for_each(|path| reader.follow(path));
        let mut near = BTreeSet::from([document.path().clone()]);
        let mut pending = vec![document.path().clone()];
        while let Some(path) = pending.pop() {
            let loaded = reader.loads.get(&path).into_iter().flatten();
            pending.extend(loaded.filter(|path| near.insert((*path).clone())).cloned());
        }
        let loads_near = |path: &Path| reader.loads.get(path).is_some_and(|loads| !loads.is_disjoint(&near));
        let kept: BTreeSet<PathBuf> =
            reader.read.keys().filter(|path| near.contains(*path) || loads_near(path)).cloned().collect();
        reader.neighbours(|path| kept.contains(path))
    }
}

/// Reads files once, as far as the bounds go.
struct Reader<'w> {
    world: &'w World,
    /// False when an open document that is just being parsed counts as it was before, so that nobody waits for it.
    is_exact: bool,
    /// `None` for what cannot be read.
    read: BTreeMap<PathBuf, Option<Arc<Document>>>,
    bytes: usize,
    loads: BTreeMap<PathBuf, BTreeSet<PathBuf>>,
    root_folders: BTreeMap<PathBuf, PathBuf>,
}

impl<'w> Reader<'w> {
    fn new(world: &'w World, document: &Arc<Document>, is_exact: bool) -> Reader<'w> {
        let read = BTreeMap::from([(document.path().clone(), Some(Arc::clone(document)))]);
        Reader { world, is_exact, read, bytes: 0, loads: BTreeMap::new(), root_folders: BTreeMap::new() }
    }

    /// Reads the spec and what it leads to, all paths starting at its folder.
    fn follow(&mut self, root: &Path) {
        let Some(folder) = root.parent().filter(|folder| folder.is_absolute()) else { return };
        let mut seen = BTreeSet::from([root.to_owned()]);
        let mut pending = vec![root.to_owned()];
        while let Some(path) = pending.pop() {
            // A quick look spares most files the parser.
            let document = self.get(&path).filter(|document| document.source.text.contains("load"));
            let Some(document) = document else { continue };
            let paths = load_paths(&document.parsed().tree).filter(|path| !path.starts_with('@'));
            for loaded in paths.map(|path| load_path(folder, path)) {
                self.loads.entry(path.clone()).or_default().insert(loaded.clone());
                if seen.insert(loaded.clone()) {
                    self.root_folders.entry(loaded.clone()).or_insert_with(|| folder.to_owned());
                    pending.push(loaded);
                }
            }
        }
    }

    fn get(&mut self, path: &Path) -> Option<Arc<Document>> {
        if let Some(known) = self.read.get(path) {
            return known.clone();
        }
        let document = self.open(path).or_else(|| self.read_from_disk(path));
        self.read.insert(path.to_owned(), document.clone());
        document
    }

    fn open(&self, path: &Path) -> Option<Arc<Document>> {
        let world = self.world;
        let newest = world.document_at(path).or_else(|| world.closed.get(path))?;
        let older = world.understood.get(&newest.uri).filter(|_| !self.is_exact && !newest.is_understood());
        Some(Arc::clone(older.unwrap_or(newest)))
    }

    fn read_from_disk(&mut self, path: &Path) -> Option<Arc<Document>> {
        let size = usize::try_from(std::fs::metadata(path).ok().filter(|file| file.is_file())?.len()).ok()?;
        if self.read.len() >= MAX_FILES || self.bytes + size > MAX_BYTES || size_complaint(size).is_some() {
            return None;
        }
        self.bytes += size;
        let text = std::fs::read_to_string(path).ok()?;
        Some(Arc::new(Document::new(to_proto::uri(path)?, 0, text)))
    }

    fn neighbours(self, is_wanted: impl Fn(&Path) -> bool) -> Neighbours {
        let read = self.read.into_iter().filter(|(path, _)| is_wanted(path));
        Neighbours {
            documents: read.filter_map(|(_, document)| document).collect(),
            root_folders: self.root_folders,
        }
    }
}

/// The specs of the workspace's folders, and those beside the document, which may lie in none.
fn specs_on_disk(world: &World, document: &Document) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut entries = MAX_ENTRIES;
    let mut pending: VecDeque<PathBuf> = world.folders.iter().cloned().collect();
    let own = document.path().parent().filter(|folder| folder.is_absolute());
    let own = own.filter(|own| !world.folders.iter().any(|folder| own.starts_with(folder)));
    if let Some(own) = own {
        list(own, &mut entries, &mut found);
    }
    // Breadth first: where the bounds are met, what lies deep is left out.
    while let Some(folder) = pending.pop_front() {
        pending.extend(list(&folder, &mut entries, &mut found));
    }
    found
}

/// Adds the specs right in the folder to `found`; returns the folders in it. Links are not followed.
fn list(folder: &Path, entries: &mut usize, found: &mut Vec<PathBuf>) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if *entries == 0 || found.len() >= MAX_FILES {
            break;
        }
        *entries -= 1;
        let (name, path) = (entry.file_name(), entry.path());
        let Ok(kind) = entry.file_type() else { continue };
        let name = name.to_string_lossy();
        if kind.is_dir() && !name.starts_with('.') && !SKIPPED.contains(&&*name) {
            folders.push(path);
        } else if kind.is_file() && name.ends_with(".star") {
            found.push(path);
        }
    }
    folders
}
