# DevPulse. `make` builds the programs into build/bin; `make help` lists the rest.
# SAN=1 builds with AddressSanitizer and UBSan into build-san/ instead, COV=1 for gcov into build-cov/; WERROR=1
# makes warnings errors.

PREFIX  ?= /usr/local
CC      ?= cc
# The release that the file VERSION names, and in a checkout that is not tagged so (v1.2.3) the commit.
RELEASE := $(shell cat VERSION)
VERSION := $(RELEASE)$(if $(wildcard .git),$(shell git describe --tags --always --abbrev=12 \
	--match 'v$(RELEASE)' 2>/dev/null | sed 's/^v$(RELEASE)$$//; s/.*-g//; s/^./+g&/'))
B       := $(if $(SAN),build-san,$(if $(COV),build-cov,build))

PROGRAMS := dp-ingest dp-store dp-http dp-tail dp-send
LDLIBS_dp-ingest = -lwebsockets
LDLIBS_dp-store  = -lpq -lsqlite3
LDLIBS_dp-http   = -lmicrohttpd -lz -lpq -lsqlite3
LDLIBS_dp-tail   = -lcurl
LDLIBS_dp-send   = -lwebsockets -ljson-c

WARNINGS  := -Wall -Wextra $(if $(WERROR),-Werror) -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual \
             -Wvla -Wformat=2
HARDENING := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong
SANITIZE  := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CPPFLAGS  += -D_GNU_SOURCE -DDP_VERSION=$(VERSION) -Ilib -I/usr/include/postgresql
CFLAGS    ?= $(if $(COV),-O0 --coverage,-O2) -g
# The same bytes in whatever folder it is built.
DP_CFLAGS := -std=c17 -fPIE -pthread $(if $(COV),,-ffile-prefix-map=$(CURDIR)=.) $(WARNINGS) $(if $(SAN),$(SANITIZE),$(if $(COV),,$(HARDENING)))
LDFLAGS   += -pie -pthread -Wl,-z,relro,-z,now $(if $(SAN),$(SANITIZE)) $(if $(COV),--coverage)

