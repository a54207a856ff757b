"""What many nights take, drawn: a panel for each figure, a line for each database."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path

from scripts.soaking.nights import NightFigures

_WIDTH, _HEIGHT, _LEFT, _TOP, _BETWEEN = 270, 150, 50, 34, 56
_COLOURS = {"sqlite": "#1b6ca8", "postgresql": "#c0392b", "mariadb": "#2e8b57"}
_PANELS: dict[str, Callable[[NightFigures], float]] = {
    "seconds": lambda night: night.seconds,
    "peak memory, MB": lambda night: night.peak_mb,
    "DATA_DIR, MB": lambda night: night.folder_mb,
    "our tables, MB": lambda night: night.tables_mb,
}


def plot(figures: Mapping[str, Sequence[NightFigures]], path: Path) -> None:
    """Each figure by night, as an SVG file; all axes begin at 0."""
    width, height = 2 * (_LEFT + _WIDTH) + 30, _TOP + 2 * (_HEIGHT + _BETWEEN)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">',
        "<style>text { font: 12px sans-serif }</style>",
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for place, (title, value) in enumerate(_PANELS.items()):
        left, top = _LEFT + place % 2 * (_LEFT + _WIDTH), _TOP + place // 2 * (_HEIGHT + _BETWEEN)
        parts += _panel(figures, title, value, (left, top))
    for place, name in enumerate(figures):
        parts.append(
            f'<text x="{_LEFT + 110 * place}" y="{height - 6}" fill="{_COLOURS[name]}">{name}</text>'
        )
    path.write_text("\n".join([*parts, "</svg>", ""]), encoding="utf-8")


def _panel(
    figures: Mapping[str, Sequence[NightFigures]],
    title: str,
    value: Callable[[NightFigures], float],
    corner: tuple[int, int],
) -> list[str]:
    left, top = corner
    nights = max(len(found) for found in figures.values())
    most = max(value(night) for found in figures.values() for night in found) or 1.0
    parts = [f'<text x="{left}" y="{top - 8}">{escape(title)} by night</text>']
    for share in (0.0, 0.5, 1.0):
        y = round(top + _HEIGHT * (1 - share), 1)
        parts.append(f'<path d="M{left} {y}H{left + _WIDTH}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 6}" y="{y + 4}" text-anchor="end">{most * share:.3g}</text>')
    for night in (1, nights):
        x = round(left + _WIDTH * night / nights, 1)
        parts.append(f'<text x="{x}" y="{top + _HEIGHT + 16}" text-anchor="end">{night}</text>')
    for name, found in figures.items():
        corners = " ".join(
            f"{left + _WIDTH * night.night / nights:.1f},{top + _HEIGHT * (1 - value(night) / most):.1f}"
            for night in found
        )
        parts.append(f'<polyline points="{corners}" fill="none" stroke="{_COLOURS[name]}"/>')
    return parts
