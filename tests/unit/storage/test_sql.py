import ast
from importlib.resources import files
from pathlib import Path

import pytest

from mould_watch.storage.sql import load_queries, parse_blocks

STORAGE = Path(str(files("mould_watch.storage")))
FILES = sorted(path.stem for path in (STORAGE / "sql").glob("*.sql"))


def uses_of_sql(module: Path) -> dict[str, set[str]]:
    """Return SQL file -> the blocks that a module uses of it."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        target, value = None, None
        if isinstance(node, ast.Assign):
            target, value = node.targets[0], node.value
        elif isinstance(node, ast.AnnAssign):
            target, value = node.target, node.value
        if (
            isinstance(target, ast.Name)
            and isinstance(value, ast.Call)
            and isinstance(value.func, ast.Name)
            and value.func.id == "load_queries"
            and isinstance(value.args[0], ast.Constant)
        ):
            names[target.id] = str(value.args[0].value)
    uses: dict[str, set[str]] = {file: set() for file in names.values()}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            file = names.get(node.value.id)
            if file is not None:
                uses[file].add(node.attr)
    return uses


def test_every_block_that_is_used_is_there_and_every_block_is_used() -> None:
    used: dict[str, set[str]] = {file: set() for file in FILES}
    for module in STORAGE.glob("**/*.py"):
        for file, blocks in uses_of_sql(module).items():
            used[file] |= blocks
    assert {file: set(load_queries(file).names) for file in FILES} == used


def test_blocks_are_split_by_their_names_and_keep_their_comments() -> None:
    text = """-- A file.
-- name: first
-- why
SELECT 1

-- name: second
SELECT 2;
SELECT 3;
"""
    assert parse_blocks("x", text.splitlines()) == {
        "first": "-- why\nSELECT 1",
        "second": "SELECT 2;\nSELECT 3;",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-- name: a\nSELECT 1\n-- name: a\nSELECT 2", "there twice"),
        ("-- name: a\n-- nothing\n-- name: b\nSELECT 1", "no statement"),
        ("SELECT 1\n-- name: a\nSELECT 1", "before the first name"),
        ("-- name: not-a-name\nSELECT 1", "no name for a block"),
        ("-- name: names\nSELECT 1", "no name for a block"),
    ],
)
def test_a_malformed_file_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_blocks("x", text.splitlines())


def test_an_unknown_block_is_an_error_that_names_those_there_are() -> None:
    with pytest.raises(AttributeError, match="probe"):
        _ = load_queries("database").prob
