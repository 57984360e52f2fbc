"""Every language that is spoken, by its tag."""

from collections.abc import Mapping
from typing import Final

from mould_watch.domain.language import Language
from mould_watch.domain.languages.de import GERMAN
from mould_watch.domain.languages.en import ENGLISH
from mould_watch.domain.languages.es import SPANISH
from mould_watch.domain.languages.fr import FRENCH
from mould_watch.domain.languages.it import ITALIAN
from mould_watch.domain.languages.nl import DUTCH

LANGUAGES: Final[Mapping[str, Language]] = {
    one.tag: one for one in (ENGLISH, GERMAN, FRENCH, SPANISH, ITALIAN, DUTCH)
}
