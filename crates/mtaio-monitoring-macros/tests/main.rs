//! What the compiler says where `#[trace]` is misused. How it behaves where it is not: the core's `tests/profiler`.

#[test]
fn misuse_is_explained() {
    trybuild::TestCases::new().compile_fail("tests/misuse/*.rs");
}
