//! The layers of findings of a spec, merged by one rule, so that a terminal and an editor say the same.
//!
//! The tolerant tree shows every syntax error at once and goes on behind it; evaluation stops at the first. So what the
//! text shows comes first, and evaluation adds what only values can tell.

use super::recipes::is_embedded;
use super::{FileView, Outline, Snapshot, static_check};
use crate::diagnostic::{Code, Diagnostic};
use crate::spec::Loaded;
use crate::syntax::scope::Scopes;
use crate::syntax::{self, Parsed};
use crate::text::{FileId, Source, SourceMap, Span};
use std::collections::BTreeSet;

/// What has been said about one file, so that nothing is said twice.
#[derive(Debug, Default)]
pub struct Said {
    places: BTreeSet<(Code, u32, u32)>,
    has_syntax: bool,
}

impl Said {
    /// True for a finding of the text that is new. These must all come before the first of evaluation.
    pub fn by_text(&mut self, finding: &Diagnostic) -> bool {
        self.has_syntax |= is_syntax(finding.code);
        self.places.insert(place(finding))
    }

    /// True for a finding of evaluation that is new. The evaluator's one syntax error goes where the tree shows any.
    pub fn by_evaluation(&mut self, finding: &Diagnostic) -> bool {
        !(self.has_syntax && is_syntax(finding.code)) && self.places.insert(place(finding))
    }
}

fn place(finding: &Diagnostic) -> (Code, u32, u32) {
    (finding.code, finding.primary.span.start, finding.primary.span.end)
}

/// True for what a parser finds.
pub fn is_syntax(code: Code) -> bool {
    matches!(code, Code::Syntax | Code::UnclosedBracket | Code::UnclosedString | Code::NestedTooDeep)
}

/// Every finding about a loaded spec and the files it loads, in the order of files and text. `checked` is what
/// [`crate::check::all`] found.
pub fn of_spec(loaded: &Loaded, checked: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let understood: Vec<Understood<'_>> = loaded
        .sources
        .iter()
        // What comes with Faultbox is not the user's to mend.
        .filter(|(_, source)| !is_embedded(&source.path))
        .map(|(file, source)| Understood::of(file, source))
        .collect();
    let outline = Outline::of(&loaded.spec, &loaded.sources, &loaded.data_files, loaded.program.is_some());
    let mut all = Vec::new();
    let evaluated = loaded.diagnostics.iter().cloned().chain(checked);
    let mut evaluated: Vec<Diagnostic> =
        evaluated.map(|finding| at_the_users_call(finding, &loaded.sources)).collect();
    for one in &understood {
        let mut said = Said::default();
        let others: Vec<FileView<'_>> =
            understood.iter().filter(|other| other.file != one.file).map(Understood::view).collect();
        let snapshot =
            Snapshot { file: one.view(), others: &others, outline: Some(&outline), root_folders: None };
        let of_text = of_text(&snapshot).into_iter().filter(|finding| said.by_text(finding));
        all.extend(of_text.map(|finding| in_file(finding, one.file)));
        let here = evaluated.extract_if(.., |finding| finding.primary.span.file == one.file);
        all.extend(here.filter(|finding| said.by_evaluation(finding)));
    }
    all.append(&mut evaluated);
    all.sort_by_key(|finding| {
        let span = finding.primary.span;
        (span.file, span.start, span.end, finding.code)
    });
    all
}

/// What the text of a file shows: its syntax, then names, arguments and literals. Spans are those of its tree.
pub fn of_text(snapshot: &Snapshot<'_>) -> Vec<Diagnostic> {
    let mut findings = snapshot.file.parsed.diagnostics.clone();
    findings.extend(static_check::check(snapshot));
    findings
}

/// A file with what a snapshot wants to know of it. Its tree has file id 0, as that of any single buffer.
struct Understood<'s> {
    file: FileId,
    source: &'s Source,
    parsed: Parsed,
    scopes: Scopes,
}

impl<'s> Understood<'s> {
    fn of(file: FileId, source: &'s Source) -> Understood<'s> {
        let parsed = syntax::parse(FileId(0), &source.text);
        let scopes = Scopes::of(&parsed.tree);
        Understood { file, source, parsed, scopes }
    }

    fn view(&self) -> FileView<'_> {
        FileView { path: &self.source.path, parsed: &self.parsed, scopes: &self.scopes }
    }
}

/// A finding in a recipe as one about the call that led there: that is what its user can mend.
fn at_the_users_call(mut finding: Diagnostic, sources: &SourceMap) -> Diagnostic {
    let is_ours = |span: Span| is_embedded(&sources.get(span.file).path);
    if is_ours(finding.primary.span)
        && let Some(call) = finding.secondary.iter_mut().find(|label| !is_ours(label.span))
    {
        std::mem::swap(call, &mut finding.primary);
        finding.fixes.clear();
    }
    finding
}

/// The finding about a single buffer as one about a file of several.
fn in_file(mut finding: Diagnostic, file: FileId) -> Diagnostic {
    let moved = |span: &mut Span| span.file = file;
    moved(&mut finding.primary.span);
    finding.secondary.iter_mut().for_each(|label| moved(&mut label.span));
    finding.fixes.iter_mut().flat_map(|fix| &mut fix.edits).for_each(|edit| moved(&mut edit.span));
    finding
}

