"""What the core needs from outside, as Protocols, each with its law in the docstring.

Reading is set-shaped: one call is one statement, whatever the number of rows, and ids that do not exist are left out of
the answer. Writing settles races by itself: a method that can lose a race says so in its answer. Any method of a store
may raise `errors.Unavailable`.
"""

from sellout_core.ports.accounts import Addresses, CredentialsOfUsers, Sessions, Users, Views
from sellout_core.ports.catalogue import Cards, Products, ReferenceTables, Sizes, Units
from sellout_core.ports.shopping import Answers, Carts, KeptAnswer, Orders, PromoCodes, Wishlists
from sellout_core.ports.store import Count, Counters, Store, Transaction
from sellout_core.ports.system import Passwords, Randomness, Tokens

__all__ = [
    "Addresses",
    "Answers",
    "Cards",
    "Carts",
    "Count",
    "Counters",
    "CredentialsOfUsers",
    "KeptAnswer",
    "Orders",
    "Passwords",
    "Products",
    "PromoCodes",
    "Randomness",
    "ReferenceTables",
    "Sessions",
    "Sizes",
    "Store",
    "Tokens",
    "Transaction",
    "Units",
    "Users",
    "Views",
    "Wishlists",
]
