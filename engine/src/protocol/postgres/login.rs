//! What is said at a login, as far as encryption changes it.
//!
//! SCRAM can bind a login to the TLS channel it is made on (RFC 5929, tls-server-end-point). A relay ends the client's
//! channel, so a bound login cannot pass it: the mechanism with binding is taken out of what the server offers.
//!
//! Source: <https://www.postgresql.org/docs/15/sasl-authentication.html>.

use super::codec::{self, HEADER, Header, Malformed};

/// The mechanism that binds a login to its channel.
const BOUND: &[u8] = b"SCRAM-SHA-256-PLUS";

/// AuthenticationSASL, among the messages tagged `R`.
const SASL: [u8; 4] = 10_u32.to_be_bytes();

/// What the server's first answer to a startup message comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The login goes on, whatever is asked next.
    GoesOn,
    /// It goes on, and the server offers to bind it to the channel.
    OffersBinding,
    Refused {
        sqlstate: String,
        message: String,
    },
}

impl Answer {
    /// True when no line of the server's `pg_hba.conf` lets the client in the way it came.
    pub fn is_inadmissible(&self) -> bool {
        matches!(self, Answer::Refused { sqlstate, .. } if sqlstate == "28000")
    }
}

/// Reads the server's first answer; `None` when it is not all there.
pub fn answer(buf: &[u8]) -> Result<Option<Answer>, Malformed> {
    let Some((_, message)) = first_word(buf)? else { return Ok(None) };
    let body = &message[HEADER..];
    Ok(Some(match message[0] {
        b'E' => Answer::Refused { sqlstate: error_field(body, b'C'), message: error_field(body, b'M') },
        b'R' if mechanisms(body).is_some_and(|mut offered| offered.any(|name| name == BOUND)) => {
            Answer::OffersBinding
        }
        _ => Answer::GoesOn,
    }))
}

/// The same answer without the offer to bind the login to its channel.
pub fn without_binding(buf: &[u8]) -> Vec<u8> {
    let Ok(Some((at, message))) = first_word(buf) else { return buf.to_vec() };
    let Some(offered) = mechanisms(&message[HEADER..]).filter(|_| message[0] == b'R') else {
        return buf.to_vec();
    };
    let mut body = SASL.to_vec();
    for name in offered.filter(|name| *name != BOUND) {
        body.extend(name);
        body.push(0);
    }
    body.push(0);
    let mut out = buf[..at].to_vec();
    codec::write_message(b'R', &body, &mut out);
    out.extend(&buf[at + message.len()..]);
    out
}

/// True for the first word of a SCRAM login that says the server cannot bind it, although it could: the flag `y` of
/// RFC 5802, section 6. A server that can refuses it then.
pub fn denies_binding(message: &[u8]) -> bool {
    let Ok(Some(Header { tag: b'p', len })) = codec::header(message) else { return false };
    let body = &message[HEADER..len.min(message.len())];
    let Some((name, rest)) = body.iter().position(|&byte| byte == 0).map(|at| body.split_at(at)) else {
        return false;
    };
    // The zero behind the name and the length of what follows.
    name.starts_with(b"SCRAM-") && rest.get(5..7) == Some(b"y,")
}

/// The first message that is not about the protocol's version, and where it stands.
fn first_word(buf: &[u8]) -> Result<Option<(usize, &[u8])>, Malformed> {
    let mut at = 0;
    loop {
        let Some(Header { tag, len }) = codec::header(&buf[at..])? else { return Ok(None) };
        let Some(message) = buf[at..].get(..len) else { return Ok(None) };
        if tag != b'v' {
            return Ok(Some((at, message)));
        }
        at += len;
    }
}

/// The mechanisms an AuthenticationSASL offers; `None` for any other demand.
fn mechanisms(body: &[u8]) -> Option<impl Iterator<Item = &[u8]>> {
    let names = body.strip_prefix(&SASL)?;
    Some(codec::strings(names).filter(|name| !name.is_empty()))
}

fn error_field(body: &[u8], kind: u8) -> String {
    let field = codec::strings(body).find_map(|field| field.strip_prefix(&[kind]));
    field.map_or_else(String::new, |text| String::from_utf8_lossy(text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BOTH: &[u8] = b"R\0\0\0\x2a\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0";
    const ONE: &[u8] = b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0";

    #[test]
    fn the_offer_to_bind_is_taken_out() {
        assert_eq!(answer(BOTH), Ok(Some(Answer::OffersBinding)));
        assert_eq!(without_binding(BOTH), ONE);
        assert_eq!(answer(ONE), Ok(Some(Answer::GoesOn)));
        assert_eq!(without_binding(ONE), ONE);
        assert_eq!(answer(&BOTH[..30]), Ok(None));
        let behind_version = [b"v\0\0\0\x0c\0\x03\0\0\0\0\0\0", BOTH, b"rest"].concat();
        assert_eq!(answer(&behind_version), Ok(Some(Answer::OffersBinding)));
        let wanted = [b"v\0\0\0\x0c\0\x03\0\0\0\0\0\0", ONE, b"rest"].concat();
        assert_eq!(without_binding(&behind_version), wanted);
    }

    #[test]
    fn other_answers_stay() {
        let trusted = b"R\0\0\0\x08\0\0\0\0";
        assert_eq!(answer(trusted), Ok(Some(Answer::GoesOn)));
        assert_eq!(without_binding(trusted), trusted);
        let refused = b"E\0\0\0\x16SFATAL\0C28000\0Mno\0\0";
        let read = answer(refused).unwrap().unwrap();
        assert_eq!(read, Answer::Refused { sqlstate: "28000".to_owned(), message: "no".to_owned() });
        assert!(read.is_inadmissible());
        assert!(answer(b"HTTP/1.1 400").is_err());
    }

    #[test]
    fn only_the_flag_y_denies_binding() {
        let first = |flag: &str| {
            let text = format!("{flag},,n=,r=abc");
            let mut body = b"SCRAM-SHA-256\0".to_vec();
            body.extend((text.len() as u32).to_be_bytes());
            body.extend(text.as_bytes());
            let mut out = Vec::new();
            codec::write_message(b'p', &body, &mut out);
            out
        };
        assert!(denies_binding(&first("y")));
        assert!(!denies_binding(&first("n")));
        assert!(!denies_binding(&first("p=tls-server-end-point")));
        assert!(!denies_binding(b"p\0\0\0\x0esecret123\0"));
    }

    proptest! {
        #[test]
        fn random_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = answer(&bytes);
            let _ = denies_binding(&bytes);
            prop_assert!(without_binding(&bytes).len() <= bytes.len() + 1);
        }
    }
}
