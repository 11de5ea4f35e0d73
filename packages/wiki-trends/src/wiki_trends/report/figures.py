"""Format the numbers of an equation with enough decimals that a reader gets the displayed result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wiki_trends.report.formats import decimals

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LEAST_DIGITS, _MOST_DIGITS = 2, 12


def operands(
    values: Sequence[float], compute: Callable[..., float], result: float, result_digits: int
) -> list[str]:
    """Format the operands of an equation with the fewest decimals from which a reader computes the displayed result.

    For example, 5.39 / 0.18 is 29.9, so the result 29.4 needs the operands 5.387 and 0.183.

    Args:
        values: the operands, in the order of the equation.
        compute: the function that the equation shows.
        result: the result of the function for the exact operands.
        result_digits: the number of decimals with which the result is displayed.
    """
    displayed = f"{result:.{result_digits}f}"
    digits = _LEAST_DIGITS
    while digits < _MOST_DIGITS:
        rounded = [float(f"{value:.{digits}f}") for value in values]
        if _computes(compute, rounded, displayed, result_digits):
            break
        digits += 1
    return [decimals(value, digits) for value in values]


def _computes(compute: Callable[..., float], values: Sequence[float], displayed: str, digits: int) -> bool:
    try:
        return f"{compute(*values):.{digits}f}" == displayed
    except ZeroDivisionError:  # A small divisor needs more decimals.
        return False


def evidence_operands(surprise: float, standard_error: float) -> list[str]:
    """Format the operands of the evidence, which is displayed with one decimal: surprise / standard error."""
    return operands((surprise, standard_error), _quotient, _quotient(surprise, standard_error), 1)


def score_operands(surprise: float, spread: float, confidence: float) -> list[str]:
    """Format the operands of the score, which is displayed with one decimal: surprise / spread × confidence."""
    values = (surprise, spread, confidence)
    return operands(values, _score, _score(*values), 1)


def _quotient(numerator: float, denominator: float) -> float:
    return numerator / denominator


def _score(surprise: float, spread: float, confidence: float) -> float:
    return surprise / spread * confidence