LIB_OBJ  := $(patsubst %.c,$B/%.o,$(wildcard lib/*.c))
UNIT     := $(patsubst tests/unit/%.c,$B/unit/%,$(wildcard tests/unit/*_test.c))
SOURCES  := $(wildcard lib/*.[ch] cmd/*/*.[ch] tests/unit/*.[ch] tests/fuzz/*.[ch] bench/*.c)
ALL_LIBS := -lpq -lsqlite3 -ljson-c -lz

.PHONY: all bench-programs big coverage outage torture unit unit-programs unit-list lint help clean install uninstall
.DELETE_ON_ERROR:
all: $(PROGRAMS:%=$B/bin/%)

help:
	@echo 'make                  the programs, in $B/bin'
	@echo 'make unit             the unit tests, built and run'
	@echo 'make coverage         the branches of the spool and the normaliser that their tests take'
	@echo 'make lint             format, static analysis, layers, manuals, scripts'
	@echo 'make fuzz SECONDS=60  each fuzz target for that long (clang)'
	@echo 'make fuzz-http SECONDS=60  dp-http, by requests made at random from docs/openapi.yaml'
	@echo 'make torture          ROUNDS=1000 of kills under load, DB=sqlite|postgresql|both, SEED=, MINUTES='
	@echo 'make outage           MINUTES=30 without the database, under load'
	@echo 'make big              what is tested of many events, with a million'
	@echo 'make compile_commands.json'
	@echo 'make install          to $(PREFIX) (PREFIX=, DESTDIR=); uninstall'
	@echo 'make deb              $B/deb/devpulse_*.deb: a package of the commit, for Debian and Ubuntu (debhelper)'
	@echo 'make wheel            build/sdk/devpulse-*.whl: the Python SDK'
	@echo 'make sbom             $B/devpulse.cdx.json: what the programs are made of (CycloneDX)'
	@echo 'make clean'
	@echo 'SAN=1                 with sanitizers, in build-san/'
	@echo 'All tests: ./devpulse test'

$B/%.o: %.c Makefile VERSION
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(DP_CFLAGS) -MMD -MP -c -o $@ $<

# The one that has the version: anew when another commit is checked out.
$B/lib/opt.o: $(if $(wildcard .git),$(wildcard $(shell git rev-parse --git-path logs/HEAD 2>/dev/null)))

$B/libdevpulse.a: $(LIB_OBJ)
	rm -f $@
	ar rcs $@ $^

# A program is the folder cmd/NAME and its LDLIBS line above.
define program_rules
$B/bin/$(1): $(patsubst %.c,$B/%.o,$(wildcard cmd/$(1)/*.c)) $B/libdevpulse.a
	@mkdir -p $$(@D)
	$$(CC) $$(LDFLAGS) -o $$@ $$^ $$(LDLIBS_$(1))
endef
$(foreach p,$(PROGRAMS),$(eval $(call program_rules,$(p))))

# The page and the contract are compiled into dp-http by .incbin, compressed.
PAGE := $(addprefix ui/,index.html app.js uplot.js app.css icon.svg)
ASSETS := $(PAGE) docs/openapi.yaml docs/openapi.json
$B/cmd/dp-http/assets.o: private CPPFLAGS += -Wa,-I$B/assets
$B/cmd/dp-http/assets.o: $(ASSETS:%=$B/assets/%.gz)
$B/assets/%.gz: %
	@mkdir -p $(@D)
	gzip -9n < $< > $@
$B/assets/%.gz: $B/%
	@mkdir -p $(@D)
	gzip -9n < $< > $@
$(PAGE:%=$B/%) &: ui/build ui/package-lock.json $(wildcard ui/src/* ui/src/*/*)
	ui/build $(CURDIR)/$B/ui
$B/docs/openapi.json: docs/openapi.yaml docs/openapi-to-json
	@mkdir -p $(@D)
	docs/openapi-to-json < $< > $@

# So is the SQL into the store.
$(patsubst lib/%.c,$B/lib/%.o,$(wildcard lib/store_sqlite*.c)): $(wildcard lib/sql/sqlite/*)
$(patsubst lib/%.c,$B/lib/%.o,$(wildcard lib/store_pg*.c)): $(wildcard lib/sql/postgresql/*)

# A unit test links the library and, where it tests a program's pure module, that object by name.
$B/unit/%: $B/tests/unit/%.o $B/libdevpulse.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(ALL_LIBS) -lcmocka
$B/unit/render_test: $(addprefix $B/cmd/dp-tail/,render.o facts.o fold.o group.o link.o stack.o value.o when.o)
$B/unit/tail_lines_test: $(addprefix $B/cmd/dp-tail/,facts.o fold.o link.o markdown.o plain.o stack.o template.o value.o when.o)
$B/unit/tail_tally_test: $(addprefix $B/cmd/dp-tail/,fold.o tally.o)
$B/unit/tail_timeline_test: $(addprefix $B/cmd/dp-tail/,facts.o fold.o timeline.o value.o when.o)
$B/unit/tail_when_test: $B/cmd/dp-tail/when.o
$B/unit/tail_link_test: $B/cmd/dp-tail/link.o
$B/unit/tail_group_test: $B/cmd/dp-tail/group.o
$B/unit/bare_test: $B/cmd/dp-ingest/bare.o
$B/unit/lag_test: $B/cmd/dp-ingest/lag.o
$B/unit/sse_test: $B/cmd/dp-tail/sse.o
$B/unit/source_test: $B/cmd/dp-store/source.o
$B/unit/mark_test: $B/cmd/dp-store/mark.o
$B/unit/turns_test: $B/cmd/dp-store/turns.o
$B/unit/recent_test: $B/cmd/dp-store/recent.o
$B/unit/problem_test: $B/cmd/dp-tail/problem.o
$B/unit/http_accept_test: $B/cmd/dp-http/accept.o
$B/unit/http_check_test: $B/cmd/dp-http/check.o
$B/unit/http_cursor_test: $B/cmd/dp-http/cursor.o
$B/unit/http_etag_test: $B/cmd/dp-http/etag.o
$B/unit/http_gzip_test: $B/cmd/dp-http/gzip.o
$B/unit/http_pool_test: $B/cmd/dp-http/pool.o
$B/unit/http_query_test: $B/cmd/dp-http/query.o
$B/unit/http_walk_test: $B/cmd/dp-http/trace_walk.o
# The spool's system calls can be made to fail: tests/unit/disk.h.
DISK_CALLS := openat pwrite pread write fsync fdatasync ftruncate unlinkat renameat fstat readdir fdopendir
$B/unit/spool_test $B/unit/spool_fault_test $B/unit/spool_model_test: \
	private LDFLAGS += $(DISK_CALLS:%=-Wl,--wrap=%)
# What the store asks the databases can be explained: tests/unit/store_plan_test.c.
PLAN_CALLS := PQsendQueryParams PQsendPrepare PQsendQueryPrepared sqlite3_prepare_v2 sqlite3_prepare_v3
$B/unit/store_plan_test: private LDFLAGS += $(PLAN_CALLS:%=-Wl,--wrap=%)
# What it sends is counted: tests/unit/store_sieve_test.c.
$B/unit/store_sieve_test: private LDFLAGS += -Wl,--wrap=PQsendQuery -Wl,--wrap=PQsendQueryParams
# And looked at: tests/unit/store_scale_test.c, store_retain_test.c.
$B/unit/store_retain_test $B/unit/store_scale_test: private LDFLAGS += -Wl,--wrap=PQsendQueryParams
$B/unit/store_clock_test: private LDFLAGS += -Wl,--wrap=dp_clock_now_us -Wl,--wrap=dp_clock_monotonic_ms
.PRECIOUS: $B/tests/unit/%.o

# What bench/* run.
BENCH := $(patsubst bench/%.c,$B/bench/%,$(wildcard bench/*.c))
$B/bench/%: bench/%.c $B/libdevpulse.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(DP_CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$B/bench/insert: private LDLIBS = -lsqlite3
$B/bench/retain: private LDLIBS = -lpq -lsqlite3
bench-programs: $(BENCH)

unit-programs: $(UNIT)
unit-list:
	@echo $(UNIT)
coverage:
	tests/coverage.sh
unit: $(UNIT)
	@for t in $^; do $$t || exit 1; done

# The long forms of tests/fault.
FAULT := PATH=$(CURDIR)/$B/bin:$$PATH PYTHONPATH=tests/e2e PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 tests/fault
torture: all
	$(FAULT)/torture.py --rounds $(or $(ROUNDS),1000) \
		--db $(or $(DB),both) $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES))
	$(FAULT)/calls.py --all
	$(FAULT)/power.py --rounds 100 $(if $(SEED),--seed $(SEED))
outage: all
	$(FAULT)/outage.py --minutes $(or $(MINUTES),30) $(if $(RATE),--rate $(RATE))

# The long forms of tests that take as many events as there are to be.
big: all $B/unit/store_plan_test
	DEVPULSE_TEST_ROWS=1000000 tests/with-postgres.sh $B/unit/store_plan_test
	DEVPULSE_TEST_ROWS=1000000 TESTS=tests/e2e/27-large.bats tests/run.sh e2e

-include $(wildcard $B/lib/*.d $B/cmd/*/*.d $B/tests/unit/*.d $B/tests/fuzz/*.d)

include tests/lint.mk

compile_commands.json: Makefile $(SOURCES)
	@{ echo '['; sep=; for f in $(filter %.c,$(SOURCES)); do \
		printf '%s{"directory":"%s","file":"%s","command":"cc %s -c %s"}\n' "$$sep" '$(CURDIR)' "$$f" \
		'$(filter-out -DDP_VERSION=%,$(CPPFLAGS)) -DDP_VERSION=0 $(DP_CFLAGS)' "$$f"; sep=,; done; echo ']'; } > $@

# Where shells look for the completion of a command; the file is that of program $p for the shell $s.
COMPLETIONS := bash-completion/completions zsh/site-functions fish/vendor_completions.d
COMPLETION_FILE = $$(case $$s in bash) echo $(word 1,$(COMPLETIONS))/$$p ;; zsh) echo $(word 2,$(COMPLETIONS))/_$$p ;; \
	fish) echo $(word 3,$(COMPLETIONS))/$$p.fish ;; esac)

# What goes where below $(PREFIX): FOLDER:FILE. The units are those of systemd, where it looks for them.
PLACED = $(PROGRAMS:%=bin:$B/bin/%) bin:devpulse share/devpulse:examples/demo.awk \
	$(foreach s,1 5 7,$(patsubst %,share/man/man$s:%,$(wildcard man/*.$s))) \
	$(patsubst %,share/doc/devpulse:%,README.md ARCHITECTURE.md $(wildcard docs/*.md docs/*.yaml)) \
	$(patsubst %,share/doc/devpulse/examples:%,$(wildcard examples/*.*)) \
	$(patsubst %,lib/systemd/system:%,$(wildcard compose/systemd/*.*)) \
	$(patsubst %,lib/systemd/user:%,$(wildcard compose/systemd/user/*.*))

install: all
	@for f in $(PLACED); do to="$(DESTDIR)$(PREFIX)/$${f%%:*}"; mode=644; \
		[ "$${f%%:*}" != bin ] || mode=755; \
		install -d "$$to" && install -m $$mode "$${f#*:}" "$$to" || exit 1; done
	install -d $(COMPLETIONS:%="$(DESTDIR)$(PREFIX)/share/%")
	for p in $(PROGRAMS); do for s in bash zsh fish; do \
		$B/bin/$$p --completion $$s > "$(DESTDIR)$(PREFIX)/share/$(COMPLETION_FILE)" || exit 1; done; done
	for s in bash zsh fish; do p=devpulse; \
		./devpulse completion $$s > "$(DESTDIR)$(PREFIX)/share/$(COMPLETION_FILE)" || exit 1; done

# Folders that others may use, too, stay.
uninstall:
	@for f in $(PLACED); do rm -f "$(DESTDIR)$(PREFIX)/$${f%%:*}/$${f##*[:/]}" || exit 1; done
	for p in $(PROGRAMS) devpulse; do for s in bash zsh fish; do \
		rm -f "$(DESTDIR)$(PREFIX)/share/$(COMPLETION_FILE)" || exit 1; done; done
	cd "$(DESTDIR)$(PREFIX)/share" && for d in devpulse doc/devpulse/examples doc/devpulse; do \
		[ ! -d $$d ] || rmdir $$d || exit 1; done

.PHONY: deb sbom wheel
deb:
	packaging/deb $(VERSION) $B/deb

# Of one commit the same bytes.
PYTHON ?= python3
wheel:
	rm -rf build/sdk
	$(PYTHON) -m venv build/sdk/venv
	$(addprefix SOURCE_DATE_EPOCH=,$(shell git log -1 --format=%ct 2>/dev/null)) build/sdk/venv/bin/pip wheel -q \
		--disable-pip-version-check --no-deps -w build/sdk ./sdk/python

sbom: all
	packaging/sbom $B/bin $(VERSION) > $B/devpulse.cdx.json

clean:
	rm -rf build build-san build-cov compile_commands.json
