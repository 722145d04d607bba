//! What the compiler says to the author of a step about the six likely mistakes. After a change for the better, or of
//! the compiler, `TRYBUILD=overwrite cargo test compile_fail` writes the answers anew.

#[test]
fn the_compiler_says_what_is_wrong_with_a_step() {
    let cases = trybuild::TestCases::new();
    for case in ["argument", "bare_output", "not_async", "no_result", "not_send", "nine_arguments"] {
        cases.compile_fail(format!("tests/compile_fail/{case}.rs"));
    }
}
