"""What ends a training run early: a user's mistake, or numbers that are none."""

from __future__ import annotations


class BadInput(ValueError):
    """Input that cannot be used; the message names the value and the way out. Exit status 2."""


class Diverged(ArithmeticError):
    """A term of the loss is no finite number any more.

    Attributes:
        step: the generator step at which it was seen first.
        term: the name of the series, such as ``loss/adv``.
    """

    def __init__(self, step: int, term: str, value: float) -> None:
        super().__init__(f"{term} became {value} at step {step}")
        self.step, self.term, self.value = step, term, value
