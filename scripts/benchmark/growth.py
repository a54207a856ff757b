"""How the cost of a night grows with a shop: exponents by least squares, and a plot."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _RIGHT, _TOP = 640, 420, 64, 48, 130, 24
_COLOURS = ("#1b6ca8", "#c0392b", "#2e8b57", "#8e44ad", "#444444", "#b7791f")


@dataclass(frozen=True)
class Point:
    """One shop and what its night took."""

    size: str
    sales: int
    customers: int
    seconds: Mapping[str, float]
    """of each stage"""
    peak_mb: float


DRIVERS = {"export": "sales", "train": "sales", "rank": "customers", "publish": "customers"}
"""What each stage should grow with."""


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The b of cost = a · size^b that fits best, by least squares on logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def exponents(points: Sequence[Point]) -> dict[str, float]:
    """Of each stage by what it should grow with; of all and of memory by sales."""
    found = {
        f"{stage} by {driver}": exponent(
            [getattr(point, driver) for point in points], [point.seconds[stage] for point in points]
        )
        for stage, driver in DRIVERS.items()
    }
    sales = [point.sales for point in points]
    found["the whole night by sales"] = exponent(sales, [sum(point.seconds.values()) for point in points])
    found["memory by sales"] = exponent(sales, [point.peak_mb for point in points])
    return found


def plot(points: Sequence[Point], path: Path) -> None:
    """Seconds of each stage and of all by sales, as an SVG file; a line of slope 1 to compare with."""
    lines = {stage: [point.seconds[stage] for point in points] for stage in DRIVERS}
    lines["all"] = [sum(point.seconds.values()) for point in points]
    sales = [point.sales for point in points]
    lines["linear"] = [lines["all"][-1] * number / sales[-1] for number in sales]
    low = math.floor(math.log10(min(min(values) for values in lines.values())))
    high = math.ceil(math.log10(max(max(values) for values in lines.values())))
    first, last = math.log10(sales[0]), math.log10(sales[-1])

    def place(number: float, seconds: float) -> tuple[float, float]:
        x = (math.log10(number) - first) / (last - first)
        y = (math.log10(seconds) - low) / (high - low)
        return (
            round(_LEFT + x * (_WIDTH - _LEFT - _RIGHT), 1),
            round(_HEIGHT - _BOTTOM - y * (_HEIGHT - _BOTTOM - _TOP), 1),
        )

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}">',
        "<style>text { font: 12px sans-serif }</style>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
    ]
    for power in range(low, high + 1):
        _, y = place(sales[0], 10.0**power)
        parts.append(f'<path d="M{_LEFT} {y}H{_WIDTH - _RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{10.0**power:g} s</text>')
    for point in points:
        x, _ = place(point.sales, 10.0**low)
        parts.append(f'<path d="M{x} {_TOP}V{_HEIGHT - _BOTTOM}" stroke="#eee"/>')
        label = f"{escape(point.size)}: {point.sales / 1e6:g}M"
        parts.append(f'<text x="{x}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{label}</text>')
    parts.append(f'<text x="{_LEFT}" y="{_HEIGHT - 8}">sale lines, both axes by logarithm</text>')
    for (name, values), colour in zip(lines.items(), _COLOURS, strict=True):
        places = [place(*pair) for pair in zip(sales, values, strict=True)]
        dash = ' stroke-dasharray="4 4"' if name == "linear" else ""
        corners = " ".join(f"{x},{y}" for x, y in places)
        parts.append(f'<polyline points="{corners}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        x, y = places[-1]
        if name != "linear":
            parts += [f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in places]
            parts.append(f'<text x="{x + 8}" y="{y + 4}" fill="{colour}">{name}</text>')
    path.write_text("\n".join([*parts, "</svg>", ""]), encoding="utf-8")
