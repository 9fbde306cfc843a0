//! Renaming a name wherever it is mentioned, across files; refused where it would change what the spec means.

use super::keywords::{self, Certainty};
use super::references::{self, Reference};
use super::{FileView, Location, Snapshot, standard};
use crate::diagnostic::Edit;
use crate::spec::registry;
use crate::syntax::lexer::{Keyword, token::RESERVED_WORDS};
use crate::syntax::scope::{DefinitionId, DefinitionKind};
use crate::syntax::{NodeId, NodeKind};
use crate::text::Span;
use std::path::{Path, PathBuf};

/// What would be renamed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renamable {
    pub span: Span,
    pub name: String,
    /// True when no other file can mention it.
    pub is_local: bool,
}

/// Edits of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEdits {
    pub path: PathBuf,
    pub edits: Vec<Edit>,
}

/// The name under `offset` when it can be renamed; the error says why not.
pub fn prepare(snapshot: &Snapshot<'_>, offset: u32) -> Result<Renamable, String> {
    let (file, id, span) = subject(*snapshot, offset)?;
    let definition = file.scopes.definition(id);
    let is_loadable = definition.is_global && !definition.name.starts_with('_');
    let is_local = !is_loadable && definition.kind != DefinitionKind::Parameter;
    Ok(Renamable { span, name: snapshot.tree().str(span).to_owned(), is_local })
}

/// The edits that give the name under `offset` another one.
///
/// # Errors
/// When there is no such name, the new one is not a name, or it means something else at one of the places.
pub fn rename(snapshot: &Snapshot<'_>, offset: u32, new_name: &str) -> Result<Vec<FileEdits>, String> {
    let (file, id, _) = subject(*snapshot, offset)?;
    valid(new_name)?;
    if file.scopes.definition(id).name == new_name {
        return Ok(Vec::new());
    }
    let mentions = references::of_definition(*snapshot, file, id, snapshot.files());
    stays_loadable(file, id, &mentions, new_name)?;
    keywords_are_known(*snapshot, file, id, new_name)?;
    conflicts(snapshot, &mentions, new_name)?;
    let mut all: Vec<FileEdits> = Vec::new();
    for Reference { location: Location { path, span }, .. } in mentions {
        let edit = Edit { span, text: new_name.to_owned() };
        // The last is the likeliest: mentions come file by file, only keywords start again.
        match all.iter_mut().rev().find(|edits| edits.path == path) {
            Some(edits) => edits.edits.push(edit),
            None => all.push(FileEdits { path, edits: vec![edit] }),
        }
    }
    Ok(all)
}

fn subject(snapshot: Snapshot<'_>, offset: u32) -> Result<(FileView<'_>, DefinitionId, Span), String> {
    let tree = snapshot.tree();
    let node = tree.node_at(offset);
    let span = match tree.kind(node) {
        NodeKind::String(literal) => Some(literal.content),
        _ => tree.name_at(offset).map(|(_, span)| span),
    };
    let span = span.ok_or("there is no name here")?;
    let name = tree.str(span);
    if let Some((file, id)) = references::target(snapshot, offset) {
        return match references::load_name(file, id).filter(|_| !references::has_own_name(file, id)) {
            Some(load_name) => Err(not_loaded(snapshot, file, load_name)),
            None => Ok((file, id, span)),
        };
    }
    if let Some(load_name) = references::load_string(tree, offset) {
        return Err(not_loaded(snapshot, snapshot.file, load_name));
    }
    Err(match (tree.kind(node), registry::find(name)) {
        (NodeKind::String(_), _) => "text cannot be renamed".to_owned(),
        (NodeKind::Attribute { .. }, _) => format!("`{name}` belongs to a value and cannot be renamed here"),
        (_, Some(_)) => format!("`{name}` is a builtin and cannot be renamed"),
        _ if standard::find(name).is_some() => format!("`{name}` is a builtin and cannot be renamed"),
        (_, None) => format!("`{name}` is defined nowhere in this workspace"),
    })
}

