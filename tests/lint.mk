# What `make lint` and `make fuzz` run.

.PHONY: lint lint-format lint-tidy lint-tidy-quick lint-cppcheck lint-layers lint-man lint-shell lint-ui fuzz
lint: lint-format lint-layers lint-cppcheck lint-tidy lint-man lint-shell lint-ui

lint-format:
	clang-format --dry-run --Werror $(SOURCES)

# Includes go only to lower layers: tsort fails on a cycle. lib/store_pg.c belongs to the module store.
lint-layers:
	@for f in lib/*.[ch]; do m=$$(basename $${f%.*}); m=$${m%%_*}; \
		sed -n 's/^#include "\([a-z]*\).*\.h"/\1/p' $$f | grep -vx "$$m" | sed "s/^/$$m /"; done \
		| tsort > /dev/null && echo 'layers: no cycle'

lint-cppcheck:
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --error-exitcode=1 \
		--inline-suppr --suppress=missingIncludeSystem -D_GNU_SOURCE -DDP_VERSION=0 -Ilib \
		-j 2 $(filter %.c,$(wildcard lib/*.c cmd/*/*.c))

# The analyzer takes fifteen times as long as all other checks: the test command leaves it out.
lint-tidy-quick: LEFT_OUT = -clang-analyzer-*
lint-tidy lint-tidy-quick: compile_commands.json
	printf '%s\n' $(filter %.c,$(wildcard lib/*.c cmd/*/*.c)) | \
		xargs -P 2 -n 4 clang-tidy --quiet -p . --checks='$(LEFT_OUT)' 2>&1 | { ! grep -v ' warnings\? generated\.$$'; }

lint-man:
	mandoc -T lint -W warning man/*.[157]

lint-ui:
	tests/ui.sh lint

lint-shell:
	shellcheck ui/build ui/packages ui/with-node packaging/deb
	shellcheck devpulse .ci/run bench/retain bench/spool $(wildcard tests/*.sh)
	shellcheck $(wildcard tests/*/*.bash tests/*/*.bats)

# Each tests/fuzz/NAME_fuzz.c with its corpus tests/fuzz/NAME.corpus/; FUZZED_NAME: what it takes of
# a program. libFuzzer is in Debian's packages clang and libclang-rt-14-dev.
SECONDS ?= 60
FUZZERS := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(wildcard tests/fuzz/*_fuzz.c))
FUZZED_render := $(addprefix cmd/dp-tail/,render.c facts.c fold.c group.c link.c stack.c value.c when.c)
FUZZED_sse    := cmd/dp-tail/sse.c
build/fuzz/%_fuzz: tests/fuzz/%_fuzz.c $(wildcard lib/*.[ch] cmd/dp-tail/*.[ch])
	@mkdir -p $(@D)
	clang $(CPPFLAGS) -g -O1 -std=c17 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
		-o $@ $< $(FUZZED_$*) $(filter-out lib/store%,$(wildcard lib/*.c)) -pthread -ljson-c
fuzz: $(FUZZERS)
	@for f in $(FUZZERS); do n=$$(basename $$f _fuzz); mkdir -p build/fuzz/$$n.found; \
		$$f -max_total_time=$(SECONDS) -timeout=10 build/fuzz/$$n.found tests/fuzz/$$n.corpus || exit 1; done

# Requests made at random from the contract.
.PHONY: fuzz-http
fuzz-http: all
	FUZZ_SECONDS=$(SECONDS) DEVPULSE_BUILD=$(CURDIR)/$B bats --filter 'at random' --print-output-on-failure \
		--verbose-run tests/e2e/36-contract.bats

# Without libFuzzer: the corpora are tests.
CORPORA := $(patsubst tests/fuzz/%_fuzz.c,$B/fuzz/%_corpus,$(wildcard tests/fuzz/*_fuzz.c))
$B/fuzz/%_corpus: $B/tests/fuzz/%_fuzz.o $B/tests/fuzz/corpus.o $B/libdevpulse.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(ALL_LIBS)
$B/fuzz/render_corpus: $(FUZZED_render:%.c=$B/%.o)
$B/fuzz/sse_corpus: $(FUZZED_sse:%.c=$B/%.o)
.PRECIOUS: $B/tests/fuzz/%.o
unit-programs: $(CORPORA)
