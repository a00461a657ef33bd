"""What may lead to a person in a text that others are to read: addresses, links, numbers.

Pure text in, text out. A name or a street is no pattern, and stays: an admin hides such a text.
"""

import re
from typing import Final

# A group is named beside somebody's words only where so many people of it took part.
FEWEST_ALIKE: Final = 10

ADDRESS_HIDDEN: Final = "[address hidden]"
LINK_HIDDEN: Final = "[link hidden]"
NUMBER_HIDDEN: Final = "[number hidden]"

# A telephone number has seven digits at least, and so have cards, accounts and birthdays.
FEWEST_DIGITS: Final = 7

_AT: Final = r"(?:[@＠]|\s[@＠]\s|\s?(?:\(at\)|\[at\])\s?)"
_DOT: Final = r"(?:\.|\s?(?:\(dot\)|\[dot\])\s?)"
_ADDRESS: Final = re.compile(
    rf"(?<![\w.+-])[\w.+-]*\w{_AT}\w[\w-]*(?:{_DOT}\w[\w-]*)+", re.IGNORECASE
)
# A name on a network: @ann_b.
_HANDLE: Final = re.compile(r"(?<![\w@])[@＠]\w[\w.]+")
# Others only with a path behind: a full stop without a blank after it is no link.
_ENDINGS: Final = "com|org|net|edu|gov|info|biz|io|ai|app|dev|co|gg|uk|eu|de|fr|ca|au|ie|xyz|site"
_LINK: Final = re.compile(
    rf"\b[a-z][a-z0-9+.-]{{0,20}}://\S+|\bwww\.\S+|"
    rf"(?<![\w.-])(?:[\w-]{{1,63}}\.){{1,6}}(?:(?:{_ENDINGS})\b(?:[/?#:]\S*)?|[a-z]{{2,24}}/\S+)",
    re.IGNORECASE,
)
_NUMBER: Final = re.compile(r"(?<!\d)\+?\(?\d(?:[\s().\-–/]{0,3}\d)+(?!\d)")
_YEARS: Final = re.compile(r"(?:1[5-9]|20)\d\d\s?[-–/]\s?(?:1[5-9]|20)\d\d")


def mask_personal(text: str) -> str:
    """The text with e-mail addresses, handles, links and long numbers masked, each by its kind.

    A number is long from seven digits, however they are set apart; two years are none.
    """
    text = _ADDRESS.sub(ADDRESS_HIDDEN, text)
    text = _LINK.sub(LINK_HIDDEN, text)
    text = _HANDLE.sub(ADDRESS_HIDDEN, text)
    return _NUMBER.sub(_hidden_if_long, text)


def _hidden_if_long(found: re.Match[str]) -> str:
    number = found[0]
    is_short = sum(map(str.isdigit, number)) < FEWEST_DIGITS
    return number if is_short or _YEARS.fullmatch(number) else NUMBER_HIDDEN
