"""The type of a problem: its status and its texts."""

import attrs


@attrs.frozen
class ProblemType:
    """One kind of problem."""

    status: int
    title: str
    english: str
    russian_title: str
    russian: str