/// Why a loaded name without a definition at hand cannot be renamed: the file that makes it would keep the old name.
fn not_loaded(snapshot: Snapshot<'_>, file: FileView<'_>, load_name: NodeId) -> String {
    let tree = file.tree();
    let NodeKind::LoadName { original, .. } = tree.kind(load_name) else { return String::new() };
    let load = tree.parent(load_name).map(|load| tree.kind(load));
    let path = match load {
        Some(NodeKind::Load { path, .. }) => tree.string_value(*path).unwrap_or_default(),
        _ => "",
    };
    let name = tree.string_value(*original).unwrap_or_default();
    if path.starts_with('@') {
        let own = format!("load(\"{path}\", my_{name} = \"{name}\")");
        return format!("`{name}` comes with Faultbox and keeps its name; `{own}` gives it one of your own");
    }
    match snapshot.loaded(file, path) {
        Some(_) => format!("{path} does not define `{name}`; mend the `load` first"),
        None => format!(
            "{path} cannot be read, and `{name}` would have to change there too; mend the path of the `load` first"
        ),
    }
}

/// Refuses what is not a name.
fn valid(name: &str) -> Result<(), String> {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !starts || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(format!("\"{name}\" is not a name: letters, digits and _ only, and no digit in front"));
    }
    if Keyword::from_word(name).is_some() || RESERVED_WORDS.contains(&name) {
        return Err(format!("`{name}` is a word of the language"));
    }
    let is_standard = matches!(name, "True" | "False" | "None") || standard::find(name).is_some();
    if is_standard || registry::find(name).is_some() {
        return Err(format!("`{name}` is a builtin; a name of the spec would hide it"));
    }
    Ok(())
}

/// Refuses a name that other files could no longer load.
fn stays_loadable(
    file: FileView<'_>,
    id: DefinitionId,
    mentions: &[Reference],
    new_name: &str,
) -> Result<(), String> {
    let is_global = file.scopes.definition(id).is_global;
    let elsewhere = mentions.iter().find(|mention| mention.location.path != file.path);
    match elsewhere.filter(|_| is_global && new_name.starts_with('_')) {
        Some(mention) => Err(format!(
            "{} loads this name, and a name with _ in front cannot be loaded",
            file_name(&mention.location.path)
        )),
        None => Ok(()),
    }
}

/// Refuses to rename a parameter that some call may give by its name where nobody can tell.
fn keywords_are_known(
    snapshot: Snapshot<'_>,
    file: FileView<'_>,
    id: DefinitionId,
    new_name: &str,
) -> Result<(), String> {
    let definition = file.scopes.definition(id);
    if definition.kind != DefinitionKind::Parameter {
        return Ok(());
    }
    let name = &definition.name;
    for giving in keywords::of_parameter(snapshot, file, id, snapshot.files()) {
        let at = place(giving.file, giving.span.start);
        match giving.certainty {
            Certainty::Certain => {}
            Certainty::Likely | Certainty::Possible => {
                return Err(format!(
                    "{at} may give `{name}` to this function or to another; rename it by hand"
                ));
            }
            Certainty::Hidden => {
                return Err(format!("{at} may give `{name}` in a `**` dict; rename it by hand"));
            }
        }
        if keywords::gives(giving.file, giving.call, new_name) {
            return Err(format!("{at} gives `{new_name}` already"));
        }
    }
    Ok(())
}

/// Refuses when the new name is visible at a place that mentions the old one.
fn conflicts(snapshot: &Snapshot<'_>, mentions: &[Reference], new_name: &str) -> Result<(), String> {
    for mentions in mentions.chunk_by(|one, next| one.location.path == next.location.path) {
        let Some(first) = mentions.first() else { continue };
        let file = snapshot.find(&first.location.path).ok_or("a file is no longer at hand")?;
        let mut nodes: Vec<NodeId> = mentions.iter().filter_map(|mention| mention.named).collect();
        nodes.dedup_by(|one, before| file.scopes.is_one_scope(*one, *before));
        if let Some(known) = nodes.iter().find_map(|&node| file.scopes.meaning_at(node, new_name)) {
            let at = file.scopes.definition(known).bindings.first().map_or(0, |binding| binding.span.start);
            return Err(format!("`{new_name}` is already a name here: {}", place(file, at)));
        }
    }
    Ok(())
}

