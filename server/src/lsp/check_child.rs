//! The other end of `checker`: reads questions, evaluates, answers, until its standard input closes.

use super::checker::{Answer, Question};
use super::disk::BYTE_ORDER_MARK;
use crate::program;
use faultbox_engine::check;
use faultbox_engine::ide::{Outline, findings, kin};
use faultbox_engine::spec::{self, Limits};
use faultbox_engine::text::{DiskFiles, FileId, FolderFiles, MemoryFiles, OverlayFiles, SourceMap, Span};
use nix::sys::resource::{Resource, setrlimit};
use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::channel;
use std::thread;

/// Address space of the child, in bytes: a spec that wants more ends the child, not the machine.
const MAX_MEMORY_BYTES: u64 = 512 * 1024 * 1024 + spec::STACK_BYTES as u64;

/// Runs until standard input closes. Also ends in the middle of an evaluation then, because a thread of its own reads.
pub(crate) fn main() -> ExitCode {
    let limited = setrlimit(Resource::RLIMIT_AS, MAX_MEMORY_BYTES, MAX_MEMORY_BYTES)
        .and_then(|()| setrlimit(Resource::RLIMIT_CORE, 0, 0));
    if limited.is_err() {
        return ExitCode::FAILURE;
    }
    let (questions, asked) = channel::<Vec<u8>>();
    let evaluate = move || -> io::Result<()> {
        send(b"{}")?;
        while let Ok(text) = asked.recv() {
            send(&answer(&text)?)?;
        }
        Ok(())
    };
    let started = thread::Builder::new().name("evaluate".to_owned()).spawn(move || {
        // The parent is gone, or a frame is broken: there is nobody to tell.
        if evaluate().is_err() {
            std::process::exit(1);
        }
    });
    if started.is_err() {
        return ExitCode::FAILURE;
    }
    let mut stdin = io::stdin().lock();
    while let Ok(text) = receive(&mut stdin) {
        if questions.send(text).is_err() {
            break;
        }
    }
    // Not `return`: an evaluation without end may be going on.
    std::process::exit(0)
}

fn answer(text: &[u8]) -> io::Result<Vec<u8>> {
    let question: Question = serde_json::from_slice(text)?;
    let buffers =
        question.buffers.iter().map(|(path, text)| (path.clone(), text.as_bytes().into())).collect();
    let buffers = MemoryFiles { files: buffers };
    let around = OverlayFiles { buffers: buffers.clone(), below: FolderFiles::within(&question.within) };
    let files = OverlayFiles { buffers, below: DiskFiles };
    let loaded = spec::load(&files, &question.root, &Limits::load());
    let complete = loaded.program.is_some();
    let beside = question.root.parent().unwrap_or(Path::new("/")).to_owned();
    let checked = check::all(&loaded, &|service| program::complaint(&service.binary, &beside), &|| {
        !kin::of(&around, &question.root).loaders.is_empty()
    });
    let mut findings = findings::of_spec(&loaded, checked);
    let mut outline = Outline::of(&loaded.spec, &loaded.sources, &loaded.data_files, complete);
    let marked = marked(&question, &loaded.sources);
    let mut shift = |span: &mut Span| {
        if marked.contains(&span.file) {
            let by = BYTE_ORDER_MARK.len_utf8() as u32;
            (span.start, span.end) = (span.start + by, span.end + by);
        }
    };
    outline.for_each_span(&mut shift);
    findings.iter_mut().for_each(|finding| finding.for_each_span(&mut shift));
    Ok(serde_json::to_vec(&Answer { outline, findings })?)
}

/// Files whose buffers begin with a byte order mark: places in them count from behind it, the editor's from before it.
fn marked(question: &Question, sources: &SourceMap) -> BTreeSet<FileId> {
    let is_marked =
        |path: &Path| question.buffers.get(path).is_some_and(|text| text.starts_with(BYTE_ORDER_MARK));
    sources.iter().filter(|(_, source)| is_marked(&source.path)).map(|(file, _)| file).collect()
}

fn receive(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    reader.read_exact(&mut length)?;
    let mut text = vec![0; u32::from_le_bytes(length) as usize];
    reader.read_exact(&mut text)?;
    Ok(text)
}

fn send(text: &[u8]) -> io::Result<()> {
    let length = u32::try_from(text.len()).map_err(io::Error::other)?;
    let mut stdout = io::stdout().lock();
    stdout.write_all(&length.to_le_bytes())?;
    stdout.write_all(text)?;
    stdout.flush()
}
