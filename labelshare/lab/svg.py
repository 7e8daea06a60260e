"""Two kinds of plot as plain SVG: horizontal bars in groups, and lines. No plotting library is needed for the lab's reports."""

from collections.abc import Mapping, Sequence
from html import escape

COLORS = ("#1b6ca8", "#d1495b", "#66a182", "#edae49", "#5b5f97", "#8d96a3", "#2e4057", "#9a031e", "#0f4c5c", "#7a9e9f")
FONT = 'font-family="sans-serif" font-size="12"'
ROW, GAP, LEFT, RIGHT, TOP = 14, 10, 170, 60, 40


def bars(title: str, groups: Mapping[str, Mapping[str, float | None]]) -> str:
    """Horizontal bars: a group a key, a bar a series. Bars start at zero; None leaves a bar out."""
    series = list(dict.fromkeys(name for group in groups.values() for name in group))
    values = [value for group in groups.values() for value in group.values() if value is not None]
    low, high = min(0.0, *values, 0.0), max(0.0, *values, 0.0)
    width, height = 900, TOP + 22 * ((len(series) + 3) // 4) + sum(ROW * len(g) + GAP for g in groups.values()) + 10
    scale = (width - LEFT - RIGHT) / ((high - low) or 1)
    parts = [_text(LEFT, 18, title, bold=True), *_legend(series)]
    y = TOP + 22 * ((len(series) + 3) // 4)
    zero = LEFT - low * scale
    for name, group in groups.items():
        parts.append(_text(LEFT - 8, y + ROW * len(group) / 2 + 4, name, anchor="end"))
        for key, value in group.items():
            if value is not None:
                x, length = min(zero, zero + value * scale), abs(value * scale)
                parts.append(f'<rect x="{x:.1f}" y="{y}" width="{length:.1f}" height="{ROW - 3}" fill="{_color(series, key)}"/>')
                parts.append(_text(x + length + 4, y + ROW - 4, f"{value:+.2f}", size=10))
            y += ROW
        y += GAP
    parts.append(f'<line x1="{zero:.1f}" y1="{TOP}" x2="{zero:.1f}" y2="{y}" stroke="#333"/>')
    return _document(width, height, parts)


def lines(title: str, x_title: str, curves: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """Curves of (x, y) points over common axes."""
    series = list(curves)
    points = [point for curve in curves.values() for point in curve]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    left, right, low, high = min(xs), max(xs), min(0.0, *ys), max(ys)
    width, top, bottom = 900, TOP + 22 * ((len(series) + 3) // 4), 420
    height = bottom + 50

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - left) / ((right - left) or 1)
        return 60 + across * (width - 100), bottom - (y - low) / ((high - low) or 1) * (bottom - top)

    parts = [_text(60, 18, title, bold=True), *_legend(series), _text(width / 2, height - 10, x_title, anchor="middle")]
    for step in range(6):
        value = low + step * (high - low) / 5
        y = place(left, value)[1]
        parts.append(f'<line x1="60" y1="{y:.1f}" x2="{width - 40}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(_text(54, y + 4, f"{value:.2f}", anchor="end"))
    for x in sorted(set(xs)):
        parts.append(_text(place(x, low)[0], bottom + 18, f"{x:g}", anchor="middle"))
    for name, curve in curves.items():
        drawn = " ".join(f"{a:.1f},{b:.1f}" for a, b in (place(x, y) for x, y in sorted(curve)))
        parts.append(f'<polyline points="{drawn}" fill="none" stroke="{_color(series, name)}" stroke-width="2"/>')
    return _document(width, height, parts)


def _color(series: Sequence[str], name: str) -> str:
    return COLORS[series.index(name) % len(COLORS)]


def _legend(series: Sequence[str]) -> list[str]:
    parts = []
    for i, name in enumerate(series):
        x, y = 60 + 205 * (i % 4), TOP + 22 * (i // 4) - 8
        parts += [f'<rect x="{x}" y="{y - 9}" width="10" height="10" fill="{_color(series, name)}"/>', _text(x + 15, y, name)]
    return parts


def _text(x: float, y: float, text: str, *, anchor: str = "start", bold: bool = False, size: int = 12) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{weight} style="font-size:{size}px">{escape(text)}</text>'


def _document(width: int, height: int, parts: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" {FONT}>'
    return "\n".join([head, f'<rect width="{width}" height="{height}" fill="#fff"/>', *parts, "</svg>", ""])
