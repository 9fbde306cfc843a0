//! Percent-encoding in URIs (RFC 3986, section 2.1).

use std::borrow::Cow;

/// Text with its `%41` read as `A`; a `%` without two digits stays.
pub fn decode(text: &[u8]) -> Cow<'_, str> {
    if !text.contains(&b'%') {
        return String::from_utf8_lossy(text);
    }
    let digit = |at: usize| text.get(at).and_then(|&byte| (byte as char).to_digit(16));
    let mut decoded = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                // Two digits below 16 make a byte.
                decoded.push((high * 16 + low) as u8);
                at += 3;
            }
            _ => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&decoded).into_owned())
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn two_digits_are_a_byte_and_anything_else_stays() {
        assert_eq!(decode(b"/A%20b"), "/A b");
        assert_eq!(decode(b"/%c3%A9"), "/é");
        assert_eq!(decode(b"100%, %4, %zz"), "100%, %4, %zz");
    }
}
