//! Where the runs take place: a folder with a spec, and who runs it.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// `nobody` on Debian.
const NOBODY: &str = "65534";

/// The variable that everything a run starts inherits.
pub(crate) const MARK: &str = "FAULTBOX_ENDURANCE_MARK";

/// Who runs.
#[derive(Clone, Copy)]
pub(crate) enum User {
    /// Whoever started this program.
    Own,
    Nobody,
}

impl User {
    /// The user of this process, and an ordinary one where that is root.
    pub(crate) fn all() -> Vec<User> {
        if is_root() { vec![User::Own, User::Nobody] } else { vec![User::Own] }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            User::Own if is_root() => "root",
            User::Own => "user",
            User::Nobody => "nobody",
        }
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// A folder with `spec.star`, and beside it one for temporary files.
pub(crate) struct Stand {
    directory: tempfile::TempDir,
    user: User,
}

impl Stand {
    /// `../bin` in the spec stands for the folder of the demo services.
    pub(crate) fn new(user: User, spec: &str) -> Stand {
        let directory = tempfile::Builder::new().prefix("faultbox-endurance").tempdir().expect("a folder");
        let stand = Stand { directory, user };
        // The spec belongs to whoever runs it, as it usually does.
        let id = match user {
            User::Own => None,
            User::Nobody => NOBODY.parse().ok(),
        };
        for folder in ["", "spec", "temporary"] {
            std::fs::create_dir_all(stand.path(folder)).expect("a folder");
            open_to_all(&stand.path(folder));
            std::os::unix::fs::chown(stand.path(folder), id, id).expect("its owner");
        }
        let spec = spec.replace("\"../bin\"", &format!("{:?}", bin().display().to_string()));
        std::fs::write(stand.path("spec/spec.star"), spec).expect("a file");
        stand
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// `faultbox test` on the spec, not yet started. Its process is the dispatcher itself, whoever runs it.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let faultbox = env!("CARGO_BIN_EXE_faultbox");
        let mut command = match self.user {
            User::Own => Command::new(faultbox),
            User::Nobody => {
                let mut setpriv = Command::new("setpriv");
                setpriv.args([format!("--reuid={NOBODY}"), format!("--regid={NOBODY}")]);
                setpriv.args(["--clear-groups", faultbox]);
                setpriv
            }
        };
        command.args(["test", "spec.star"]).args(arguments).current_dir(self.path("spec"));
        command.env("TMPDIR", self.path("temporary")).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().expect("the executable starts")
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the executable starts")
    }
}

fn open_to_all(folder: &Path) {
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o777)).expect("its mode");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// Builds the demo services, in the folder this executable is built in.
pub(crate) fn build_services() {
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "-p", "faultbox-examples", "--bins"]).current_dir(root());
    if bin().ends_with("release") {
        build.arg("--release");
    }
    let built = build.stdin(Stdio::null()).output().expect("cargo runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
}

fn bin() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_faultbox")).parent().expect("a folder")
}

/// The chapter, as it stands in the tree.
pub(crate) fn chapter() -> String {
    let path = root().join("examples/01-http-faults/protocol-test.star");
    std::fs::read_to_string(path).expect("the chapter's spec")
}

/// The first words of a run that should have gone well.
pub(crate) fn words(output: &Output) -> String {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let first: Vec<&str> = stdout.lines().chain(stderr.lines()).take(15).collect();
    format!("{}\n{}", output.status, first.join("\n"))
}
