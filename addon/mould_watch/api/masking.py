"""What is shown of a payload that was not understood: text, without what looks like a secret.

Nobody knows what a broken message holds. The whole of it stays in the database, for a replay; what
leaves the backend is masked, by the names that secrets go by.
"""

import re
from typing import Final

MASK: Final = "***"

# Bounded, and only from the beginning of a word: a payload of one long word costs no more.
_SECRETS: Final = (
    r"[\w.-]{0,64}?(?:passw|passphrase|passcode|pwd|secret|token|credential|authoriz"
    r"|(?:api|private|network|encryption|access|shared)[_-]?key|psk|cookie)[\w.-]{0,64}"
    r"|pass|key|pin|auth|session"
)
# "name": "value" and name=value, with or without quotes, or quoted in a text once more
_NAMED = re.compile(
    rf"""(?<![\w.-])(?P<name>(?:{_SECRETS})(?![\w.-])\\*["']?\s*[:=]\s*)"""
    r"""(?:"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|\\+["'][^"'\\]*(?:\\+["'])?"""
    r"""|\[[^\]]*\]?|\{[^}]*\}?|[^\s,;&}\]"']+)""",
    re.IGNORECASE,
)
_USER_INFO = re.compile(r"\b(?P<scheme>[a-z][a-z0-9+.-]{0,15}://)[^/\s@\"']{1,512}@", re.IGNORECASE)
_BEARER = re.compile(r"\b(?P<scheme>bearer|basic)\s+[A-Za-z0-9._~+/=-]+", re.IGNORECASE)


def masked_text(payload: bytes) -> str:
    r"""Return a payload as text; what is no UTF-8 as \xNN, what looks like a secret as ***."""
    text = payload.decode(errors="backslashreplace")
    text = _USER_INFO.sub(rf"\g<scheme>{MASK}@", text)
    text = _BEARER.sub(rf"\g<scheme> {MASK}", text)
    return _NAMED.sub(rf'\g<name>"{MASK}"', text)
