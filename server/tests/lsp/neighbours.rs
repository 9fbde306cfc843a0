//! Hostile neighbours of an open document (bar R16): whatever lies beside, above or below it, and whatever it loads, it
//! is answered, and nothing is read without end. Each row is one neighbour, tried in a folder of its own, trusted and not.

use crate::client::{LIMIT, Server, abilities};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Instant;

/// A spec that says nothing of what it is, so that the files around it have to be looked at.
const QUIET: &str = "x = 1\n";

/// Most memory the server may have taken at any time, in kB.
const MAX_MEMORY_KB: u64 = 400 * 1024;

/// What is tried: a name, what lies around, the text of the document, and what is said about it when it is trusted. The
/// document is `w/in/a.star`, `w` is the workspace, and what the document loads is `w/in/bad.star`.
struct Row(&'static str, fn(&Path), &'static str, &'static str);

const LOADS: &str = "load(\"bad.star\", \"y\")\ndb = service(\"db\", \"/bin/true\")\n";
const FILE: &str = "z = load_file(\"bad\")\ndb = service(\"db\", \"/bin/true\")\n";
const JSON: &str = "z = load_json(\"bad\")\ndb = service(\"db\", \"/bin/true\")\n";
const YAML: &str = "z = load_yaml(\"bad\")\ndb = service(\"db\", \"/bin/true\")\n";
const STDIN: &str = "z = load_file(\"/dev/stdin\")\ndb = service(\"db\", \"/bin/true\")\n";
const PAGEMAP: &str = "load(\"/proc/self/pagemap\", \"y\")\ndb = service(\"db\", \"/bin/true\")\n";
const ABOVE: &str = "load(\"../../../../../../dev/zero\", \"y\")\ndb = service(\"db\", \"/bin/true\")\n";
const RECIPE: &str =
    "load(\"@faultbox/recipes/../../dev/zero\", \"y\")\ndb = service(\"db\", \"/bin/true\")\n";

fn of_devices() -> Vec<Row> {
    vec![
        Row("a link to /dev/zero beside it", |w| link("/dev/zero", w, "in/b.star"), QUIET, ""),
        Row("a link to /dev/zero above it", |w| link("/dev/zero", w, "b.star"), QUIET, ""),
        Row("a link to /dev/zero below it", |w| link("/dev/zero", w, "in/sub/b.star"), QUIET, ""),
        Row("a loaded link to /dev/zero", |w| link("/dev/zero", w, "in/bad.star"), LOADS, "a device"),
        Row("/dev/zero by a long way up", |_| {}, ABOVE, "a device"),
        Row("/dev/zero behind the recipes", |_| {}, RECIPE, "FB0005"),
        Row("a data file that is /dev/zero", |w| link("/dev/zero", w, "in/bad"), FILE, "a device"),
        Row("JSON that is /dev/zero", |w| link("/dev/zero", w, "in/bad"), JSON, "a device"),
        Row("YAML that is /dev/zero", |w| link("/dev/zero", w, "in/bad"), YAML, "a device"),
        Row("a data file that is /dev/stdin", |_| {}, STDIN, "not a regular file"),
        Row("a link to /dev/stdin beside it", |w| link("/dev/stdin", w, "in/b.star"), QUIET, ""),
        Row("a link to /dev/tty beside it", |w| link("/dev/tty", w, "in/b.star"), QUIET, ""),
        Row("a loaded link to /dev/random", |w| link("/dev/random", w, "in/bad.star"), LOADS, "a device"),
        Row("a link to /proc/kmsg beside it", |w| link("/proc/kmsg", w, "in/b.star"), QUIET, ""),
        Row("a loaded link to /proc/kmsg", |w| link("/proc/kmsg", w, "in/bad.star"), LOADS, "in /proc"),
        Row("a file of /proc without end", |_| {}, PAGEMAP, "in /proc"),
        Row("a data file of /sys", |w| link("/sys/kernel/notes", w, "in/bad"), FILE, "in /sys"),
    ]
}

fn of_pipes_and_links() -> Vec<Row> {
    vec![
        Row("a pipe beside it", |w| pipe(w, "in/b.star"), QUIET, ""),
        Row("a pipe above it", |w| pipe(w, "b.star"), QUIET, ""),
        Row("a pipe with the name of a spec", |w| pipe(w, "in/faultbox.star"), QUIET, ""),
        Row("a loaded pipe", |w| pipe(w, "in/bad.star"), LOADS, "a named pipe"),
        Row("a data file that is a pipe", |w| pipe(w, "in/bad"), JSON, "a named pipe"),
        Row("a repository that is a pipe", |w| pipe(w, "in/.git"), QUIET, ""),
        Row(
            "a link to a pipe",
            |w| {
                pipe(w, "in/pipe");
                link("pipe", w, "in/bad.star");
            },
            LOADS,
            "a named pipe",
        ),
        Row("a socket beside it", |w| socket(w, "in/b.star"), QUIET, ""),
        Row("a loaded socket", |w| socket(w, "in/bad.star"), LOADS, "a socket"),
        Row("a link to itself", |w| link("bad.star", w, "in/bad.star"), LOADS, "symbolic links"),
        Row("a link to nothing", |w| link("nowhere", w, "in/bad.star"), LOADS, "No such file"),
        Row("a folder with the name of a spec", |w| folder(w, "in/bad.star"), LOADS, "a directory"),
        Row("a link to a folder above", |w| link("../..", w, "in/up"), QUIET, ""),
        Row("a link to the root folder", |w| link("/", w, "in/root"), QUIET, ""),
        Row("a link to /proc", |w| link("/proc", w, "in/proc"), QUIET, ""),
        Row("a link out of the workspace to a file that loads it", out_of_the_workspace, QUIET, ""),
    ]
}

fn of_sizes_and_texts() -> Vec<Row> {
    vec![
        Row("a file of a terabyte beside it", |w| sparse(w, "in/b.star"), QUIET, ""),
        Row("a loaded file of a terabyte", |w| sparse(w, "in/bad.star"), LOADS, "largest size that is read"),
        Row("a data file of a terabyte", |w| sparse(w, "in/bad"), FILE, "largest size that is read"),
        Row(
            "a loaded file of 3 MB",
            |w| write(w, "in/bad.star", "y = 1\n".repeat(500_000)),
            LOADS,
            "at most 2 MiB",
        ),
        Row(
            "a hundred files of 1 MB",
            |w| many(w, 100, &format!("# {}\n", "a.star ".repeat(140_000))),
            QUIET,
            "",
        ),
        Row("a thousand files", |w| many(w, 1_000, "load(\"a.star\", \"x\")\n"), QUIET, ""),
        Row("a file that is not UTF-8", |w| write(w, "in/bad.star", b"y = \"\xff\"\n"), LOADS, "FB0006"),
        Row("a file of UTF-16", |w| write(w, "in/bad.star", b"\xff\xfey\0=\x001\0"), LOADS, "FB0006"),
        Row("a file of NULs", |w| write(w, "in/bad.star", [0; 100_000]), LOADS, "FB00"),
        Row(
            "forty thousand brackets",
            |w| write(w, "in/bad.star", "[(".repeat(20_000)),
            LOADS,
            "syntax error",
        ),
        Row(
            "a line of a megabyte",
            |w| write(w, "in/b.star", format!("x = \"a.star{}\"\n", "a".repeat(1_000_000))),
            QUIET,
            "",
        ),
        Row("a circle of loads", |w| write(w, "in/bad.star", LOADS.replace("bad", "a")), LOADS, "circle"),
        Row(
            "a name of control characters",
            |w| write(w, "in/\u{1b}[2J\n\u{202e}.star", "load(\"a.star\", \"x\")\n"),
            QUIET,
            "",
        ),
        Row(
            "fifty thousand loads of it",
            |w| write(w, "in/b.star", "load(\"a.star\", \"x\")\n".repeat(50_000)),
            QUIET,
            "",
        ),
    ]
}

fn link(target: &str, workspace: &Path, name: &str) {
    folder(workspace, Path::new(name).parent().unwrap().to_str().unwrap());
    symlink(target, workspace.join(name)).unwrap();
}

fn pipe(workspace: &Path, name: &str) {
    nix::unistd::mkfifo(&workspace.join(name), nix::sys::stat::Mode::S_IRWXU).unwrap();
}

fn socket(workspace: &Path, name: &str) {
    drop(UnixListener::bind(workspace.join(name)).unwrap());
}

fn folder(workspace: &Path, name: &str) {
    fs::create_dir_all(workspace.join(name)).unwrap();
}

fn sparse(workspace: &Path, name: &str) {
    File::create(workspace.join(name)).unwrap().set_len(1 << 40).unwrap();
}

fn write(workspace: &Path, name: &str, content: impl AsRef<[u8]>) {
    fs::write(workspace.join(name), content).unwrap();
}

fn many(workspace: &Path, count: usize, text: &str) {
    (0..count).for_each(|n| write(workspace, &format!("in/n{n}.star"), text));
}

fn out_of_the_workspace(workspace: &Path) {
    let outside = workspace.parent().unwrap().join("outside.star");
    fs::write(&outside, "load(\"a.star\", \"x\")\ndb = service(\"db\")\n").unwrap();
    symlink(outside, workspace.join("in/b.star")).unwrap();
}

/// Starts a server whose workspace is the folder `w`, which `around` has filled.
fn started(trusted: bool, around: fn(&Path)) -> Server {
    let mut server = Server::raw();
    folder(&server.path("w"), "in");
    around(&server.path("w"));
    let mut params = abilities();
    params["rootUri"] = json!(server.uri("w"));
    params["initializationOptions"]["trusted"] = json!(trusted);
    server.request("initialize", params);
    server.notify("initialized", json!({}));
    server
}

/// Opens the document and asks what makes the server look around.
fn check(Row(what, around, text, said): &Row, trusted: bool) {
    let begun = Instant::now();
    let mut server = started(trusted, *around);
    let uri = server.open("w/in/a.star", text);
    server.findings(&uri, 1);
    let at = |line: u32, character: u32| json!({ "textDocument": { "uri": uri }, "position": { "line": line, "character": character } });
    server.request("textDocument/completion", at(0, 8));
    server.request("workspace/symbol", json!({ "query": "x" }));
    let mut references = at(0, 0);
    references["context"] = json!({ "includeDeclaration": true });
    server.request("textDocument/references", references);
    if trusted && !said.is_empty() {
        let of_row = |params: &Value| params.to_string().contains(said);
        server.notification("textDocument/publishDiagnostics", of_row);
    }
    let status = fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    let peak: u64 = peak.and_then(|peak| peak.trim().parse().ok()).expect("a peak of memory");
    assert!(peak < MAX_MEMORY_KB, "{what}: {peak} kB");
    server.finish();
    assert!(begun.elapsed() < LIMIT, "{what}");
}

fn check_all(rows: &[Row]) {
    for row in rows {
        check(row, false);
        check(row, true);
    }
}

#[test]
fn devices_and_files_of_the_kernel_are_not_read() {
    check_all(&of_devices());
}

#[test]
fn pipes_sockets_and_links_hold_nothing_up() {
    check_all(&of_pipes_and_links());
}

#[test]
fn large_many_and_broken_files_are_bounded() {
    check_all(&of_sizes_and_texts());
}

/// Bar R16 counts them.
#[test]
fn there_are_forty_neighbours() {
    let rows = [of_devices(), of_pipes_and_links(), of_sizes_and_texts()].map(|rows| rows.len());
    assert!(rows.iter().sum::<usize>() >= 40, "{rows:?}");
}

/// A document may be where no workspace is: then the folders above it are looked at, and their links followed.
#[test]
fn without_a_workspace_the_same_bounds_hold() {
    for around in
        [(|w| pipe(w, "b.star")) as fn(&Path), |w| link("/dev/zero", w, "in/b.star"), |w| sparse(w, "b.star")]
    {
        let mut server = Server::start();
        folder(&server.path("w"), "in");
        around(&server.path("w"));
        let uri = server.open("w/in/a.star", QUIET);
        server.findings(&uri, 1);
        server.finish();
    }
}

/// What a link out of the workspace says does not count.
#[test]
fn a_loader_counts_within_the_workspace_only() {
    for (around, is_judged) in [
        (out_of_the_workspace as fn(&Path), false),
        (|w| write(w, "in/b.star", "load(\"a.star\", \"x\")\ndb = service(\"db\", \"/bin/true\")\n"), true),
    ] {
        let mut server = started(false, around);
        let uri = server.open("w/in/a.star", "x = nosuch\n");
        assert_eq!(server.findings(&uri, 1).is_empty(), !is_judged);
        server.finish();
    }
}
