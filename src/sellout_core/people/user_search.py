"""The search for users."""

from typing import Final

import attrs

from sellout_core import values
from sellout_core.people.accounts import NewUser
from sellout_core.values import ruled

__all__ = ["EVERY_USER", "UserQuery", "search_key_of"]


@attrs.frozen(kw_only=True)
class UserQuery:
    """A query for users: those whose username, first name, last name, both names in either order, e-mail address or
    telephone number begins with a text. Case and the amount of white space make no difference.

    Attributes:
        text: The text, 1 to 150 characters. None: every user.

    Raises:
        InvalidFields: the text is outside its limits.
    """

    text: str | None = ruled(values.optional(values.text(values.MAX_NAME, minimum=1)), default=None)

    def __attrs_post_init__(self) -> None:
        """Checks the limits."""
        values.enforce(self)

    @property
    def search_key(self) -> str:
        """A part of the search key of every user who matches, and of no other user's."""
        return _key(self.text or "")


EVERY_USER: Final = UserQuery()


def search_key_of(user: NewUser) -> str:
    """The search key of a user: the texts that a query's text is compared with."""
    texts = (
        user.username,
        f"{user.first_name} {user.last_name}",
        f"{user.last_name} {user.first_name}",
        user.email,
        user.telephone,
        user.telephone.removeprefix("+"),
    )
    return "".join(map(_key, texts))


def _key(text: str) -> str:
    """A line break, which tells where the text begins, and the folded text on one line."""
    return "\n" + " ".join(values.fold(text).split())
