import pytest

from mould_watch.storage.cluster import _reason_in

_BEFORE = """The files belonging to this database system will be owned by user "postgres".
This user must also own the server process.

creating directory cluster.new ... ok
"""


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (
            # PostgreSQL 15 on a file system of 25 MB
            _BEFORE + "performing post-bootstrap initialization ... 2026-11-22 04:14:30.432 UTC"
            ' [11843] FATAL:  could not write to file "base/4/3081": No space left on device\n'
            "2026-11-22 04:14:30.432 UTC [11843] STATEMENT:  CREATE DATABASE template0;\n"
            "child process exited with exit code 1\n"
            'initdb: removing data directory "cluster.new"',
            'could not write to file "base/4/3081": No space left on device',
        ),
        (
            'initdb: error: could not create directory "cluster.new": No space left on device',
            'could not create directory "cluster.new": No space left on device',
        ),
        ("something new\nin its last line", "in its last line"),
        ("", "initdb gives no reason"),
    ],
)
def test_why_a_cluster_cannot_be_made_is_the_last_fault_that_initdb_tells(
    output: str, expected: str
) -> None:
    assert _reason_in(output) == expected
