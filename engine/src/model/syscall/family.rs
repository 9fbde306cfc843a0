//! Families: calls that do the same thing in different shapes, so that a rule on one word misses none of them.

use super::Syscall;
use super::families::FAMILIES;
use super::shape::{CallShape, Files, When};
use std::fmt;

/// One family, a row of the table.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Family {
    at: u8,
}

/// A row of the table of families.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) keyword: &'static str,
    pub(super) doc: &'static str,
    pub(super) members: &'static [Member],
}

/// A call that does what a family is for, on some architecture.
#[derive(Debug)]
pub struct Member {
    pub name: &'static str,
    pub when: When,
    pub files: Files,
    pub coverage: Coverage,
}

/// What a rule on a family does about one of its calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// The rule acts on it.
    Faulted,
    /// It passes and is counted, for this reason, and the evidence of the rule says so.
    Counted(&'static str),
    /// It fails with ENOSYS, for this reason, and the evidence of every rule on the service says so.
    Refused(&'static str),
    /// The keyword of this name acts on it.
    Elsewhere(&'static str),
    /// Nothing sees it, for this reason.
    Unseen(&'static str),
}

impl Family {
    /// Every family, in the order of the table.
    pub fn all() -> impl Iterator<Item = Family> {
        (0..FAMILIES.len()).filter_map(|at| u8::try_from(at).ok()).map(|at| Family { at })
    }

    pub fn from_keyword(keyword: &str) -> Option<Family> {
        Family::all().find(|family| family.keyword() == keyword)
    }

    fn row(self) -> &'static Row {
        &FAMILIES[usize::from(self.at)]
    }

    pub fn keyword(self) -> &'static str {
        self.row().keyword
    }

    /// What its calls do, in a few words.
    pub fn doc(self) -> &'static str {
        self.row().doc
    }

    /// What Linux offers for it; some calls do not exist on every architecture.
    pub fn members(self) -> &'static [Member] {
        self.row().members
    }

    /// Names of the calls a rule on it acts on, each once.
    pub fn faulted_names(self) -> impl Iterator<Item = &'static str> {
        let faulted = self.members().iter().filter(|member| member.coverage == Coverage::Faulted);
        faulted.map(|member| member.name)
    }

    /// The calls of this architecture that a rule on it acts on.
    pub fn faulted(self) -> Vec<CallShape> {
        self.shapes(|coverage| coverage == Coverage::Faulted)
    }

    /// The calls of this architecture that pass and are counted.
    pub fn counted(self) -> Vec<CallShape> {
        self.shapes(|coverage| matches!(coverage, Coverage::Counted(_)))
    }

    fn shapes(self, wanted: impl Fn(Coverage) -> bool) -> Vec<CallShape> {
        let members = self.members().iter().filter(|member| wanted(member.coverage));
        members.filter_map(Member::shape).collect()
    }
}

impl fmt::Debug for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.keyword())
    }
}

impl Member {
    /// The call on this architecture.
    pub fn shape(&self) -> Option<CallShape> {
        let syscall = Syscall::from_name(self.name)?;
        Some(CallShape { syscall, when: self.when, files: self.files })
    }
}

/// What must be watched beside these calls: what does the same and can only be counted. A family is watched when a rule
/// is on the whole of it; a single call is what it says.
pub fn watched_beside(calls: &[CallShape]) -> Vec<CallShape> {
    let asked = |shape: &CallShape| calls.iter().any(|call| call.covers(*shape));
    let mut watched: Vec<CallShape> =
        Family::all().filter(|family| family.faulted().iter().all(asked)).flat_map(Family::counted).collect();
    watched.sort_unstable();
    watched.dedup();
    watched
}

/// What `path=`, `to=` or `port=` can mean on a keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Matchable {
    /// Some call of it names a file, or may act on one.
    pub files: bool,
    /// Some call of it names a Unix socket, and none names anything else by a path.
    pub only_sockets: bool,
    /// Some call of it carries the address of a peer.
    pub peers: bool,
    /// Some call of it carries an address, a peer's or the local one.
    pub addresses: bool,
}

