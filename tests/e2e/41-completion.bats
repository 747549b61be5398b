#!/usr/bin/env bats
# Completion of command lines, as somebody types them: bash, zsh and fish.

load helpers

setup_file() {
	# what `make install` puts where the shells look
	make -s -C "$ROOT" install PREFIX="$BATS_FILE_TMPDIR" >&2
}

setup() {
	SHARE=$BATS_FILE_TMPDIR/share
	export HOME=$BATS_TEST_TMPDIR TERM=xterm PATH=$BATS_FILE_TMPDIR/bin:$PATH
	cd "$BATS_TEST_TMPDIR" || return 1
	echo '{"traceId":"abc123","details":"x"}' >events.ndjson
}

teardown() { stop_background; }

# type_into SHELL: types a line with tabs in it, waits for the end.
type_into() {
	printf '%s\n' 'dp-tail --outp	js	- <ev	>out; exit' |
		timeout 20 script -qec "$1" /dev/null >typed 2>&1 || true
	jq -e '.traceId == "abc123"' out || {
		cat typed
		return 1
	}
}

@test "bash: an option, its words and files are completed as they are typed" {
	echo "PS1='> '; for f in $SHARE/bash-completion/completions/*; do . \$f; done" >rc
	type_into 'bash --noprofile --rcfile rc -i'
}

@test "zsh: the same" {
	echo "PS1='> '; fpath=($SHARE/zsh/site-functions \$fpath); autoload -Uz compinit; compinit -u -D" >.zshrc
	type_into 'zsh -i'
}

@test "fish: the same" {
	mkdir -p .config/fish
	ln -s "$SHARE/fish/vendor_completions.d" .config/fish/completions
	[ "$(completes 'dp-tail --outp')" = --output ]
	[ "$(completes 'dp-tail --output j')" = json ]
	[ "$(completes 'dp-tail --cursor-file ev')" = events.ndjson ]
	[ "$(completes 'dp-tail --trace ev')" = '' ]
	[ "$(completes 'devpulse sta')" = status ]
}

completes() { fish -c "complete -C '$1'" | cut -f 1; }

@test "every program has a script for every shell, and no shell finds a fault in it" {
	local program
	for program in dp-ingest dp-store dp-http dp-tail dp-send devpulse; do
		bash -n "$SHARE/bash-completion/completions/$program"
		zsh -n "$SHARE/zsh/site-functions/_$program"
		fish -n "$SHARE/fish/vendor_completions.d/$program.fish"
	done
	run dp-tail --completion csh
	[ "$status" = 2 ]
	run "$ROOT/devpulse" completion csh
	[ "$status" = 2 ]
	make -s -C "$ROOT" uninstall PREFIX="$BATS_FILE_TMPDIR"
	[ "$(find "$SHARE" -type f)" = '' ]
}
