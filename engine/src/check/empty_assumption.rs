//! FB0214: an assumption has no rule, so it changes nothing.
//!
//! ```star
//! slow = fault_assumption("slow", target=api.public)
//! ```

use crate::diagnostic::{Code, Diagnostic};
use crate::spec::Loaded;

pub(super) fn check(loaded: &Loaded) -> Vec<Diagnostic> {
    // The rule may be missing only because of an error in it.
    if loaded.diagnostics.iter().any(Diagnostic::is_error) {
        return Vec::new();
    }
    let empty = loaded.spec.assumptions.iter().filter(|each| each.rules.is_empty() && each.parts.is_empty());
    let finding = |assumption: &crate::model::Assumption| {
        let message = format!("the assumption \"{}\" has no rule, so it changes nothing", assumption.name);
        Diagnostic::new(Code::EmptyAssumption, assumption.span, message)
            .label("no rule")
            .help("give rules=[...], faults=[...], or a syscall fault such as write=deny(\"EIO\")")
    };
    empty.map(finding).collect()
}

#[cfg(test)]
mod tests {
    use crate::check::tests::check;

    #[test]
    fn an_assumption_without_rules_is_named() {
        check(
            "a = fault_assumption(\"a\")\nfault_scenario(\"x\", scenario=lambda: 1, faults=a, expect=lambda r: assert_true(r))\n",
            &["FB0214 1:5 the assumption \"a\" has no rule, so it changes nothing"],
        );
    }
}
