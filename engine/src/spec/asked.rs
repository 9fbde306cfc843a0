//! Whether what a syscall fault asks for can ever happen: a path on calls that name no file, a peer on calls that carry
//! no address.
//!
//! The loader knows the values, the checks of bodies and the editor the text alone; all three say the same here.

use crate::diagnostic::{Code, Diagnostic};
use crate::model::syscall::{CallShape, Matchable};
use crate::model::{Dialect, Glob, ParamType};
use crate::text::Span;

/// A syscall fault under its keyword, as far as it is known.
pub(crate) struct Asked<'a> {
    pub word: &'a str,
    pub calls: &'a [CallShape],
    pub path: Option<AskedPath<'a>>,
    /// True when the word is an operation that brings a path along.
    pub has_own_path: bool,
    /// `to` or `port`, and where the word is written.
    pub peer: Option<(&'static str, Span)>,
}

/// A `path=` as written.
#[derive(Clone, Copy)]
pub(crate) struct AskedPath<'a> {
    pub glob: &'a str,
    /// The value.
    pub span: Span,
    /// The keyword and the value.
    pub argument: Span,
}

impl Asked<'_> {
    /// Why the fault can never act.
    pub(crate) fn finding(&self) -> Option<Diagnostic> {
        let can = Matchable::of(self.calls);
        self.path_finding(can).or_else(|| self.peer_finding(can))
    }

    fn path_finding(&self, can: Matchable) -> Option<Diagnostic> {
        let AskedPath { glob, span, argument } = self.path?;
        let word = self.word;
        if !can.files {
            let message = format!("`{word}` names no file, so `path` never matches");
            let finding = Diagnostic::new(Code::UnsupportedMatcher, span, message).label("never matches");
            return Some(match can.peers {
                true => finding.help(peer_help(word)),
                false => finding.help(format!("leave `path` out: `{word}` is faulted wherever it is called")),
            });
        }
        if can.only_sockets && !names_socket(glob) {
            let message = format!("`path` on `{word}` names a Unix socket, and \"{glob}\" is not one");
            let finding = Diagnostic::new(Code::UnsupportedMatcher, span, message).label("never matches");
            let finding =
                finding.help(if can.peers { peer_help(word) } else { "name the port: port=8080".to_owned() });
            return Some(match port_in(glob).map(|port| format!("port={port}")) {
                Some(port) => finding.fix(format!("change to `{port}`"), argument, port),
                None => finding,
            });
        }
        path_of_a_file(glob, span).filter(|_| !can.only_sockets)
    }

    fn peer_finding(&self, can: Matchable) -> Option<Diagnostic> {
        let (name, span) = self.peer?;
        let word = self.word;
        if self.path.is_some() || self.has_own_path {
            let message = format!("a fault takes `path` or `{name}`, not both");
            return Some(Diagnostic::new(Code::UnsupportedMatcher, span, message).label("one too many"));
        }
        if name == "port" && can.addresses || can.peers {
            return None;
        }
        let message = format!("`{word}` carries no address of a peer, so `{name}` never matches");
        let finding = Diagnostic::new(Code::UnsupportedMatcher, span, message).label("never matches");
        Some(finding.help(match can.addresses {
            true => "`bind` claims an address of its own, which port= names",
            false => "`to` and `port` go with connect and sendto; for messages on a connection use rules on the interface",
        }))
    }
}

/// A service where `to=` takes an interface of one.
pub(crate) fn service_as_peer(function: &str, span: Span) -> Diagnostic {
    let wanted = ParamType::InterfaceRef.words();
    let message = format!("{function}() to= must be {wanted}, not a service");
    Diagnostic::new(Code::WrongType, span, message).label("this is a service")
}

fn peer_help(word: &str) -> String {
    format!("name the peer: {word}=deny(\"ECONNREFUSED\", to=db.main), or its port: port=5432")
}

/// A pattern that can match no file, as paths are absolute.
pub(crate) fn path_of_a_file(glob: &str, span: Span) -> Option<Diagnostic> {
    if Glob::new(glob, Dialect::File, false).may_begin_with('/') {
        return None;
    }
    let message = format!("\"{glob}\" matches no file: paths are absolute");
    Some(
        Diagnostic::new(Code::BadValue, span, message)
            .label("never matches")
            .help(format!("begin with `/`, or with `*` for any directory: \"*/{glob}\"")),
    )
}

/// True when a glob may match the path or the abstract name of a Unix socket, and does not read like host and port.
fn names_socket(glob: &str) -> bool {
    let compiled = Glob::new(glob, Dialect::File, false);
    let is_address = glob.rsplit_once(':').is_some_and(|(_, port)| {
        port == "*" || !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
    });
    !is_address && (compiled.may_begin_with('/') || compiled.may_begin_with('@'))
}

/// The port of a glob such as `*:6379`.
fn port_in(glob: &str) -> Option<u16> {
    glob.rsplit_once(':')?.1.parse().ok().filter(|&port| port > 0)
}
