use serde::{Deserialize, Serialize};
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Syscall(pub u32);
impl Syscall {
    pub fn name(self) -> &'static str {
        "?"
    }
}
