"""Log lines: sentences for people, fields for programs, secrets for nobody."""

import io
import json
import logging
import sys
from collections.abc import Generator
from uuid import UUID

import pytest
from pydantic import SecretStr

from mould_watch.observability.logs import configure_logging


@pytest.fixture(autouse=True)
def _logging_as_before() -> Generator[None]:
    root, own = logging.getLogger(), logging.getLogger("mould_watch")
    handlers, level, own_level = root.handlers[:], root.level, own.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    own.setLevel(own_level)
    logging.captureWarnings(capture=False)


def test_text_is_a_sentence_with_its_fields() -> None:
    stream = io.StringIO()
    configure_logging("info", "text", stream)
    logging.getLogger("mould_watch.ingest.writer").info(
        "Stored %d readings.", 3, extra={"action": "readings_stored", "devices": ["a", "b"]}
    )
    line = stream.getvalue()
    assert line.endswith('Z info    ingest.writer: Stored 3 readings. [devices=["a", "b"]]\n')


def test_json_is_one_object_a_line_with_every_field() -> None:
    stream = io.StringIO()
    configure_logging("info", "json", stream)
    fields = {
        "action": "x",
        "count": 3,
        "ratio": float("nan"),
        "id": UUID(int=1),
        "nested": {"one": (1, None, True)},
        "text": "a\nb",
    }
    logging.getLogger("mould_watch.a").warning("It is %s.", "so", extra=fields)
    [line] = stream.getvalue().splitlines()
    entry = json.loads(line)
    assert entry.pop("time").endswith("Z")
    assert entry == {
        "level": "warning",
        "logger": "mould_watch.a",
        "message": "It is so.",
        "action": "x",
        "count": 3,
        "ratio": "nan",
        "id": str(UUID(int=1)),
        "nested": {"one": [1, None, True]},
        "text": "a\nb",
    }


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_no_secret_is_ever_logged(log_format: str) -> None:
    stream = io.StringIO()
    secrets = configure_logging("debug", log_format, stream)
    for secret in (SecretStr("hunter2-token"), 'pass"wörd\\', None, "ab", ""):
        secrets.add(secret)
    logger = logging.getLogger("mould_watch.x")
    try:
        raise ValueError("hunter2-token in an exception")
    except ValueError:
        logger.exception("hunter2-token in %s", 'pass"wörd\\', extra={"url": "x?hunter2-token"})
    text = stream.getvalue()
    assert "hunter2" not in text
    assert "wörd" not in text
    assert "***" in text
    assert "ValueError" in text


def test_levels_are_those_asked_for_and_other_libraries_stay_quiet() -> None:
    stream = io.StringIO()
    configure_logging("warning", "text", stream)
    logging.getLogger("mould_watch.x").info("quiet")
    logging.getLogger("aiohttp.access").info("quiet")
    logging.getLogger("aiohttp.server").error("loud")
    assert "quiet" not in stream.getvalue()
    assert "loud" in stream.getvalue()


def test_the_log_goes_to_stderr_so_that_stdout_is_for_answers() -> None:
    configure_logging("info", "text")
    [handler] = logging.getLogger().handlers
    assert isinstance(handler, logging.StreamHandler)
    assert handler.stream is sys.stderr
