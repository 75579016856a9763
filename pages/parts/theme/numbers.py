"""Numbers as people read them, the same on every page."""

from __future__ import annotations

import math

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def readable(value: float, digits: int = 2) -> str:
    """A number with this many significant digits: 0.0058, 1,200, 3.1·10⁻⁹; the same powers as the ticks of a chart."""
    if not value or not math.isfinite(value):
        return f"{value:.0f}"
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    power = int(exponent)
    if -4 < power < 5:
        return f"{float(f'{value:.{digits - 1}e}'):,.{max(0, digits - 1 - power)}f}"
    times = "" if float(mantissa) == 1 else f"{mantissa.replace('-', '−')}·"
    return f"{times}10{str(power).translate(SUPERSCRIPTS)}"
