//! Findings that need the whole model: one file per diagnostic code. Pure: what is on the disk comes in as a function.

mod missing_binary;
mod shadowed_rule;
mod unreachable_rule;
mod no_assertion;
mod unused_load;
mod unused_assumption;
mod no_tests;
mod empty_assumption;
mod reach;

use crate::diagnostic::Diagnostic;
use crate::model::Service;
use crate::spec::Loaded;

/// Says what is wrong with a service's program, such as "no such file"; `None` when it can be executed.
pub type ProgramComplaint<'f> = &'f dyn Fn(&Service) -> Option<String>;

/// Every finding about a loaded spec, in the order of the text. Those made while it loaded are not repeated. `is_loaded`
/// tells whether another file loads it, and is asked only when that matters.
pub fn all(
    loaded: &Loaded,
    complaint: ProgramComplaint<'_>,
    is_loaded: &dyn Fn() -> bool,
) -> Vec<Diagnostic> {
    let reach = reach::Reach::of(loaded);
    let mut findings = missing_binary::check(loaded, complaint);
    findings.extend(shadowed_rule::check(&loaded.spec, &loaded.sources));
    findings.extend(unreachable_rule::check(loaded, &reach));
    findings.extend(no_assertion::check(loaded, &reach));
    findings.extend(unused_load::check(loaded));
    findings.extend(unused_assumption::check(loaded, is_loaded));
    findings.extend(no_tests::check(loaded, is_loaded));
    findings.extend(empty_assumption::check(loaded));
    findings.sort_by_key(|finding| (finding.primary.span.file, finding.primary.span.start, finding.code));
    findings
}

#[cfg(test)]
mod tests {
    use crate::spec::testing::{lines, load_with};

    /// Asserts what the checks find in a spec without errors.
    pub(super) fn check(text: &str, expected: &[&str]) {
        let library = ("lib.star", "def helper():\n    assert_true(True)\ncheck = assert_true\n");
        let mut loaded = load_with(text, &[library, ("parts/db.star", "db = service(\"db\", \"b\")\n")]);
        assert_eq!(lines(&loaded), Vec::<String>::new(), "{text}");
        loaded.diagnostics = super::all(
            &loaded,
            &|service| (service.binary == "gone").then(|| "no such file".to_owned()),
            &|| false,
        );
        assert_eq!(lines(&loaded), expected, "{text}");
    }
}
