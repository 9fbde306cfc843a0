//! FB0121: the program of a service does not exist or cannot be executed.
//!
//! ```star
//! db = service("db", "bin/mock-bd")
//! ```

use super::ProgramComplaint;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::Service;
use crate::spec::Loaded;
use crate::spec::outline::{ArgKind, ExprShape};
use crate::text::Span;

pub(super) fn check(loaded: &Loaded, complaint: ProgramComplaint<'_>) -> Vec<Diagnostic> {
    let finding = |service: &Service| {
        // That there is none was said while the spec loaded.
        if service.binary.is_empty() {
            return None;
        }
        let reason = complaint(service)?;
        let message = format!("cannot execute `{}`: {reason}", service.binary);
        Some(
            Diagnostic::new(Code::MissingBinary, program_span(loaded, service), message)
                .label(format!("the program of \"{}\"", service.name))
                .help("paths are relative to the spec's directory; a name without `/` is also looked up in PATH"),
        )
    };
    loaded.spec.services.iter().filter_map(finding).collect()
}

/// Where the program is written; the whole declaration when it cannot be told.
fn program_span(loaded: &Loaded, service: &Service) -> Span {
    let outline = loaded.outlines.get(service.span.file.0 as usize);
    let Some(site) = outline.and_then(|outline| outline.call(service.span)) else { return service.span };
    let named = |kind: &ArgKind| matches!(kind, ArgKind::Named(name, _) if name == "binary");
    let by_name = site.args.iter().find(|arg| named(&arg.kind));
    let by_position = || {
        let args = site.args.iter().filter(|arg| arg.kind == ArgKind::Positional).skip(1);
        let mut plain =
            args.filter(|arg| !matches!(arg.value.shape, ExprShape::Items(_) | ExprShape::Entries(_)));
        plain.next()
    };
    by_name.or_else(by_position).map_or(service.span, |arg| arg.value.span)
}

#[cfg(test)]
mod tests {
    use crate::check::tests::check;

    #[test]
    fn a_program_that_is_gone_is_named_where_it_is_written() {
        let test = "def test_a():\n    assert_true(True)\n";
        check(
            &format!("db = service(\"db\", \"gone\")\n{test}"),
            &["FB0121 1:20 cannot execute `gone`: no such file"],
        );
        check(&format!("db = service(\"db\", \"there\")\n{test}"), &[]);
    }
}
