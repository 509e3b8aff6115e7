#!/bin/sh
# fuzz.sh SECONDS [TARGET...]: builds the fuzzer and gives each target (all of them, if none is named) so many seconds.
# It begins with the corpus, with the recorded trees and with what earlier runs found, and keeps what it finds in
# fuzz/target. `fuzz.sh keep` brings that into the corpus, as few files as reach the same lines.
#
# The compiler's own coverage pass and libFuzzer's sources, which a crate brings, are all there is to it: no nightly
# compiler, no cargo-fuzz, nothing but a C++ compiler.
set -eu
seconds=$1
shift
triple=$(rustc -vV | sed -n 's/^host: //p')
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/fuzz/target}"
RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares" \
    cargo build --quiet --release --locked --manifest-path fuzz/Cargo.toml --target "$triple"
fuzzer=$CARGO_TARGET_DIR/$triple/release/fuzz
work=$CARGO_TARGET_DIR/inputs

MTAIO_FUZZ_TARGET=list "$fuzzer" | while read -r target recorded; do
    if [ $# -gt 0 ] && ! echo " $* " | grep -q " $target "; then
        continue
    fi
    export MTAIO_FUZZ_TARGET="$target"
    corpus=fuzz/corpus/$target
    mkdir -p "$corpus" "$work/$target" "$work/recorded/$target"
    for file in tests/recordings/*/"$recorded"; do
        [ ! -f "$file" ] || cp "$file" "$work/recorded/$target/$(echo "$file" | cut -d/ -f3)"
    done
    # Inputs are kept short, so that the corpus stays small; the recordings may be longer.
    if [ "$seconds" = keep ]; then
        "$fuzzer" -merge=1 -max_len=1024 -verbosity=0 "$corpus" "$work/$target" 2>/dev/null
        echo "$target: $(find "$corpus" -type f | wc -l) inputs, $(du -bs "$corpus" | cut -f1) bytes"
        continue
    fi
    log=$work/$target.log
    if ! "$fuzzer" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=2048 -dict=fuzz/words.dict \
        -artifact_prefix="$work/found-$target-" -print_final_stats=1 \
        "$work/$target" "$corpus" "$work/recorded/$target" >"$log" 2>&1 </dev/null; then
        tail -40 "$log" >&2
        echo "make fuzz: $target failed; to see it again: MTAIO_FUZZ_TARGET=$target $fuzzer $work/found-$target-*" >&2
        exit 1
    fi
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    covered=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -1)
    echo "$target: $runs inputs in $seconds s, $covered places reached, nothing found"
done
