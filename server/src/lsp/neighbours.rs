//! Which specs belong to a document because of what they load: those it loads, and those that load the same.

use super::disk;
use super::document::Document;
use super::state::World;
use super::workspace::{MAX_FILES, Walk};
use faultbox_engine::ide::snapshot::load_path;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the files may hold together, since all are in memory at once.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// How a file has to be that an answer is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freshness {
    /// As it was understood last, so that nobody waits for a parser or a disk.
    Understood,
    /// As it is in the editor, or on disk as far as time and length tell.
    Newest,
    /// As it is in the editor, or on disk letter by letter: for answers that change it.
    Exact,
}

/// The files around a document.
#[derive(Debug, Default)]
pub(super) struct Neighbours {
    pub(super) documents: Vec<Arc<Document>>,
    /// Where the paths in a loaded file start: the folder of the spec that leads to it.
    pub(super) root_folders: BTreeMap<PathBuf, PathBuf>,
    /// True when a bound was met, so that others may belong to the document, too.
    pub(super) is_cut: bool,
}

impl Neighbours {
    /// What the document loads, and what that loads.
    pub(super) fn loaded(world: &World, document: &Arc<Document>, freshness: Freshness) -> Neighbours {
        let mut reader = Reader::new(world, document, freshness);
        // An open spec that loads the document tells where the paths in it start.
        world.documents.values().for_each(|open| reader.follow(open.path()));
        reader.follow(document.path());
        let near = reader.reached(document.path());
        reader.neighbours(|path| near.contains(path))
    }

    /// The same, with every spec of the workspace that loads one of those files or the document.
    pub(super) fn all(world: &World, document: &Arc<Document>) -> Neighbours {
        let mut reader = Reader::new(world, document, Freshness::Exact);
        let mut specs: BTreeSet<PathBuf> =
            world.documents.values().map(|open| open.path()).chain(world.closed.keys()).cloned().collect();
        let walk = Walk::through(&world.folders, document.path().parent());
        reader.is_cut |= !walk.is_complete;
        specs.extend(walk.specs);
        // What lies higher up is more likely to be a root.
        let mut specs: Vec<PathBuf> = specs.into_iter().collect();
        specs.sort_by_key(|path| path.components().count());
        specs.iter().for_each(|path| reader.follow(path));
        let near = reader.reached(document.path());
        let loads_near = |path: &Path| reader.loads.get(path).is_some_and(|loads| !loads.is_disjoint(&near));
        let kept: BTreeSet<PathBuf> =
            reader.read.keys().filter(|path| near.contains(*path) || loads_near(path)).cloned().collect();
        reader.neighbours(|path| kept.contains(path))
    }
}

/// Reads files once, as far as the bounds go.
struct Reader<'w> {
    world: &'w World,
    freshness: Freshness,
    /// `None` for what cannot be read.
    read: BTreeMap<PathBuf, Option<Arc<Document>>>,
    bytes: usize,
    loads: BTreeMap<PathBuf, BTreeSet<PathBuf>>,
    root_folders: BTreeMap<PathBuf, PathBuf>,
    is_cut: bool,
}

impl<'w> Reader<'w> {
    fn new(world: &'w World, document: &Arc<Document>, freshness: Freshness) -> Reader<'w> {
        let read = BTreeMap::from([(document.path().clone(), Some(Arc::clone(document)))]);
        let (loads, root_folders) = Default::default();
        Reader { world, freshness, read, bytes: 0, loads, root_folders, is_cut: false }
    }

    /// Reads the spec and what it leads to, all paths starting at its folder.
    fn follow(&mut self, root: &Path) {
        let Some(folder) = root.parent().filter(|folder| folder.is_absolute()) else { return };
        let mut seen = BTreeSet::from([root.to_owned()]);
        let mut pending = vec![root.to_owned()];
        while let Some(path) = pending.pop() {
            let Some(document) = self.get(&path) else { continue };
            let paths = document.loads().iter().filter(|path| !path.starts_with('@'));
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
        let document = self.find(path);
        self.read.insert(path.to_owned(), document.clone());
        document
    }

    fn find(&mut self, path: &Path) -> Option<Arc<Document>> {
        let may_be_old = self.freshness == Freshness::Understood;
        if let Some(open) = self.world.document_at(path) {
            let older = self.world.understood.get(&open.uri);
            let older = older.filter(|_| may_be_old && !open.is_understood());
            return Some(Arc::clone(older.unwrap_or(open)));
        }
        // A client need not say what changes on disk, or not yet, so it may be older than the file.
        let closed = self.world.closed.get(path);
        match closed.filter(|_| may_be_old) {
            Some(closed) => Some(Arc::clone(closed)),
            None => self.read_from_disk(path, closed),
        }
    }

    fn read_from_disk(&mut self, path: &Path, known: Option<&Arc<Document>>) -> Option<Arc<Document>> {
        let size = usize::try_from(disk::stat(path)?.len()).ok()?;
        if self.read.len() >= MAX_FILES || self.bytes + size > MAX_BYTES {
            self.is_cut = true;
            return None;
        }
        self.bytes += size;
        match self.freshness {
            Freshness::Exact => self.world.disk.read(path, known),
            Freshness::Understood | Freshness::Newest => self.world.disk.look(path, known),
        }
    }

    /// The file and what it leads to.
    fn reached(&self, from: &Path) -> BTreeSet<PathBuf> {
        let mut near = BTreeSet::from([from.to_owned()]);
        let mut pending = vec![from.to_owned()];
        while let Some(path) = pending.pop() {
            let loaded = self.loads.get(&path).into_iter().flatten();
            pending.extend(loaded.filter(|path| near.insert((*path).clone())).cloned());
        }
        near
    }

    fn neighbours(self, is_wanted: impl Fn(&Path) -> bool) -> Neighbours {
        let read = self.read.into_iter().filter(|(path, _)| is_wanted(path));
        Neighbours {
            documents: read.filter_map(|(_, document)| document).collect(),
            root_folders: self.root_folders,
            is_cut: self.is_cut,
        }
    }
}
