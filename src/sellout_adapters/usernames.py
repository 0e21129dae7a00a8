"""The rule for new usernames: PRECIS UsernameCaseMapped (RFC 8265, section 3.3), and no mixture of similar scripts."""

import unicodedata
from typing import Final

from sellout_adapters.extras import naming_extras
from sellout_core.errors import Fault, FieldCode
from sellout_core.values import fold

with naming_extras():
    from precis_i18n import get_profile

_PROFILE: Final = get_profile("UsernameCaseMapped")
_FAULT: Final = Fault(
    "must have letters, digits and ASCII punctuation alone, in one direction and in their usual width",
    FieldCode.CHARACTER_NOT_ALLOWED,
)

_ALIKE: Final = frozenset({"LATIN", "CYRILLIC", "GREEK"})
"""The scripts of which Unicode recommends no mixture (UTS #39, section 5.2), as they are called in names of letters."""

_MIXED: Final = Fault("must not mix Latin, Cyrillic and Greek letters", FieldCode.MIXED_SCRIPTS)


def username_fault(username: str) -> Fault | None:
    """Why a username is refused. The profile refuses white space, control characters, characters that cannot be seen,
    symbols, and letters of another width, and may change no more than the case of letters. A username that mixes
    scripts could look like another one.
    """
    try:
        enforced = _PROFILE.enforce(username)
    except UnicodeEncodeError:
        return _FAULT
    if fold(enforced) != fold(username):
        return _FAULT
    scripts = {word for character in enforced for word in unicodedata.name(character, "").split()} & _ALIKE
    return _MIXED if len(scripts) > 1 else None
