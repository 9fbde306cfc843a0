//! Text to tokens in two steps: `scan` cuts the text, `layout` finds logical lines, blocks and brackets that are
//! never closed. Neither can fail; what is wrong is reported and the tokens still tile the text.

mod layout;
pub mod literal;
mod scan;
mod symbols;
pub mod token;

use crate::diagnostic::Diagnostic;
use crate::text::FileId;
pub use literal::decode_bytes;
pub use token::{Bracket, Keyword, Operator, Token, TokenKind};

/// Cuts `text` into tokens, the last of them [`TokenKind::End`], and reports what is wrong with them.
///
/// Brackets are always balanced in the result: one that is never closed is followed by a
/// [`TokenKind::MissingClose`], one that closes nothing is a [`TokenKind::StrayClose`].
pub fn lex(file: FileId, text: &str) -> (Vec<Token>, Vec<Diagnostic>) {
    let (raw, mut diagnostics) = scan::scan(file, text);
    let (tokens, more) = layout::layout(file, text, &raw);
    diagnostics.extend(more);
    (tokens, diagnostics)
}
