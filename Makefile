# For developers. ./run and ./test install what they need and call these; make itself installs nothing.
BUILD ?= build
# What `make build` makes; empty: everything, the tests too.
TARGETS ?=

.PHONY: build bench fuzz lint format clean
build: $(BUILD)/build.ninja
	ninja -C $(BUILD) $(TARGETS)

$(BUILD)/build.ninja:
	meson setup $(BUILD) --buildtype=release -Ddebug=true -Db_ndebug=false

# CPU per certificate here and on Pebble, latencies and the floor; see tests/bench/.
bench: build
	/usr/bin/python3 tests/bench/bench.py --program $(BUILD)/avow --load $(BUILD)/tests/bench/load $(BENCH_ARGS)

# Every harness for FUZZ_SECONDS (an hour each unless said); findings stay in build-fuzz/.
FUZZ_SECONDS ?= 3600
fuzz:
	/usr/bin/python3 tests/run.py --fuzz-seconds $(FUZZ_SECONDS) fuzz

lint:
	/usr/bin/python3 tests/run.py lint

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

clean:
	rm -rf build build-*
