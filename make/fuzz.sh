#!/bin/sh
# fuzz.sh SECONDS [TARGET...]: builds the fuzzer and gives each target (all of them, if none is named) so many seconds.
# It begins with the corpus, with the recorded trees and with what earlier runs found, and keeps what it finds in
# fuzz/target. `fuzz.sh keep` makes the corpus anew of itself and of that: fifty inputs that reach most. `fuzz.sh short` is
# for tests: quick to build, a few hundred inputs each, the same ones every time.
#
# The compiler's own coverage pass and libFuzzer's sources, which a crate brings, are all there is to it: no nightly
# compiler, no cargo-fuzz, nothing but a C++ compiler.
set -eu
how=$1
shift
profile=release
[ "$how" != short ] || profile=short
triple=$(rustc -vV | sed -n 's/^host: //p')
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/fuzz/target}"
RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares" \
    cargo build --quiet --profile "$profile" --locked --manifest-path fuzz/Cargo.toml --target "$triple"
fuzzer=$CARGO_TARGET_DIR/$triple/$profile/fuzz
work=$CARGO_TARGET_DIR/inputs
all=$(MTAIO_FUZZ_TARGET=list "$fuzzer" 2>/dev/null)
for name in "$@"; do
    if ! echo "$all" | grep -q "^$name "; then
        echo "make fuzz: there is no target $name; there are $(echo "$all" | cut -d' ' -f1 | tr '\n' ' ')" >&2
        exit 2
    fi
done

echo "$all" | while read -r target recorded; do
    if [ $# -gt 0 ] && ! echo " $* " | grep -q " $target "; then
        continue
    fi
    export MTAIO_FUZZ_TARGET="$target"
    corpus=fuzz/corpus/$target
    found=$work/$target
    log=$found.log
    # What earlier runs found is none of a test's business.
    if [ "$how" = short ]; then
        found=$work/short/$target
        rm -rf "$found"
    fi
    mkdir -p "$corpus" "$found" "$work/recorded/$target"
    for file in tests/recordings/*/"$recorded"; do
        [ ! -f "$file" ] || cp "$file" "$work/recorded/$target/$(echo "$file" | cut -d/ -f3)"
    done
    # Inputs are kept short and few, so that the corpus stays small: those that libFuzzer picks first, which reach most.
    # Files that have a name (not the hash that libFuzzer gives) were put there by somebody, and stay.
    if [ "$how" = keep ]; then
        kept=$work/kept/$target
        rm -rf "$kept"
        mkdir -p "$kept"
        "$fuzzer" -set_cover_merge=1 -max_len=1024 -verbosity=0 "$kept" "$corpus" "$found" 2>/dev/null
        find "$corpus" -type f -regextype posix-extended -regex '.*/[0-9a-f]{40}' -delete
        # shellcheck disable=SC2012 # the names are hashes
        ls -tr "$kept" | head -50 | while read -r name; do cp "$kept/$name" "$corpus"; done
        echo "$target: $(find "$corpus" -type f | wc -l) inputs, $(du -bs "$corpus" | cut -f1) bytes"
        continue
    fi
    length="-max_total_time=$how"
    [ "$how" != short ] || length="-runs=500 -seed=1"
    # shellcheck disable=SC2086 # two options
    if ! "$fuzzer" $length -max_len=4096 -timeout=10 -rss_limit_mb=2048 -dict=fuzz/words.dict \
        -artifact_prefix="$work/found-$target-" -print_final_stats=1 \
        "$found" "$corpus" "$work/recorded/$target" >"$log" 2>&1 </dev/null; then
        tail -40 "$log" >&2
        echo "make fuzz: $target failed; to see it again: MTAIO_FUZZ_TARGET=$target $fuzzer $work/found-$target-*" >&2
        exit 1
    fi
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    covered=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -1)
    echo "$target: $runs inputs, $covered places reached, nothing found"
done
