"""MQTT topic filters: which topics they take, and whether one takes all that another does."""

from collections.abc import Iterable
from typing import Final

from mould_watch.errors import SettingsError

_FILTER_MAXIMUM_BYTES: Final = 65535


def matches(topic_filter: str, topic: str) -> bool:
    """Return whether `topic_filter` (with + and #) takes `topic` (MQTT 5, section 4.7)."""
    if topic.startswith("$") and topic_filter[:1] in {"+", "#"}:
        return False
    filter_levels = topic_filter.split("/")
    topic_levels = topic.split("/")
    for index, level in enumerate(filter_levels):
        if level == "#":
            return True
        if index >= len(topic_levels) or level not in {"+", topic_levels[index]}:
            return False
    return len(filter_levels) == len(topic_levels)


def includes(wide: str, narrow: str) -> bool:
    """Return whether every topic that `narrow` takes is taken by `wide` as well."""
    wides, narrows = wide.split("/"), narrow.split("/")
    for index, level in enumerate(wides):
        if level == "#":
            return True
        if index >= len(narrows) or narrows[index] == "#":
            return False
        if level not in {"+", narrows[index]}:
            return False
    # "a/+" does not take what "a/+/#" takes beyond it
    return len(wides) == len(narrows)


def check_filter(topic_filter: str, setting: str = "") -> None:
    """Raise SettingsError, naming the setting, unless this is a topic filter as MQTT defines it."""
    levels = topic_filter.split("/")
    well_formed = (
        0 < len(topic_filter.encode()) <= _FILTER_MAXIMUM_BYTES
        and "\0" not in topic_filter
        and all("#" not in level for level in levels[:-1])
        and levels[-1] in {"#", levels[-1].replace("#", "")}
        and all(level == "+" or "+" not in level for level in levels)
    )
    if not well_formed:
        raise SettingsError(
            f"{topic_filter!r}{_of(setting)} is no MQTT topic filter", topic_filter=topic_filter
        )


def check_disjoint(filters: Iterable[tuple[str, str]]) -> None:
    """Raise SettingsError when one filter includes another; each comes with its setting.

    A broker may deliver a message once for each filter that takes it, and a message must be
    decoded by exactly one decoder. Filters that merely cross are let pass: the few topics that
    both take are told when their messages come.
    """
    seen: list[tuple[str, str]] = []
    for topic_filter, setting in filters:
        for earlier, its_setting in seen:
            if includes(earlier, topic_filter) or includes(topic_filter, earlier):
                raise SettingsError(
                    f"the MQTT topics {earlier!r}{_of(its_setting)} and"
                    f" {topic_filter!r}{_of(setting)} overlap: a message on both would be read"
                    " twice",
                    topics=(earlier, topic_filter),
                )
        seen.append((topic_filter, setting))


def _of(setting: str) -> str:
    return f" ({setting})" if setting else ""
