//! R8: two runs of one spec at once never meet.

use super::Row;
use super::stand::{Stand, User, chapter, words};

pub(crate) fn row(user: User, pairs: u32) -> Row {
    let stand = Stand::new(user, &chapter());
    let mut violations = Vec::new();
    for pair in 0..pairs {
        let runs = [(); 2].map(|()| stand.start(&["--jobs", "2", "--show", "fail"]));
        for run in runs {
            let output = run.wait_with_output().expect("its output");
            if !output.status.success() {
                violations.push(format!("pair {pair}: {}", words(&output)));
            }
        }
    }
    let passed = 2 * pairs as usize - violations.len();
    let figures = format!("two runs at once: {passed} of {} passed   (bar: all)", 2 * pairs);
    Row { bar: "R8", user, figures, violations }
}