#[cfg(test)]
mod tests {
    use super::of_spec;
    use crate::spec::{Limits, load};
    use crate::text::MemoryFiles;
    use std::path::Path;

    /// `code place` of everything said about `/w/main.star`, which may load `/w/lib.star`.
    fn found(main: &str, library: &str) -> Vec<String> {
        let files = MemoryFiles::default().with("/w/main.star", main).with("/w/lib.star", library);
        let loaded = load(&files, Path::new("/w/main.star"), &Limits::load());
        let line = |finding: &crate::diagnostic::Diagnostic| {
            let place = loaded.sources.place(finding.primary.span);
            format!("{} {}", finding.code.id(), place.trim_start_matches("/w/"))
        };
        of_spec(&loaded, Vec::new()).iter().map(line).collect()
    }

    #[test]
    fn every_syntax_error_is_told_and_what_stands_behind_it() {
        let text = "x = = 1\ny = (\nz = deyn(\"EIO\")\n";
        let found = found(text, "");
        assert!(found.iter().filter(|line| line.starts_with("FB000")).count() >= 2, "{found:?}");
        assert!(found.contains(&"FB0101 main.star:3:5".to_owned()), "{found:?}");
    }

    #[test]
    fn one_mistake_is_told_once_though_both_layers_see_it() {
        assert_eq!(found("x = deny(\"EOI\")\n", ""), ["FB0108 main.star:1:10"]);
    }

    #[test]
    fn what_evaluation_alone_sees_joins_in_the_order_of_the_text() {
        let text = "a = service(\"d\" + \"b\", \"x\")\nb = service(\"db\", \"x\")\nc = deny(\"EOI\")\n";
        assert_eq!(found(text, ""), ["FB0110 main.star:2:13", "FB0108 main.star:3:10"]);
    }

    #[test]
    fn answers_that_cannot_be_sent_are_told_in_bodies_as_at_the_top() {
        let web = "api = service(\"api\", \"x\", interface(\"main\", \"http\", 80))\n";
        let check = |rule: &str, expected: &[&str]| {
            let top = format!("{web}a = fault_assumption(\"a\", target=api.main, rules=[{rule}])\n");
            let at_top = found(&top, "");
            let codes: Vec<&str> = at_top.iter().map(|line| &line[..6]).collect();
            assert_eq!(codes, expected, "{rule}: {at_top:?}");
            // The same where nothing has run, and where the interface is not seen.
            let bodies = [
                format!("{web}def test_a():\n    fault(api.main, {rule}, run=lambda: 1)\n"),
                format!("{web}def f():\n    return {rule}\n"),
            ];
            for text in bodies {
                let found = found(&text, "");
                let codes: Vec<&str> = found.iter().map(|line| &line[..6]).collect();
                assert_eq!(codes, expected, "{text}: {found:?}");
            }
        };
        check("response(status=103)", &["FB0106"]);
        check("error(status=99)", &["FB0106"]);
        check("response(status=600, path=\"/x\")", &["FB0106"]);
        check("response(status=204, body=\"x\")", &["FB0106"]);
        check("response(status=204, body=b\"\\xff\")", &["FB0106"]);
        check("response(status=503, headers={\"a\": \"b\\r\\nc\"})", &["FB0106"]);
        check("response(status=503, body=\"x\", headers={\"Content-Length\": \"2\"})", &["FB0106"]);
        check("response(status=503, body=b\"\\xff\", headers={\"Content-Length\": \"1\"})", &[]);
        check("response(status=503, body={\"a\": [1, -2.5, True, None]})", &[]);
        // What is not written out is left to the run.
        let open =
            "def f(x):\n    return response(status=204, body=x, headers={\"Content-Length\": \"2\"})\n";
        assert_eq!(found(open, ""), [""; 0]);
        let header = format!("{web}def test_a():\n    api.get(headers={{\"a\": \"b\\n\"}})\n");
        assert_eq!(found(&header, ""), ["FB0106 main.star:3:27"]);
    }

    #[test]
    fn files_the_spec_loads_are_looked_at_too() {
        let text = "load(\"lib.star\", \"f\")\nx = f\n";
        let library = "def f():\n    return deny(\"EOI\")\nx = = 1\n";
        let found = found(text, library);
        assert!(found.iter().any(|line| line.starts_with("FB0108 lib.star:2")), "{found:?}");
        assert!(found.iter().any(|line| line.starts_with("FB0001 lib.star:3")), "{found:?}");
    }

    #[test]
    fn a_mistake_in_the_call_of_a_recipe_is_told_where_it_is_called() {
        let text = "load(\"@faultbox/recipes/http.star\", \"http\")\nx = http.flaky(pth=\"/x\")\n";
        assert_eq!(found(text, ""), ["FB0102 main.star:2:5"]);
    }

    #[test]
    fn a_recipe_that_does_not_suit_its_target_is_told_where_it_is_used() {
        let text = "load(\"@faultbox/recipes/redis.star\", \"redis\")\n\
                    db = service(\"db\", \"x\", interface(\"main\", \"redis\", 6379))\n\
                    a = fault_assumption(\"a\", target=db.main, rules=[redis.oom(path=\"x\")])\n";
        assert_eq!(found(text, ""), ["FB0112 main.star:3:49"]);
    }
}
