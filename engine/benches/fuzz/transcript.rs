//! Conversations written down in `tests/transcripts/<protocol>/*.txt`.
//!
//! Lines beginning with `> ` are what the client said, `< ` what the server said, `# ` is a comment. `\r`, `\n`,
//! `\t`, `\\` and `\xNN` stand for bytes.

use faultbox_engine::model::Protocol;
use faultbox_engine::proxy::Direction;
use std::path::{Path, PathBuf};

/// Who says what, in order.
pub(crate) type Talk = Vec<(Direction, Vec<u8>)>;

/// Every transcript of a protocol, by file name.
///
/// # Panics
/// When a file cannot be read or is not in the form above.
pub(crate) fn of(protocol: Protocol) -> Vec<(String, Talk)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts").join(protocol.name());
    let Ok(entries) = std::fs::read_dir(&folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable entry").path()).collect();
    paths.sort();
    let read = |path: &PathBuf| {
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(path).expect("a readable transcript");
        let talk = parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (name, talk)
    };
    paths.iter().map(read).collect()
}

fn parse(text: &str) -> Result<Talk, String> {
    let mut talk = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let direction = match line.get(..2) {
            Some("> ") => Direction::ToServer,
            Some("< ") => Direction::ToClient,
            Some("# ") => continue,
            _ => return Err(format!("line {}: begins with none of `> `, `< `, `# `", at + 1)),
        };
        let bytes = unescape(&line[2..]).ok_or_else(|| format!("line {}: a bad escape", at + 1))?;
        talk.push((direction, bytes));
    }
    Ok(talk)
}

/// The bytes `text` stands for; `None` when an escape is none of those above.
pub(crate) fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => match rest.next()? {
                b'r' => b'\r',
                b'n' => b'\n',
                b't' => b'\t',
                b'\\' => b'\\',
                b'x' => {
                    let digits = [rest.next()?, rest.next()?];
                    u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
                }
                _ => return None,
            },
            byte => byte,
        });
    }
    Some(bytes)
}
