//! Reads lines `request BYTES` or `reply BYTES`, escaped as in transcripts, and prints our session's reading of each.

#[path = "../benches/fuzz/h1.rs"]
mod h1;
#[path = "../benches/fuzz/transcript.rs"]
#[expect(dead_code, reason = "only the escapes are needed here")]
mod transcript;

use std::io::{BufRead, Error, Write};

fn main() -> Result<(), Error> {
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (kind, text) = line.split_once(' ').ok_or_else(|| Error::other("a line without a kind"))?;
        let bytes = transcript::unescape(text).ok_or_else(|| Error::other("a bad escape"))?;
        writeln!(std::io::stdout(), "{}", h1::reading(kind, &bytes))?;
    }
    Ok(())
}
