//! FB0213: the file declares no test.

use crate::diagnostic::{Code, Diagnostic};
use crate::spec::Loaded;
use crate::text::{FileId, Span};

pub(super) fn check(loaded: &Loaded, is_loaded: &dyn Fn() -> bool) -> Vec<Diagnostic> {
    // A spec with errors may declare tests behind them.
    if !loaded.spec.tests.is_empty() || loaded.diagnostics.iter().any(Diagnostic::is_error) {
        return Vec::new();
    }
    // A part of other specs need not have any.
    if is_loaded() {
        return Vec::new();
    }
    let finding = Diagnostic::new(Code::NoTests, Span::start_of(FileId(0)), "this file declares no test")
        .help("write a function `def test_name():`, or register one with scenario(fn)");
    vec![finding]
}

#[cfg(test)]
mod tests {
    use crate::check::tests::check;

    #[test]
    fn a_file_that_others_load_needs_none() {
        let loaded = crate::spec::testing::load_with("x = 1\n", &[]);
        assert!(super::check(&loaded, &|| true).is_empty());
    }

    #[test]
    fn a_file_without_tests_says_so() {
        check("x = 1\n", &["FB0213 1:1 this file declares no test"]);
    }
}
