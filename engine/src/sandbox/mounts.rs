//! The mount points of this process, from `/proc/self/mountinfo` (proc_pid_mountinfo(5)).

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// Mount points strictly below `directory`, parents before children, those below another of them left out.
pub(super) fn below(mountinfo: &str, directory: &Path) -> Vec<PathBuf> {
    let mut points: Vec<PathBuf> = mountinfo
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .map(unescape)
        .filter(|point| point.starts_with(directory) && point != directory)
        .collect();
    points.sort();
    points.dedup();
    let mut tops: Vec<PathBuf> = Vec::new();
    for point in points {
        if !tops.iter().any(|top| point.starts_with(top)) {
            tops.push(point);
        }
    }
    tops
}

/// Undoes the kernel's octal escapes of blanks and backslashes.
fn unescape(text: &str) -> PathBuf {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let digits = bytes.get(at + 1..at + 4).and_then(|digits| std::str::from_utf8(digits).ok());
        let code = digits.filter(|_| byte == b'\\').and_then(|digits| u8::from_str_radix(digits, 8).ok());
        plain.push(code.unwrap_or(byte));
        at += if code.is_some() { 4 } else { 1 };
    }
    PathBuf::from(OsString::from_vec(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_topmost_mounts_below_a_directory() {
        let info = "1 0 8:1 / / rw - ext4 a rw\n2 1 8:1 / /work/my\\040dir rw - ext4 a rw\n\
                    3 2 8:1 / /work/my\\040dir/x rw - ext4 a rw\n4 1 8:1 / /workshop rw - ext4 a rw\n\
                    5 1 8:1 / /work rw - ext4 a rw\n";
        assert_eq!(below(info, Path::new("/work")), [PathBuf::from("/work/my dir")]);
        assert_eq!(below(info, Path::new("/workshop")), Vec::<PathBuf>::new());
    }
}