/// `main.star:3`
fn place(file: FileView<'_>, offset: u32) -> String {
    let line = file.tree().text[..offset as usize].matches('\n').count() + 1;
    format!("{}:{line}", file_name(file.path))
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::{prepare, rename};
    use crate::ide::fixture::Fixture;
    use crate::ide::{FileView, Snapshot};
    use std::path::Path;
    use std::time::{Duration, Instant};

    /// Expected is what the files say afterwards, joined as the fixture has them.
    #[track_caller]
    fn check(fixture: &str, new_name: &str, expected: Result<&str, &str>) {
        let fixture = Fixture::new(fixture);
        let result = fixture.ask(|snapshot, offset| rename(snapshot, offset, new_name));
        let shown = result.map(|files| {
            let edited = |(path, text): (&Path, &str)| {
                let mut text = text.to_owned();
                let own = files.iter().filter(|file| file.path == path);
                let mut edits: Vec<_> = own.flat_map(|file| &file.edits).collect();
                edits.sort_by_key(|edit| std::cmp::Reverse(edit.span.start));
                for edit in edits {
                    text.replace_range(edit.span.start as usize..edit.span.end as usize, &edit.text);
                }
                text
            };
            fixture.texts().map(edited).collect::<Vec<_>>().join("//- ")
        });
        assert_eq!(shown.as_deref().map_err(String::as_str), expected);
    }

    /// Two files; the texts behind `lib` are lines of lib.star.
    #[track_caller]
    fn check_both(main: &str, lib: &str, new_name: &str, expected: Result<(&str, &str), &str>) {
        let shown = expected.map(|(main, lib)| format!("{main}//- {lib}"));
        check(&format!("{main}//- /w/lib.star\n{lib}"), new_name, shown.as_deref().map_err(|why| *why));
    }

    #[test]
    fn what_no_other_file_can_mention_is_local() {
        let local = |fixture: &str| Fixture::new(fixture).ask(prepare).unwrap().is_local;
        assert!(local("def f():\n    x$0 = 1\n"));
        assert!(local("_x$0 = 1\n"));
        assert!(!local("x$0 = 1\n"));
        assert!(!local("def f(x$0):\n    pass\n"));
    }

    #[test]
    fn all_mentions_change() {
        check("x = 1\ny = $0x + x\n", "z", Ok("z = 1\ny = z + z\n"));
        check(
            "load(\"lib.star\", \"help\")\nhe$0lp()\n//- /w/lib.star\ndef help():\n    pass\n",
            "aid",
            Ok("load(\"lib.star\", \"aid\")\naid()\n//- def aid():\n    pass\n"),
        );
    }

    #[test]
    fn keywords_change_with_their_parameter() {
        let lib = "def helper(alpha, beta=2):\n    return beta\n";
        let renamed = "def helper(alpha, gamma=2):\n    return gamma\n";
        let load = "load(\"lib.star\", \"helper\")\n";
        let calls = "gamma = 1\nhelper(1, be$0ta=3)\n";
        let called = "gamma = 1\nhelper(1, gamma=3)\n";
        check_both(&format!("{load}{calls}"), lib, "gamma", Ok((&format!("{load}{called}"), renamed)));
        let alias = "load(\"lib.star\", h=\"helper\")\n";
        let calls = "g = h\ng(1, beta$0=3)\n(h)(1, beta=4)\n";
        let called = "g = h\ng(1, gamma=3)\n(h)(1, gamma=4)\n";
        check_both(&format!("{alias}{calls}"), lib, "gamma", Ok((&format!("{alias}{called}"), renamed)));
        let twice = Err("main.star:2 gives `gamma` already");
        let rest = "def helper(beta, **rest):\n    pass\n";
        check_both(&format!("{load}helper(be$0ta=3, gamma=4)\n"), rest, "gamma", twice);
    }

    #[test]
    fn keywords_change_wherever_a_function_is_named() {
        check("f = lambda $0a: a + 1\nf(a=2)\n", "b", Ok("f = lambda b: b + 1\nf(b=2)\n"));
        check("def f($0a):\n    pass\ng = f\ng(a=1)\n", "b", Ok("def f(b):\n    pass\ng = f\ng(b=1)\n"));
        check("(lambda $0a: a)(a=2)\n", "b", Ok("(lambda b: b)(b=2)\n"));
        check(
            "def f($0a):\n    pass\ns = struct(go=f)\ns.go(a=1)\n",
            "b",
            Ok("def f(b):\n    pass\ns = struct(go=f)\ns.go(b=1)\n"),
        );
        let other = "def g(a):\n    pass\ng(a=1)\n";
        check(
            &format!("def f($0a):\n    pass\nscenario(f)\n{other}"),
            "b",
            Ok(&format!("def f(b):\n    pass\nscenario(f)\n{other}")),
        );
    }

    #[test]
    fn a_parameter_is_left_where_nobody_can_tell() {
        let doubt = |at: u32| {
            format!("main.star:{at} may give `a` to this function or to another; rename it by hand")
        };
        let two = "f = lambda $0a: 1\nf = lambda a: 2\nf(a=3)\n";
        check(two, "b", Err(&doubt(3)));
        let handed = "def f($0a):\n    pass\ndef call(it):\n    it(a=1)\ncall(f)\n";
        check(handed, "b", Err(&doubt(4)));
        let chosen = "def f($0a):\n    pass\ndef g(a):\n    pass\nh = f if x else g\nh(a=1)\n";
        check(chosen, "b", Err(&doubt(6)));
        let kept = "def f($0a):\n    pass\ndef call(it):\n    it(a=1)\nf(2)\n";
        check(kept, "b", Ok("def f(b):\n    pass\ndef call(it):\n    it(a=1)\nf(2)\n"));
        let hidden = "def f($0a):\n    pass\nf(**options)\n";
        check(hidden, "b", Err("main.star:3 may give `a` in a `**` dict; rename it by hand"));
        let filled = "def f($0a, c):\n    pass\nf(1, **options)\n";
        check(filled, "b", Ok("def f(b, c):\n    pass\nf(1, **options)\n"));
    }

    #[test]
    fn a_name_that_a_load_gives_is_renamed_alone() {
        let lib = "def helper():\n    pass\n";
        let (load, renamed) = ("load(\"lib.star\", h2=\"helper\")\n", "load(\"lib.star\", h3=\"helper\")\n");
        check_both(&format!("{load}h$02()\n"), lib, "h3", Ok((&format!("{renamed}h3()\n"), lib)));
        let within = "load(\"lib.star\", h$02=\"helper\")\nh2()\n";
        check_both(within, lib, "h3", Ok((&format!("{renamed}h3()\n"), lib)));
        let theirs = "load(\"lib.star\", h2=\"hel$0per\")\nassist = h2\n";
        let changed = "load(\"lib.star\", h2=\"assist\")\nassist = h2\n";
        check_both(theirs, lib, "assist", Ok((changed, "def assist():\n    pass\n")));
        let gone = "load(\"gone.star\", h2=\"helper\")\nh$02()\n";
        check(gone, "h3", Ok("load(\"gone.star\", h3=\"helper\")\nh3()\n"));
    }

    #[test]
    fn a_loaded_name_is_not_renamed_by_half() {
        let gone = "gone.star cannot be read, and `helper` would have to change there too; mend the path of the `load` first";
        check("load(\"gone.star\", \"helper\")\nhel$0per()\n", "assist", Err(gone));
        check("load(\"gone.star\", \"hel$0per\")\nhelper()\n", "assist", Err(gone));
        check("load(\"gone.star\", h=\"hel$0per\")\nh()\n", "assist", Err(gone));
        let none = Err("lib.star does not define `helper`; mend the `load` first");
        check_both("load(\"lib.star\", \"helper\")\nhel$0per()\n", "x = 1\n", "assist", none);
        let recipes = "`redis` comes with Faultbox and keeps its name; `load(\"@faultbox/recipes/redis.star\", my_redis = \"redis\")` gives it one of your own";
        check("load(\"@faultbox/recipes/redis.star\", \"redis\")\nre$0dis.oom()\n", "assist", Err(recipes));
        let underscore = Err("main.star loads this name, and a name with _ in front cannot be loaded");
        let load = "load(\"lib.star\", \"helper\")\nhel$0per()\n";
        check_both(load, "def helper():\n    pass\n", "_helper", underscore);
        check("x$0 = 1\n", "_x", Ok("_x = 1\n"));
    }

    #[test]
    fn a_name_of_a_scope_further_in_stands_in_the_way() {
        let inner = "$0x = 1\ndef f(y):\n    return [x for z in y]\n";
        check(inner, "y", Err("`y` is already a name here: main.star:2"));
        check(inner, "z", Err("`z` is already a name here: main.star:3"));
        let apart = "$0x = 1\ndef f(y):\n    return y\n";
        check(apart, "y", Ok(&apart.replace("$0x", "y")));
        let lib = "def helper():\n    pass\n";
        let theirs = "load(\"lib.star\", \"hel$0per\")\ndef f(y):\n    helper()\n";
        check_both(theirs, lib, "y", Err("`y` is already a name here: main.star:2"));
        let twice = "load(\"lib.star\", \"hel$0per\")\nload(\"lib.star\", \"helper\")\nhelper()\n";
        let changed = twice.replace("hel$0per", "helper").replace("helper", "aid");
        check_both(twice, lib, "aid", Ok((&changed, "def aid():\n    pass\n")));
    }

    /// The bound is far above what it takes, and far below the seconds of one look at all names for each mention.
    #[test]
    fn thousands_of_mentions_are_renamed_at_once() {
        let calls: String = (0..8_000).map(|n| format!("v{n} = helper(path=\"/x{n}\")\n")).collect();
        let lib = "def help$0er(path):\n    return path\n";
        let fixture =
            Fixture::new(&format!("{lib}//- /w/main.star\nload(\"lib.star\", \"helper\")\n{calls}"));
        fixture.ask(|snapshot, offset| {
            // The fixture's first file is called main.star; the library is what the second one loads.
            let lib = FileView { path: Path::new("/w/lib.star"), ..snapshot.file };
            let snapshot = Snapshot { file: lib, ..*snapshot };
            let begun = Instant::now();
            let files = rename(&snapshot, offset, "aid").unwrap();
            assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
            assert_eq!(files.iter().map(|file| file.edits.len()).collect::<Vec<_>>(), [1, 8_001]);
        });
    }

    #[test]
    fn what_would_break_the_spec_is_refused() {
        check("x = 1\ny = $0x\n", "y", Err("`y` is already a name here: main.star:2"));
        check(
            "$0x = 1\n",
            "2x",
            Err("\"2x\" is not a name: letters, digits and _ only, and no digit in front"),
        );
        check("$0x = 1\n", "lambda", Err("`lambda` is a word of the language"));
        check("$0x = 1\n", "service", Err("`service` is a builtin; a name of the spec would hide it"));
        check("$0service(\"db\")\n", "x", Err("`service` is a builtin and cannot be renamed"));
        let hidden = Err("`len` is a builtin; a name of the spec would hide it");
        check("def f($0x):\n    return len(x)\n", "len", hidden);
        check("y = le$0n(x)\n", "z", Err("`len` is a builtin and cannot be renamed"));
        let fixture = Fixture::new("x = 1 $0+ 2\n");
        assert!(fixture.ask(prepare).is_err());
    }
}
