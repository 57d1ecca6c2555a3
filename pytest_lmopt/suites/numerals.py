"""Numbers as people and models write them in texts."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from fractions import Fraction

_MINUS = "\N{HYPHEN-MINUS}\N{MINUS SIGN}\N{EN DASH}\N{FULLWIDTH HYPHEN-MINUS}\N{SMALL HYPHEN-MINUS}"
_SIGNS = f"{_MINUS}+\N{FULLWIDTH PLUS SIGN}"
_SPACES = " \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}\N{FIGURE SPACE}"

# a sign after a letter, digit or bracket joins words: GPT-4, 3-5, f(x)-1
_START = re.compile(
    rf"(?:(?<![\w)\]])(?P<sign>[{_SIGNS}])[$€£¥₹]?)?(?=\d|(?<!\w)\.\d)|(?<!\w)(?=\.\d)"
)
_FORMS = tuple(
    re.compile(form)
    for form in (
        # 1 234,5 or 1'234.5 or 1_234: the same sign between all groups of three
        rf"(?P<whole>[1-9]\d{{0,2}}(?P<sep>[{_SPACES}'’_])\d{{3}}(?:(?P=sep)\d{{3}})*)"
        r"(?!\d)(?:[.,](?P<part>\d+)(?![.,]?\d))?",
        # 1,234.5
        r"(?P<whole>[1-9]\d{0,2}(?:,\d{3})+)(?!\d|,\d)(?:\.(?P<part>\d+))?",
        # 1.234,5 and 1.234.567
        r"(?P<whole>[1-9]\d{0,2}(?:\.\d{3})+)(?!\d|\.\d),(?P<part>\d+)(?!\d|[.,]\d)",
        r"(?P<whole>[1-9]\d{0,2}(?:\.\d{3}){2,})(?!\d|[.,]\d)",
        # 3,14
        r"(?P<whole>\d+),(?P<part>\d+)(?!\d|[.,]\d)",
        r"(?P<whole>\d*)\.(?P<part>\d+)",
        r"(?P<whole>\d+)",
    )
)
_EXPONENT = re.compile(rf"[eE]([{_SIGNS}]?)(\d+)")
_OVER = re.compile(r"[ ]?/[ ]?(\d{1,40})(?![\d.,]*/|\d)")
_INFINITE = re.compile(rf"([{_SIGNS}]?)(?:inf|infinity|∞)", re.IGNORECASE)
_NO_DIGIT = re.compile(r"\D+")


def first_number(text: str) -> Decimal | None:
    """The first number in a text, exactly; None where it has no digit.

    Groups of three may be parted by spaces, apostrophes, underscores, commas, or dots: ``1 000``,
    ``1'234.50``, ``1.234,50``. One dot is a decimal point (``1.234``), one comma groups three
    digits or is a decimal comma (``1,234`` and ``3,14``), and other commas part the numbers of a
    list (``1,2,3`` begins with 1). A minus sign or en dash counts unless it follows a letter, digit
    or bracket: ``GPT-4`` holds 4. A text that is ``inf`` alone is infinite.
    """
    return _first(text)[0]


def only_number(text: str) -> Decimal | None:
    """The number of a text that has one; None where it has none or several."""
    number, end = _first(text)
    return None if _START.search(text, end) else number


def first_fraction(text: str) -> Fraction | None:
    """The first number over the one behind its slash, as in ``1/2``; None without such a slash.

    A date with two slashes is none.
    """
    number, end = _first(text)
    over = _OVER.match(text, end)
    if number is None or over is None or not number.is_finite() or not int(over[1]):
        return None
    return Fraction(number) / int(over[1]) if abs(number.adjusted()) < 1000 else None


def _first(text: str) -> tuple[Decimal | None, int]:
    infinite = _INFINITE.fullmatch(text.strip())
    if infinite:
        return _decimal(infinite[1], "Infinity"), len(text)
    start = _START.search(text)
    if start is None:
        return None, 0
    found = next(match for form in _FORMS if (match := form.match(text, start.end())))
    named = found.groupdict()
    digits = f"{_NO_DIGIT.sub('', named['whole'])}.{named.get('part') or ''}"
    exponent = _EXPONENT.match(text, found.end())
    if exponent:
        digits = f"{digits}e{'-' if exponent[1] in (*_MINUS,) else ''}{exponent[2]}"
    end = exponent.end() if exponent else found.end()
    return _decimal(start["sign"] or "", digits.removeprefix(".") if digits == "." else digits), end


def _decimal(sign: str, digits: str) -> Decimal:
    minus = "-" if sign and sign in _MINUS else ""
    try:
        return Decimal(minus + digits)
    except InvalidOperation:  # an exponent of more than 18 digits
        tiny = "e-" in digits or not digits.partition("e")[0].strip("0.")
        return Decimal(0) if tiny else Decimal(f"{minus}Infinity")
