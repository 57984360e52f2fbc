"""Whatever a text holds, Markdown made of it is read as it was."""

from hypothesis import given
from hypothesis import strategies as st

from mould_watch.notify.channels.as_written import escaped
from tests.support.markdown import shown

_SIGNS = st.text(alphabet="ab1 \\t\\n*_~`|[]()<>@#:+-=.&;\\\\!", max_size=30)


@given(text=_SIGNS | st.text(max_size=60))
def test_a_text_is_read_as_it_is(text: str) -> None:
    assert shown(escaped(text)) == text


def test_the_markup_would_be_taken_for_markup() -> None:
    """What the first test compares with does hide what is not escaped."""
    assert shown("# *a* _b_ ~~c~~ `d` ||e|| [f](g) <@1>:h:") == "a b c d e f "


def test_what_is_no_markup_stays_as_it_is() -> None:
    text = "Bathroom: damp for 9 of 24 h (80 %). Air for 10 min!"
    assert escaped(text) == text
