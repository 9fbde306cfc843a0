//! The words of each domain of texts, with their meanings.

use crate::model::errno::Errno;
use crate::model::{Domain, Protocol, syscall};
use crate::protocol;
use std::sync::OnceLock;

/// A word with what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub text: String,
    pub detail: String,
}

pub(super) fn word(text: &str, detail: &str) -> Word {
    Word { text: text.to_owned(), detail: detail.to_owned() }
}

/// The words of a domain that do not depend on the spec; the commonest first.
pub(super) fn words(domain: Domain) -> Vec<Word> {
    match domain {
        Domain::Errno => errnos(None),
        Domain::Syscall => {
            let keywords = syscall_keywords().iter();
            keywords.map(|keyword| word(keyword.name, keyword.doc.unwrap_or(""))).collect()
        }
        Domain::Protocol => {
            Protocol::ALL.iter().map(|&known| word(known.name(), protocol::schema(known).doc)).collect()
        }
        Domain::HttpMethod => METHODS.iter().map(|(method, doc)| word(method, doc)).collect(),
        Domain::HttpStatus => {
            STATUSES.iter().map(|(status, reason)| word(&status.to_string(), reason)).collect()
        }
        Domain::Duration => DURATIONS.iter().map(|text| word(text, "")).collect(),
        Domain::Probability => PROBABILITIES.iter().map(|text| word(text, "")).collect(),
        Domain::Header => HEADERS.iter().map(|text| word(text, "")).collect(),
        Domain::RedisCommand => {
            protocol::redis::schema::commands::command_names().map(|name| word(name, "")).collect()
        }
        Domain::SqlState => SQL_STATES.iter().map(|(code, doc)| word(code, doc)).collect(),
        Domain::Words(words) => words.iter().map(|text| word(text, "")).collect(),
        Domain::None
        | Domain::RequestPath
        | Domain::FilePath
        | Domain::ServiceName
        | Domain::Address
        | Domain::Port => Vec::new(),
    }
}

/// Every word a syscall fault may be given under. The table is long and never changes, so it is put together once.
pub(super) fn syscall_keywords() -> &'static [syscall::Keyword] {
    static KEYWORDS: OnceLock<Vec<syscall::Keyword>> = OnceLock::new();
    KEYWORDS.get_or_init(syscall::keywords)
}

/// Every error, those first that the syscall is known for.
pub(super) fn errnos(syscall: Option<&str>) -> Vec<Word> {
    let mut errnos: Vec<Errno> = syscall.into_iter().flat_map(syscall::likely_errors).collect();
    for errno in Errno::RECOMMENDED.iter().chain(Errno::ALL) {
        if !errnos.contains(errno) {
            errnos.push(*errno);
        }
    }
    errnos.into_iter().map(|errno| word(errno.name(), errno.meaning())).collect()
}

/// RFC 9110, section 9.3, and RFC 5789.
const METHODS: &[(&str, &str)] = &[
    ("GET", "reads"),
    ("POST", "does what the resource means by it"),
    ("PUT", "replaces"),
    ("PATCH", "changes a part"),
    ("DELETE", "removes"),
    ("HEAD", "reads the head only"),
    ("OPTIONS", "asks what is possible"),
];

/// RFC 9110, section 15, and RFC 6585; errors a fault would make first.
pub(super) const STATUSES: &[(u16, &str)] = &[
    (503, "Service Unavailable"),
    (500, "Internal Server Error"),
    (502, "Bad Gateway"),
    (504, "Gateway Timeout"),
    (429, "Too Many Requests"),
    (200, "OK"),
    (201, "Created"),
    (202, "Accepted"),
    (204, "No Content"),
    (301, "Moved Permanently"),
    (302, "Found"),
    (304, "Not Modified"),
    (307, "Temporary Redirect"),
    (308, "Permanent Redirect"),
    (400, "Bad Request"),
    (401, "Unauthorized"),
    (403, "Forbidden"),
    (404, "Not Found"),
    (405, "Method Not Allowed"),
    (408, "Request Timeout"),
    (409, "Conflict"),
    (410, "Gone"),
    (412, "Precondition Failed"),
    (413, "Content Too Large"),
    (415, "Unsupported Media Type"),
    (422, "Unprocessable Content"),
    (501, "Not Implemented"),
];

const DURATIONS: &[&str] = &["100ms", "200ms", "500ms", "1s", "2s", "5s", "10s", "30s", "1m", "10ms", "50ms"];
const PROBABILITIES: &[&str] = &["10%", "25%", "50%", "75%", "1%", "5%", "90%"];
const HEADERS: &[&str] = &[
    "content-type",
    "accept",
    "authorization",
    "cache-control",
    "content-length",
    "cookie",
    "etag",
    "host",
    "if-none-match",
    "location",
    "retry-after",
    "user-agent",
    "x-request-id",
];

/// PostgreSQL's manual, appendix A: those a client is likely to handle.
const SQL_STATES: &[(&str, &str)] = &[
    ("40001", "serialization failure"),
    ("40P01", "deadlock detected"),
    ("23505", "unique violation"),
    ("23503", "foreign key violation"),
    ("53300", "too many connections"),
    ("53100", "disk full"),
    ("57014", "query cancelled"),
    ("57P01", "the server is shutting down"),
    ("55P03", "lock not available"),
    ("42P01", "undefined table"),
];
