//! Values, commands and errors as RESP writes them.

use crate::model::Data;

/// Which RESP a connection speaks, as agreed with `HELLO`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Version {
    #[default]
    Resp2,
    Resp3,
}

/// Writes plain data as a reply: text and bytes as a bulk, a list as an array, a dict as a map (flat in RESP2).
pub fn write_value(value: &Data, version: Version, out: &mut Vec<u8>) {
    match (value, version) {
        (Data::None, Version::Resp2) => out.extend(b"$-1\r\n"),
        (Data::None, Version::Resp3) => out.extend(b"_\r\n"),
        (Data::Bool(bit), Version::Resp2) => out.extend(if *bit { b":1\r\n" } else { b":0\r\n" }),
        (Data::Bool(bit), Version::Resp3) => out.extend(if *bit { b"#t\r\n" } else { b"#f\r\n" }),
        (Data::Number(number), _) if number.is_i64() => out.extend(format!(":{number}\r\n").bytes()),
        (Data::Number(number), Version::Resp3) => out.extend(format!(",{number}\r\n").bytes()),
        (Data::Number(number), Version::Resp2) => write_bulk(number.to_string().as_bytes(), out),
        (Data::Text(text), _) => write_bulk(text.as_bytes(), out),
        (Data::Bytes(bytes), _) => write_bulk(bytes, out),
        (Data::List(items), _) => {
            out.extend(format!("*{}\r\n", items.len()).bytes());
            items.iter().for_each(|item| write_value(item, version, out));
        }
        (Data::Dict(fields), _) => {
            let header = match version {
                Version::Resp2 => format!("*{}\r\n", fields.len() * 2),
                Version::Resp3 => format!("%{}\r\n", fields.len()),
            };
            out.extend(header.bytes());
            for (name, field) in fields {
                write_bulk(name.as_bytes(), out);
                write_value(field, version, out);
            }
        }
    }
}

pub fn write_bulk(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend(format!("${}\r\n", bytes.len()).bytes());
    out.extend(bytes);
    out.extend(b"\r\n");
}

/// Writes a command as an array of bulks, the form every server takes.
pub fn write_command<'a>(args: impl ExactSizeIterator<Item = &'a [u8]>, out: &mut Vec<u8>) {
    out.extend(format!("*{}\r\n", args.len()).bytes());
    args.for_each(|arg| write_bulk(arg, out));
}

/// Writes an error. A message that begins with a code word (`READONLY ...`) is taken as it is, any other gets `ERR`.
pub fn write_error(message: &str, out: &mut Vec<u8>) {
    let line: String = message.chars().map(|c| if c.is_ascii_control() { ' ' } else { c }).collect();
    let word = line.split(' ').next().unwrap_or_default();
    let is_code =
        word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit());
    let prefix = if is_code && !word.starts_with(|c: char| c.is_ascii_digit()) { "-" } else { "-ERR " };
    out.extend(format!("{prefix}{}\r\n", line.trim_end()).bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_written_for_the_version_agreed() {
        let write = |value: serde_json::Value, version| {
            let mut out = Vec::new();
            write_value(&value.into(), version, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(write(json!(null), Version::Resp2), "$-1\r\n");
        assert_eq!(write(json!(null), Version::Resp3), "_\r\n");
        assert_eq!(write(json!({"a": 1}), Version::Resp2), "*2\r\n$1\r\na\r\n:1\r\n");
        assert_eq!(write(json!({"a": true}), Version::Resp3), "%1\r\n$1\r\na\r\n#t\r\n");
        assert_eq!(write(json!(["x", 1.5]), Version::Resp2), "*2\r\n$1\r\nx\r\n$3\r\n1.5\r\n");
    }

    #[test]
    fn an_error_keeps_its_code_word() {
        let write = |message: &str| {
            let mut out = Vec::new();
            write_error(message, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(write("READONLY You can't write"), "-READONLY You can't write\r\n");
        assert_eq!(write("injected fault"), "-ERR injected fault\r\n");
        assert_eq!(write("A\r\nB"), "-ERR A  B\r\n");
        assert_eq!(write("OOM"), "-OOM\r\n");
    }
}
