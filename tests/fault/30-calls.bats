#!/usr/bin/env bats
# Each system call of the spool and of the mark fails, or the process dies at it. All of them: make torture.

load ../e2e/helpers

@test "EIO, ENOSPC, EDQUOT, short writes, and death at each system call: none is lost, and it is told" {
	command -v strace >/dev/null || skip "no strace"
	PYTHONPATH=$ROOT/tests/e2e PYTHONDONTWRITEBYTECODE=1 timeout 300 \
		/usr/bin/python3 "$ROOT/tests/fault/calls.py" 3>&- 4>&-
}
