//! FB0211: a loaded name is not used.
//!
//! ```star
//! load("lib.star", "helper")
//! ```

use crate::diagnostic::{Code, Diagnostic};
use crate::spec::Loaded;

pub(super) fn check(loaded: &Loaded) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for outline in &loaded.outlines {
        for (local, _, span) in outline.loads.iter().flat_map(|load| &load.names) {
            if outline.reads.iter().all(|(name, _)| name != local) {
                let message = format!("`{local}` is loaded and not used");
                findings.push(Diagnostic::new(Code::UnusedLoad, *span, message).label("not used"));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use crate::check::tests::check;

    #[test]
    fn a_name_nobody_reads_is_named() {
        check(
            "load(\"lib.star\", \"helper\")\ndef test_a():\n    assert_true(1)\n",
            &["FB0211 1:18 `helper` is loaded and not used"],
        );
    }
}