impl Matchable {
    pub fn of(calls: &[CallShape]) -> Matchable {
        let files = calls.iter().any(|call| call.has_path());
        let addresses = calls.iter().any(|call| call.has_address());
        Matchable {
            files,
            only_sockets: files && calls.iter().all(|call| call.has_only_sockets()),
            peers: calls.iter().any(|call| call.has_address() && call.syscall.name() != "bind"),
            addresses,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::syscall::{exists_elsewhere, keyword_doc, resolve, untrappable};

    /// Whether the call exists on some architecture.
    fn exists(name: &str) -> bool {
        Syscall::from_name(name).is_some() || exists_elsewhere(name)
    }

    fn family(keyword: &str) -> Family {
        Family::from_keyword(keyword).unwrap_or_else(|| panic!("{keyword} is a family"))
    }

    #[test]
    fn the_table_makes_sense() {
        for family in Family::all() {
            let keyword = family.keyword();
            assert!(family.faulted().len() > 1 || cfg!(target_arch = "aarch64"), "{keyword} is one call");
            assert!(!family.faulted().is_empty(), "{keyword} has no call here");
            assert!(keyword_doc(keyword).is_some(), "{keyword} has no doc");
            for member in family.members() {
                let name = member.name;
                assert!(exists(name), "{keyword}: {name}");
                match member.coverage {
                    Coverage::Faulted => assert_eq!(untrappable(name), None, "{keyword}: {name}"),
                    Coverage::Counted(reason) | Coverage::Refused(reason) | Coverage::Unseen(reason) => {
                        assert!(reason.len() > 10 && !reason.ends_with('.'), "{keyword}: {name}: {reason}");
                    }
                    Coverage::Elsewhere(other) => {
                        assert!(other != keyword && resolve(other).is_some(), "{keyword}: {name}: {other}");
                    }
                }
            }
        }
    }

    /// The word of an old call means the newer shapes as well, here and where the old one does not exist.
    #[test]
    fn old_names_mean_the_newer_shapes() {
        for (keyword, newer) in [
            ("rename", "renameat2"),
            ("unlink", "unlinkat"),
            ("rmdir", "unlinkat"),
            ("accept", "accept4"),
            ("mkdir", "mkdirat"),
            ("link", "linkat"),
            ("symlink", "symlinkat"),
            ("chmod", "fchmodat2"),
            ("stat", "statx"),
            ("truncate", "ftruncate"),
            ("open", "openat2"),
            ("write", "copy_file_range"),
        ] {
            assert!(family(keyword).faulted_names().any(|name| name == newer), "{keyword}: {newer}");
        }
    }

    /// Every call that has a variant with `at`, or with a digit behind it, belongs to a family that has both.
    #[test]
    fn no_call_is_without_its_variants() {
        let of = |name: &str| -> Vec<Family> {
            Family::all().filter(|family| family.faulted_names().any(|other| other == name)).collect()
        };
        for call in Syscall::trappable() {
            let name = call.name();
            for variant in ["at", "at2", "2", "4", "p", "64"].map(|end| format!("{name}{end}")) {
                if !exists(&variant) || ["io_uring_setup", "clone"].contains(&name) {
                    continue;
                }
                let together = of(name).iter().any(|family| of(&variant).contains(family));
                assert!(together, "{name} and {variant} are not in one family");
            }
        }
    }

    #[test]
    fn what_is_watched_follows_from_whole_families() {
        let names = |keywords: &[&str]| -> Vec<String> {
            let calls: Vec<CallShape> =
                keywords.iter().flat_map(|word| resolve(word).expect("a keyword")).collect();
            let watched = watched_beside(&calls).into_iter();
            watched
                .map(|shape| format!("{} {}", shape.syscall, shape.when.words()).trim().to_owned())
                .collect()
        };
        let mut write = names(&["write"]);
        write.sort();
        assert_eq!(write, ["io_submit", "mmap of a file, shared and writable"]);
        assert_eq!(names(&["fsync"]).len(), 2);
        for single in ["pwrite64", "sendfile", "openat", "rename", "connect", "ioctl"] {
            assert!(names(&[single]).is_empty(), "{single}");
        }
    }

    #[test]
    fn what_a_keyword_can_match_follows_from_its_calls() {
        let of = |word: &str| Matchable::of(&resolve(word).expect("a keyword"));
        for word in ["accept", "listen", "socket", "recvfrom", "getrandom", "poll", "pipe", "kill"] {
            assert!(!of(word).files && !of(word).addresses, "{word}");
        }
        for word in ["write", "rename", "open", "fsync", "stat", "sendfile", "fchmod"] {
            assert!(of(word).files && !of(word).only_sockets && !of(word).addresses, "{word}");
        }
        for word in ["connect", "sendto"] {
            assert!(of(word).only_sockets && of(word).peers, "{word}");
        }
        assert!(of("bind").addresses && !of("bind").peers);
    }
}
