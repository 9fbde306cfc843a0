//! FB0212: an assumption is used by no test.
//!
//! ```star
//! drop_uploads = fault_assumption("drop_uploads", target=api.public, rules=[drop(path="/upload")])
//! ```

use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Assumption, AssumptionName, Spec};
use crate::spec::Loaded;
use std::collections::BTreeSet;

pub(super) fn check(loaded: &Loaded) -> Vec<Diagnostic> {
    let used = used(&loaded.spec);
    let unused = |assumption: &&Assumption| {
        !used.contains(&assumption.name) && !named_in_a_function(loaded, assumption)
    };
    let finding = |assumption: &Assumption| {
        let message = format!("no test uses the assumption \"{}\"", assumption.name);
        Diagnostic::new(Code::UnusedAssumption, assumption.span, message).label("not used")
    };
    loaded.spec.assumptions.iter().filter(unused).map(finding).collect()
}

/// Assumptions of tests and matrices, with what they are made of.
fn used(spec: &Spec) -> BTreeSet<AssumptionName> {
    let tests = spec.tests.iter().flat_map(|test| test.faults());
    let columns = spec.matrices.iter().flat_map(|matrix| &matrix.faults);
    let mut todo: Vec<AssumptionName> = tests.chain(columns).cloned().collect();
    let mut used = BTreeSet::new();
    while let Some(name) = todo.pop() {
        let parts = spec.assumption(&name).map(|assumption| assumption.parts.clone()).unwrap_or_default();
        if used.insert(name) {
            todo.extend(parts);
        }
    }
    used
}

/// True when a function may install it: its variable is named in one, or it has no variable to look for.
fn named_in_a_function(loaded: &Loaded, assumption: &Assumption) -> bool {
    let span = assumption.span;
    let Some(outline) = loaded.outlines.get(span.file.0 as usize) else { return true };
    let holder = outline
        .globals
        .iter()
        .find(|global| global.statement.start <= span.start && span.end <= global.statement.end);
    let Some(holder) = holder else { return false };
    let named = |body: &crate::spec::outline::Body| body.names.contains(&holder.name);
    let in_function = |outline: &crate::spec::outline::Outline| {
        outline.functions.iter().any(|function| named(&function.body)) || outline.lambdas.values().any(named)
    };
    loaded.outlines.iter().any(in_function)
}

#[cfg(test)]
mod tests {
    use crate::check::tests::check;

    const HEAD: &str = "api = service(\"api\", \"a\", interface(\"main\", \"http\", 80))\n\
                        a = fault_assumption(\"a\", target=api.main, rules=[drop()])\n";

    #[test]
    fn an_assumption_nobody_uses_is_named() {
        check(
            &format!("{HEAD}def test_x():\n    assert_true(1)\n"),
            &["FB0212 2:5 no test uses the assumption \"a\""],
        );
    }

    #[test]
    fn parts_and_bodies_use_assumptions() {
        check(
            &format!(
                "{HEAD}b = fault_assumption(\"b\", faults=[a])\nfault_scenario(\"x\", scenario=lambda: 1, faults=b, expect=lambda r: assert_true(r))\n"
            ),
            &[],
        );
        check(&format!("{HEAD}def test_x():\n    fault(a, run=lambda: assert_true(1))\n"), &[]);
    }
}
