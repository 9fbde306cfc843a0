//! PostgreSQL's messages as bytes: where one ends, what it says, and how one is written.
//!
//! Source: <https://www.postgresql.org/docs/15/protocol-message-formats.html>.

/// The bytes are not PostgreSQL's protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

/// Tag and length of a message.
pub const HEADER: usize = 5;

/// Length and code of what a connection begins with, which has no tag.
pub const STARTUP_HEADER: usize = 8;

/// Longest message: PostgreSQL itself takes up to 1 GiB.
const MAX_MESSAGE: u32 = 1 << 30;

/// Longest startup packet the server takes.
const MAX_STARTUP: u32 = 10_000;

/// The header of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub tag: u8,
    /// Of the whole message, tag included.
    pub len: usize,
}

/// What a connection begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Startup {
    Start { len: usize },
    SslRequest,
    GssRequest,
    CancelRequest { len: usize },
}

/// Reads a header; `None` when it is not all there.
pub fn header(buf: &[u8]) -> Result<Option<Header>, Malformed> {
    let Some(bytes) = buf.first_chunk::<HEADER>() else { return Ok(None) };
    let [tag, length @ ..] = *bytes;
    let length = u32::from_be_bytes(length);
    if !(4..=MAX_MESSAGE).contains(&length) || !tag.is_ascii_alphanumeric() {
        return Err(Malformed("not a message of PostgreSQL's protocol"));
    }
    Ok(Some(Header { tag, len: length as usize + 1 }))
}

/// PostgreSQL 17 can do without the request for encryption.
const DIRECT_TLS: Malformed = Malformed(
    "TLS from the first byte hides requests from rules: set the client's sslnegotiation to postgres",
);

/// Reads what a connection begins with; `None` when it is not all there.
pub fn startup(buf: &[u8]) -> Result<Option<Startup>, Malformed> {
    const WRONG: Malformed = Malformed("not PostgreSQL's startup");
    // A TLS connection from the first byte begins with a handshake record.
    if buf.first().is_some_and(|&byte| byte != 0) {
        return Err(if buf[0] == 0x16 { DIRECT_TLS } else { WRONG });
    }
    let Some((length, rest)) = buf.split_first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_be_bytes(*length);
    if !(8..=MAX_STARTUP).contains(&length) {
        return Err(WRONG);
    }
    let Some(code) = rest.first_chunk::<4>() else { return Ok(None) };
    let len = length as usize;
    match u32::from_be_bytes(*code) {
        80_877_103 if len == STARTUP_HEADER => Ok(Some(Startup::SslRequest)),
        80_877_104 if len == STARTUP_HEADER => Ok(Some(Startup::GssRequest)),
        80_877_102 => Ok(Some(Startup::CancelRequest { len })),
        version if version >> 16 == 3 => Ok((buf.len() >= len).then_some(Startup::Start { len })),
        _ => Err(WRONG),
    }
}

/// The zero-terminated texts at the front of a body.
pub fn strings(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    body.split_inclusive(|&byte| byte == 0).map_while(|text| text.strip_suffix(&[0]))
}

/// The value of a startup parameter such as `user`. `body` starts behind the protocol's version.
pub fn startup_parameter<'b>(body: &'b [u8], name: &str) -> Option<&'b [u8]> {
    let mut texts = strings(body);
    while let (Some(key), Some(value)) = (texts.next(), texts.next()) {
        if key == name.as_bytes() {
            return Some(value);
        }
    }
    None
}

/// Writes a message of tag and body.
pub fn write_message(tag: u8, body: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    out.extend((body.len() as u32 + 4).to_be_bytes());
    out.extend(body);
}

/// What an ErrorResponse says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorFields<'e> {
    /// `ERROR`, or `FATAL` when the session ends with it.
    pub severity: &'e str,
    pub sqlstate: &'e str,
    pub message: &'e str,
    pub detail: Option<&'e str>,
    pub hint: Option<&'e str>,
}

/// Writes an ErrorResponse.
pub fn write_error(error: &ErrorFields<'_>, out: &mut Vec<u8>) {
    let mut body = Vec::new();
    let fields = [
        (b'S', Some(error.severity)),
        (b'V', Some(error.severity)),
        (b'C', Some(error.sqlstate)),
        (b'M', Some(error.message)),
        (b'D', error.detail),
        (b'H', error.hint),
    ];
    for (kind, text) in fields {
        let Some(text) = text else { continue };
        body.push(kind);
        body.extend(text.bytes().filter(|&byte| byte != 0));
        body.push(0);
    }
    body.push(0);
    write_message(b'E', &body, out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn headers_are_read() {
        assert_eq!(header(b"Q\0\0\0\x0dSELECT 1\0"), Ok(Some(Header { tag: b'Q', len: 14 })));
        assert_eq!(header(b"Q\0\0\0"), Ok(None));
        assert!(header(b"Q\0\0\0\x03").is_err());
        assert!(header(b"Q\xff\0\0\x03").is_err());
        assert!(header(b"\n\0\0\0\x05").is_err());
    }

    #[test]
    fn a_connection_begins_in_four_ways() {
        let start = b"\0\0\0\x14\0\x03\0\0user\0app\0\0\0\0";
        assert_eq!(startup(start), Ok(Some(Startup::Start { len: 20 })));
        assert_eq!(startup(&start[..12]), Ok(None));
        assert_eq!(startup_parameter(&start[STARTUP_HEADER..], "user"), Some(&b"app"[..]));
        assert_eq!(startup_parameter(&start[STARTUP_HEADER..], "database"), None);
        assert_eq!(startup(b"\0\0\0\x08\x04\xd2\x16\x2f"), Ok(Some(Startup::SslRequest)));
        assert_eq!(startup(b"\0\0\0\x08\x04\xd2\x16\x30"), Ok(Some(Startup::GssRequest)));
        let cancel = b"\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\x01\0\0\0\x02";
        assert_eq!(startup(cancel), Ok(Some(Startup::CancelRequest { len: 16 })));
        assert_eq!(startup(b"\x16\x03\x01"), Err(DIRECT_TLS));
        assert!(startup(b"GET / HTTP/1.1").is_err());
        assert!(startup(b"\0\0\0\x08\0\x02\0\0").is_err());
    }

    #[test]
    fn an_error_is_written_with_its_code() {
        let mut out = Vec::new();
        let fields = ErrorFields {
            severity: "ERROR",
            sqlstate: "40P01",
            message: "dead\0lock",
            detail: None,
            hint: Some("h"),
        };
        write_error(&fields, &mut out);
        assert_eq!(out, b"E\0\0\0\x27SERROR\0VERROR\0C40P01\0Mdeadlock\0Hh\0\0");
    }

    proptest! {
        #[test]
        fn random_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = header(&bytes);
            let _ = startup(&bytes);
            let _ = startup_parameter(&bytes, "user");
        }
    }
}
