//! Neovim with our plugin on this executable: the story of `editors/neovim/test/run.sh`, in every Neovim there is.

use super::harness::{has, services};
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn a_user_of_neovim_runs_fails_cancels_and_leaves_nothing() {
    if !has("nvim") {
        return;
    }
    let story = Path::new(env!("CARGO_MANIFEST_DIR")).join("../editors/neovim/test/run.sh");
    let mut command = Command::new(story);
    command.env("FAULTBOX_BIN", env!("CARGO_BIN_EXE_faultbox")).env("SERVICES", services());
    // The script has time limits of its own.
    let output = command.stdin(Stdio::null()).output().expect("the story starts");
    let told = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success() && told[0].contains("run.sh: passed"), "{}\n{}", told[0], told[1]);
}
