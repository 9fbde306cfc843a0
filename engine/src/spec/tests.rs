//! The seed's spec and the examples load; bodies perform.

use super::testing::{Script, lines, load_with, perform};

fn test_names(text: &str) -> Vec<String> {
    let loaded = load_with(text, &[]);
    assert_eq!(lines(&loaded), Vec::<String>::new());
    assert!(loaded.program.is_some());
    loaded.spec.tests.iter().map(|test| test.name.to_string()).collect()
}

#[test]
fn the_seed_spec_has_its_eleven_tests_in_the_order_written() {
    assert_eq!(
        test_names(include_str!("../../../examples/03-mistakes/protocol-test.star")),
        [
            "test_write_and_read",
            "test_health",
            "test_write_gets_503",
            "test_slow_reads",
            "test_matrix_write_and_read_api_503",
            "test_matrix_write_and_read_slow_data",
            "test_matrix_write_and_read_degraded_api",
            "test_matrix_health_api_503",
            "test_matrix_health_slow_data",
            "test_matrix_health_degraded_api",
            "test_cascade_test",
        ]
    );
}

#[test]
fn the_examples_load() {
    assert_eq!(test_names(include_str!("../../../examples/01-http-faults/protocol-test.star")).len(), 11);
    assert_eq!(test_names(include_str!("../../../examples/01-http-faults/drop.star")).len(), 3);
    assert_eq!(test_names(include_str!("../../../examples/02-syscall-faults/syscall-test.star")).len(), 10);
    assert_eq!(test_names(include_str!("../../../examples/04-real-programs/real-programs.star")).len(), 6);
}

#[test]
fn a_body_makes_steps_and_asserts() {
    let text = r#"
def test_a():
    r = api.get("/x", headers = {"a": 1})
    assert_eq(r.status, 200)
    assert_true("text/plain" in r.headers["content-type"])
    return r
"#;
    let (_, performed, log) = perform(text, "test_a", Script::default());
    assert_eq!(performed.failure, None);
    assert_eq!(performed.assertions, 2);
    assert_eq!(performed.returned.and_then(|returned| returned.step).map(|step| step.0), Some(1));
    assert_eq!(
        log,
        ["step api.public.get {\"headers\":{\"a\":\"1\"},\"path\":\"/x\"}", "done 1", "asserted", "asserted"]
    );
}
