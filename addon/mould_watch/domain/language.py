"""What one language has to bring: every phrase, so that none can be forgotten.

Phrases hold fields in braces; `Forms` are the singular and the plural of one with a number. The
languages themselves are in `domain/languages`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mould_watch.domain.condition import AiringEffect
from mould_watch.domain.configuration import Protect
from mould_watch.domain.rules.kinds import RuleKind


@dataclass(frozen=True, slots=True)
class Forms:
    """A phrase with `{n}`, for one and for any other number."""

    one: str
    other: str


@dataclass(frozen=True, slots=True)
class Plain:
    """What is told of a rule that is not about mould. Alarm and recovery follow "Room: ".

    What helps against condensation depends on the air outside: the advice about that follows.
    """

    alarm: str
    advice: str
    recovery: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Language:
    """One language. Titles are "Room: phrase", so that phrases begin in lower case.

    A phone shows some 50 characters of a title: what matters stands in front.
    """

    # the language's own tag of BCP 47, without a region
    tag: str
    decimal_mark: str
    # whether a number takes the singular
    is_one: Callable[[int], bool]
    # filled in: room and phrase
    title: str

    # titles about mould, by what is protected: what is the matter, and what is well again
    damp: Mapping[Protect, str]
    dry: Mapping[Protect, str]
    # filled in: span
    mould_in: str
    mould_soon: str
    # what has grown, and what has grown so much that it can be seen
    mould_grows: str
    mould_visible: str
    # filled in: a number or a span
    days: Forms
    weeks: Forms
    months: Forms
    # filled in: least and most
    span: str
    longer_than: str

    # bodies about mould; filled in: one of the two that follow, or minutes
    damp_for: Mapping[Protect, str]
    hours_of_day: Forms
    whole_day: str
    damp_before: str
    # of what has grown where it is dry by now
    stays: str
    airing: Mapping[AiringEffect, str]
    # filled in: surface and temperature
    warm_because: str
    warm: str
    dehumidify: str
    surface: Mapping[Protect, str]
    # of what has grown; names the button of the room
    clean: str
    nothing_to_do: str

    # why a level is what it is, in sentences; filled in: temperature, humidity; threshold, hours
    surface_now: str
    damper_for: str
    # a span
    lasting: str
    # what was said of the first growth, or what has grown
    as_last_week: str
    none_expected: str
    certain: str
    likely: str
    # one of the two ways, or both with `either`
    would_end: str
    would_stop: str
    warmer_by: str
    drier_by: str
    either: str
    no_small_end: str

    plain: Mapping[RuleKind, Plain]

    # thresholds; filled in: metric, value and threshold
    above: str
    below: str
    beyond: str
    asked_for: str
    back: str
    metrics: Mapping[str, str]

    # after "Room: ", before a dash and what is the matter
    worse: str
    reminder: str
    not_watched: str
    # buttons
    seen: str
    snooze: str
    open: str

    # several in one; filled in: titles
    also: str
    quiet_summary: Forms
    flood_summary: Forms
    times: Forms
    over: str
    more: Forms

    def forms(self, forms: Forms, number: int) -> str:
        """Return the form that belongs to a number, with it filled in."""
        return (forms.one if self.is_one(number) else forms.other).format(n=number)

    def number(self, value: float) -> str:
        """Return a number for reading: at most one digit behind the mark, none if it is 0."""
        shown = f"{value:.1f}".removesuffix(".0")
        return "0" if shown == "-0" else shown.replace(".", self.decimal_mark)
