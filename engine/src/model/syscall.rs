//! System calls as a spec names them: single calls, families of calls, what each acts on, and which may not be faulted.
//!
//! Numbers are those of the architecture the program was built for; [`table`] holds both supported ones.

mod errors;
mod families;
mod family;
mod keyword;
mod narrow;
mod shape;
mod subject;
mod table;

use std::fmt;
use std::sync::OnceLock;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use errors::likely_errors;
pub use family::{Coverage, Family, Matchable, Member, watched_beside};
pub use keyword::{Keyword, keyword_doc, keywords, resolve, untrappable, untrappable_groups};
pub use narrow::SOCKETCALL;
pub use shape::{CallShape, Condition, Files, When};
pub use subject::Subject;
use table::TABLE;

/// One system call of this architecture. Serialised by name, since numbers differ between architectures.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Syscall {
    number: u16,
}

impl Syscall {
    pub fn from_name(name: &str) -> Option<Syscall> {
        let at = TABLE.binary_search_by_key(&name, |row| row.0).ok()?;
        u16::try_from(native(&TABLE[at])).ok().map(|number| Syscall { number })
    }

    /// The call with this number; `None` for numbers the table does not know, a newer kernel's for example.
    pub fn from_number(number: u32) -> Option<Syscall> {
        let number = u16::try_from(number).ok()?;
        row_of(number).map(|_| Syscall { number })
    }

    pub fn number(self) -> u32 {
        u32::from(self.number)
    }

    pub fn name(self) -> &'static str {
        row_of(self.number).map_or("unknown", |row| row.0)
    }

    /// The arguments that say what the call acts on: descriptors, paths and addresses, the primary one first.
    pub fn subjects(self) -> &'static [Subject] {
        // Looked up by number, since every intercepted call asks, often more than once.
        static SUBJECTS: OnceLock<Vec<&'static [Subject]>> = OnceLock::new();
        let all = SUBJECTS.get_or_init(|| {
            let of = |number: u16| row_of(number).map_or(&[][..], |row| subject::of(row.0));
            (0..ROW_BY_NUMBER.len() as u16).map(of).collect()
        });
        all.get(usize::from(self.number)).copied().unwrap_or_default()
    }

    /// Every call of this architecture that may be intercepted, in order of name.
    pub fn trappable() -> impl Iterator<Item = Syscall> {
        TABLE.iter().filter(|row| untrappable(row.0).is_none()).filter_map(|row| Syscall::from_name(row.0))
    }
}

impl fmt::Display for Syscall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Syscall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.name(), self.number)
    }
}

impl Serialize for Syscall {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Syscall {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Syscall, D::Error> {
        let name = String::deserialize(deserializer)?;
        Syscall::from_name(&name)
            .ok_or_else(|| D::Error::custom(format!("`{name}` is not a system call here")))
    }
}

/// Whether `name` is a system call of the other architecture only, for an error that says so.
pub fn exists_elsewhere(name: &str) -> bool {
    TABLE.binary_search_by_key(&name, |row| row.0).is_ok() && Syscall::from_name(name).is_none()
}

const fn native(row: &(&str, i16, i16)) -> i16 {
    if cfg!(target_arch = "aarch64") { row.2 } else { row.1 }
}

/// Rows by native number, since every intercepted call asks for its name; `u16::MAX` where there is no call.
static ROW_BY_NUMBER: [u16; 512] = {
    let mut rows = [u16::MAX; 512];
    let mut at = 0;
    while at < TABLE.len() {
        let number = native(&TABLE[at]);
        if number >= 0 {
            rows[number as usize] = at as u16;
        }
        at += 1;
    }
    rows
};

fn row_of(number: u16) -> Option<&'static (&'static str, i16, i16)> {
    let row = *ROW_BY_NUMBER.get(usize::from(number))?;
    TABLE.get(usize::from(row))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_numbers_are_unique() {
        assert!(TABLE.is_sorted_by(|a, b| a.0 < b.0));
        for column in [|row: &(&str, i16, i16)| row.1, |row: &(&str, i16, i16)| row.2] {
            let mut numbers: Vec<i16> = TABLE.iter().map(column).filter(|&number| number >= 0).collect();
            let count = numbers.len();
            numbers.sort_unstable();
            numbers.dedup();
            assert_eq!(numbers.len(), count);
        }
    }

    #[test]
    fn numbers_agree_with_the_c_library() {
        for (name, number) in [
            ("write", libc::SYS_write),
            ("openat2", libc::SYS_openat2),
            ("futex", libc::SYS_futex),
            ("io_uring_setup", libc::SYS_io_uring_setup),
            ("mseal", libc::SYS_mseal),
        ] {
            assert_eq!(Syscall::from_name(name).map(|call| i64::from(call.number())), Some(number), "{name}");
        }
    }

    #[test]
    fn serialises_by_name() {
        let call = Syscall::from_name("fsync").expect("fsync exists");
        assert_eq!(serde_json::to_string(&call).expect("a string"), "\"fsync\"");
        assert_eq!(serde_json::from_str::<Syscall>("\"fsync\"").expect("a call"), call);
    }
}
