"""Failpoints end a process as `kill -9` would, and do nothing where none is asked for."""

import signal
import subprocess
import sys

import pytest

from mould_watch.observability.failpoints import reached

_PROGRAM = """
import sys
from mould_watch.observability.failpoints import reached
for number in range(3):
    reached("other")
    print(number, flush=True)
    reached("here")
print("end", flush=True)
"""


def run(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    path = ":".join(sys.path)
    return subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        env={"PYTHONPATH": path} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_without_being_asked_for_a_failpoint_does_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("MOULD_WATCH_FAILPOINT", raising=False)
    reached("after_claim_before_send")
    monkeypatch.setenv("MOULD_WATCH_FAILPOINT", "another")
    reached("after_claim_before_send")


@pytest.mark.parametrize(("after", "printed"), [("", "0\n"), ("1", "0\n"), ("3", "0\n1\n2\n")])
def test_the_process_is_killed_at_the_pass_asked_for(after: str, printed: str) -> None:
    environment = {"MOULD_WATCH_FAILPOINT": "here", "MOULD_WATCH_FAILPOINT_AFTER": after}
    done = run(environment)
    assert done.returncode == -signal.SIGKILL
    assert done.stdout == printed


def test_more_passes_than_there_are_kill_nothing() -> None:
    done = run({"MOULD_WATCH_FAILPOINT": "here", "MOULD_WATCH_FAILPOINT_AFTER": "9"})
    assert (done.returncode, done.stdout) == (0, "0\n1\n2\nend\n")
