"""The errors of second factors."""

from sellout_core.errors import Conflict, Forbidden, Invalid, Unauthenticated


class SecondFactorRequired(Unauthenticated):
    """The password is right, and the account has a second factor: the log-in needs a code, too."""

    code = "second_factor_required"
    sentence = "The log-in needs a code of the second factor."


class BadCode(Unauthenticated):
    """The password is right, and the code of the second factor is wrong or was used. The error does not tell which."""

    code = "bad_code"
    sentence = "The code is wrong or was used before."


class WrongCode(Invalid):
    """The code of the second factor in a change is wrong or was used. The error does not tell which."""

    code = "wrong_code"
    sentence = "The code is wrong or was used before."


class SecondFactorOff(Conflict):
    """The account has no second factor, or no secret that waits for its confirmation."""

    code = "second_factor_off"
    sentence = "The account has no second factor."


class SecondFactorOn(Conflict):
    """The account has a second factor already."""

    code = "second_factor_on"
    sentence = "The account has a second factor already."


class SecondFactorMissing(Forbidden):
    """The actor is staff, and the shop's policy gives staff their rights only with a second factor."""

    code = "second_factor_missing"
    sentence = "Staff of this shop need a second factor."
