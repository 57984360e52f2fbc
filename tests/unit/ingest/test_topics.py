import pytest
from hypothesis import given
from hypothesis import strategies as st

from mould_watch.errors import SettingsError
from mould_watch.ingest.topics import check_disjoint, check_filter, includes, matches


@pytest.mark.parametrize(
    ("topic_filter", "topic", "expected"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/b/c", False),
        ("a/#", "a/b/c", True),
        ("a/#", "a", True),
        ("a/#", "ab", False),
        ("+/b", "a/b", True),
        ("+/b", "/b", True),
        ("+", "a/b", False),
        ("#", "a", True),
        ("#", "$SYS/x", False),
        ("+/x", "$SYS/x", False),
        ("$SYS/#", "$SYS/x", True),
    ],
)
def test_a_filter_takes_the_topics_that_mqtt_says(
    topic_filter: str, topic: str, *, expected: bool
) -> None:
    assert matches(topic_filter, topic) is expected


@pytest.mark.parametrize(
    ("wide", "narrow", "expected"),
    [
        ("zigbee2mqtt/#", "mould-watch/readings/#", False),
        ("a/#", "a/b/+", True),
        ("a/b/+", "a/#", False),
        ("a/+/c", "a/b/c", True),
        ("a/+/c", "a/b/#", False),
        ("a/#", "a", True),
        ("a", "a/#", False),
        ("a/+", "a", False),
        ("a/+", "a/+/#", False),
        ("+/b", "a/+", False),
        ("a", "a", True),
        ("#", "+/b", True),
    ],
)
def test_a_filter_includes_another(wide: str, narrow: str, *, expected: bool) -> None:
    assert includes(wide, narrow) is expected


_LEVELS = st.lists(st.sampled_from(["a", "b", "+"]), min_size=1, max_size=4)
_FILTERS = st.builds(
    lambda levels, tail: "/".join(levels + (["#"] if tail else [])), _LEVELS, st.booleans()
)
_TOPICS = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=5).map("/".join)


@given(_FILTERS, _FILTERS, _TOPICS)
def test_a_filter_that_includes_another_takes_all_its_topics(
    wide: str, narrow: str, topic: str
) -> None:
    if includes(wide, narrow) and matches(narrow, topic):
        assert matches(wide, topic)


@pytest.mark.parametrize("bad", ["", "a#", "#/a", "a/#/b", "a+/b", "a\0b", "x" * 70_000])
def test_a_malformed_filter_is_refused(bad: str) -> None:
    with pytest.raises(SettingsError):
        check_filter(bad)


@pytest.mark.parametrize("good", ["#", "+", "a/+/b", "a/#", "/", "a//b"])
def test_a_well_formed_filter_is_taken(good: str) -> None:
    check_filter(good)


def test_overlapping_filters_are_refused_by_name() -> None:
    with pytest.raises(SettingsError, match=r"'a/#' \(one\) and 'a/b' \(other\) overlap"):
        check_disjoint([("x", "one"), ("a/#", "one"), ("a/b", "other")])
    check_disjoint([("a/b", ""), ("a/c", ""), ("b/#", "")])
    # they merely cross, at b/x
    check_disjoint([("+/x", ""), ("b/#", "")])
