//! FB0211: a loaded name is not used.
//!
//! ```star
//! load("lib.star", "helper")
//! ```

use crate::diagnostic::{Code, Diagnostic};
use crate::spec::Loaded;
use std::path::{Component, Path, PathBuf};

pub(super) fn check(loaded: &Loaded) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for outline in &loaded.outlines {
        let loads = outline.loads.iter().filter(|load| !declares(loaded, &load.module));
        for (local, _, span) in loads.flat_map(|load| &load.names) {
            if outline.reads.iter().all(|(name, _)| name != local) {
                let message = format!("`{local}` is loaded and not used");
                findings.push(Diagnostic::new(Code::UnusedLoad, *span, message).label("not used"));
            }
        }
    }
    findings
}

/// True when the file declares services or tests: it may be loaded for their sake.
fn declares(loaded: &Loaded, module: &str) -> bool {
    let parts = Path::new(module).components().filter(|part| matches!(part, Component::Normal(_)));
    let tail: PathBuf = parts.collect();
    let services = loaded.spec.services.iter().map(|service| service.span);
    let mut places = services.chain(loaded.spec.tests.iter().map(|test| test.span));
    places.any(|span| loaded.sources.get(span.file).path.ends_with(&tail))
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

    #[test]
    fn a_file_that_declares_services_is_loaded_for_their_sake() {
        let text = "load(\"parts/db.star\", \"db\")\napi = service(\"api\", \"a\", depends_on=[\"db\"])\n\
                    def test_a():\n    assert_true(1)\n";
        check(text, &[]);
    }
}
