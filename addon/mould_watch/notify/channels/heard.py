"""What was heard of one try to send through a service."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that was no success: its status, its machine word, how long to wait."""

    status: int
    # as the service's documentation calls it: channel_not_found, Throttling
    word: str | None = None
    retry_after_s: float | None = None


@dataclass(slots=True)
class Heard:
    """What came of the requests of one try. Written by its thread, read when that is done."""

    has_begun: bool = False
    # nobody waits for it any more: what it has not sent is not sent
    is_over: bool = False
    answer: Answer | None = None
    smtp_status: int | None = None
    # "unreachable", "answer_lost" or "connection": no answer came
    fault: str | None = None
