"""MQTT topic filters: which topics they take, and whether two of them take the same one."""

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


def overlap(one: str, other: str) -> bool:
    """Return whether some topic is taken by both filters."""
    ones, others = one.split("/"), other.split("/")
    for first, second in zip(ones, others, strict=False):
        if "#" in {first, second}:
            return True
        if "+" not in {first, second} and first != second:
            return False
    if len(ones) == len(others):
        return True
    # "a/#" takes "a" as well
    longer = max(ones, others, key=len)
    return longer[min(len(ones), len(others)) :] == ["#"]


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
    """Raise SettingsError when two filters take the same topic; each comes with its setting.

    A broker may deliver a message once for each filter that takes it, and a message must be
    decoded by exactly one decoder.
    """
    seen: list[tuple[str, str]] = []
    for topic_filter, setting in filters:
        for earlier, its_setting in seen:
            if overlap(earlier, topic_filter):
                raise SettingsError(
                    f"the MQTT topics {earlier!r}{_of(its_setting)} and"
                    f" {topic_filter!r}{_of(setting)} overlap: a message on both would be read"
                    " twice",
                    topics=(earlier, topic_filter),
                )
        seen.append((topic_filter, setting))


def _of(setting: str) -> str:
    return f" ({setting})" if setting else ""
