"""A page about one evaluation: scores with intervals, the best, median and worst frames, and where the error sits.

One HTML file with its pictures inside; nothing is fetched, no script runs. Light or dark as the reader has it.
"""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

from ml.data import Sample
from ml.labels import IGNORE, LabelSchema
from ml.metrics import score_frame
from ml.predict import Prediction, Predictor

HEAT = 64
"""Side of the heat map: cells the picture is divided into."""
NEAR = 3
"""Pixels from the reference's borders that count as the border, where people differ as well."""
SHOWN_WIDTH = 360
_OURS, _THEIRS = (80, 220, 120), (255, 110, 60)  # RGB: reference, prediction

_STYLE = """
:root{color-scheme:light dark;--text:#1c2126;--quiet:#5d666e;--line:#d9dee2;--back:#fbfbfa;--ink:#0f766e}
@media(prefers-color-scheme:dark){:root{--text:#e4e8ea;--quiet:#98a2a9;--line:#333b41;--back:#14181b;--ink:#4fc3b5}}
body{margin:0 auto;max-width:1280px;padding:32px 24px 64px;font:15px/1.5 system-ui,sans-serif;color:var(--text);
background:var(--back)}
h1{font-size:24px;font-weight:600}h2{margin:40px 0 8px;font-size:17px;font-weight:600}
p{max-width:72ch}.quiet,figcaption{color:var(--quiet);font-size:13px}.wide{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:4px 14px 4px 0;text-align:right;font-weight:400;white-space:nowrap}
th:first-child{text-align:left}thead th{color:var(--quiet);font-size:13px}
tbody tr{border-top:1px solid var(--line)}tbody tr:first-child th{font-weight:600}
td small{display:block;color:var(--quiet);font-size:11px}
.frames{display:grid;grid-template-columns:repeat(auto-fill,minmax(300px,1fr));gap:20px}
figure{margin:0}img{display:block;max-width:100%;border-radius:6px}svg{display:block;max-width:100%}
svg text{fill:var(--quiet);font-size:12px}svg .grid{stroke:var(--line)}svg .dot{fill:var(--ink);stroke:var(--ink)}
.key::before{display:inline-block;width:14px;height:3px;margin:0 6px 3px 0;background:var(--of);content:""}
"""


@dataclass
class ErrorMap:
    """What goes wrong where, over all frames; pass `see` to `ml.evaluate.evaluate` as its `watch`.

    heat        float64 [HEAT, HEAT]: how often a place of the picture is drawn wrong; every frame counts the same
    confusion   int64 [256, 256]: pixels by reference and predicted label index
    near, far   wrong pixels within NEAR of a border of the reference, and further
    dice        per frame, mean over the labels its reference shows; NaN where it shows none
    """

    labels: LabelSchema
    heat: np.ndarray = field(default_factory=lambda: np.zeros((HEAT, HEAT)))
    confusion: np.ndarray = field(default_factory=lambda: np.zeros((256, 256), np.int64))
    near: int = 0
    far: int = 0
    dice: list[float] = field(default_factory=list)

    def see(self, _sample: Sample, mask: np.ndarray, drawn: Prediction) -> None:
        """Add one frame."""
        known = mask != IGNORE
        wrong = known & (mask != drawn.labelmap)
        self.heat += cv2.resize(wrong.astype(np.float32), (HEAT, HEAT), interpolation=cv2.INTER_AREA)
        pairs = np.bincount(mask[known].astype(np.intp) * 256 + drawn.labelmap[known], minlength=65536)
        self.confusion += pairs.reshape(256, 256)
        border = _borders(mask).astype(np.uint8)
        side = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * NEAR + 1, 2 * NEAR + 1))
        close = cv2.dilate(border, side) > 0
        self.near += int((wrong & close).sum())
        self.far += int((wrong & ~close).sum())
        scores = score_frame(mask, drawn.labelmap, self.labels, quick=True).values()
        shown = [score.overlap.dice for score in scores if score.in_reference]
        self.dice.append(sum(shown) / len(shown) if shown else math.nan)


def write_report(
    scores: dict[str, Any], errors: ErrorMap, samples: Sequence[Sample], predictor: Predictor, title: str
) -> str:
    """The page as HTML.

    scores, errors, samples  of one call of `ml.evaluate.evaluate`, in its order; the frames shown are drafted again
    """
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        f"<p class=quiet>{scores['n_total']} frames of {len(scores['subjects'])} subjects; "
        f"{scores['n_used']} show a label. Split {html.escape(scores.get('split', ''))}, "
        f"data {html.escape(str(scores.get('dataset_hash', ''))[:12])}.</p>",
        "<h2>Scores</h2>",
        _table(scores),
        f"<p class=quiet>Mean over subjects, below it the 95 % interval (subjects drawn again). Headline: frames whose "
        f"reference shows the label. Distances in {scores['unit']}; a missed label counts the picture’s diagonal. "
        f"HD95, ASSD and ECE: smaller is better.</p>",
        "<h2>Dice by label</h2>",
        _dots(scores),
        "<h2>Subjects of least Dice</h2>",
        "<p>" + (", ".join(f"{html.escape(w['subject'])} {w['dice']:.3f}" for w in scores["macro"]["worst"]) or "–"),
        "</p><h2>Best, median and worst frames</h2>",
        f'<p class=quiet><span class=key style="--of:rgb{_OURS}">reference</span> &nbsp; '
        f'<span class=key style="--of:rgb{_THEIRS}">prediction</span></p>',
        _frames(errors, samples, predictor),
        "<h2>Where the error sits</h2>",
        _where(errors),
        "<h2>What is taken for what</h2>",
        _confusion(errors),
    ]
    head = '<meta charset=utf-8><meta name=viewport content="width=device-width,initial-scale=1">'
    head += f"<title>{html.escape(title)}</title><style>{_STYLE}</style>"
    return f"<!doctype html><html lang=en><head>{head}</head><body>{''.join(parts)}</body></html>\n"


def _table(scores: dict[str, Any]) -> str:
    unit = scores["unit"]
    columns = [("dice", "Dice"), ("iou", "IoU"), ("precision", "precision"), ("recall", "recall")]
    columns += [("hd95", f"HD95, {unit}"), ("assd", f"ASSD, {unit}")]
    columns += [("nsd_1", "NSD 1 mm")] if unit == "mm" else []
    columns += [("nsd_2", f"NSD 2 {unit}"), ("presence_sensitivity", "found"), ("presence_specificity", "rightly not")]
    columns += [("presence_f1", "presence F1"), ("ece", "ECE")]

    def cell(row: dict[str, Any], measure: str) -> str:
        if row[measure] is None:
            return "<td>–</td>"
        digits = 2 if measure in ("hd95", "assd") else 3
        ends = row[f"{measure}_ci"]
        interval = f"<small>{ends[0]:.{digits}f} to {ends[1]:.{digits}f}</small>" if ends else ""
        return f"<td>{row[measure]:.{digits}f}{interval}</td>"

    def line(name: str, row: dict[str, Any], used: str, false: float | None) -> str:
        cells = "".join(cell(row, measure) for measure, _ in columns)
        invented = "–" if false is None else f"{false:.3f}"
        return f"<tr><th scope=row>{html.escape(name)}</th><td>{used}</td>{cells}<td>{invented}</td></tr>"

    heads = "".join(f"<th scope=col>{name}</th>" for _, name in columns)
    rows = [line("Mean over labels", scores["macro"], f"{scores['n_used']} of {scores['n_total']}", None)]
    rows += [
        line(row["name"], row, f"{row['n_used']} of {row['n_total']}", row["false_positive_rate"])
        for row in scores["labels"].values()
    ]
    return (
        f"<div class=wide><table><thead><tr><th scope=col>Label</th><th scope=col>frames used</th>{heads}"
        f"<th scope=col>drawn where absent</th></tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _dots(scores: dict[str, Any]) -> str:
    """A dot a label on its interval, on one axis from 0 to 1."""
    rows = [("Mean over labels", scores["macro"]), *((row["name"], row) for row in scores["labels"].values())]
    left, width, height = 240, 560, 26

    def x(value: float) -> float:
        return left + value * width

    drawn = [
        f'<line class=grid x1="{x(t / 10):.1f}" x2="{x(t / 10):.1f}" y1="20" y2="{20 + height * len(rows)}"/>'
        f'<text x="{x(t / 10):.1f}" y="14" text-anchor="middle">{t / 10:.1f}</text>'
        for t in range(0, 11, 2)
    ]
    for n, (name, row) in enumerate(rows):
        y = 20 + height * (n + 0.5)
        drawn.append(f'<text x="0" y="{y + 4}">{html.escape(name[:36])}</text>')
        if row["dice"] is None:
            continue
        if row["dice_ci"]:
            low, high = (x(side) for side in row["dice_ci"])
            drawn.append(f'<line class=dot x1="{low:.1f}" x2="{high:.1f}" y1="{y}" y2="{y}" stroke-width="2"/>')
        drawn.append(f'<circle class=dot cx="{x(row["dice"]):.1f}" cy="{y}" r="4.5"/>')
    total = 24 + height * len(rows)
    return (
        f'<svg viewBox="0 0 {left + width + 20} {total}" width="{left + width + 20}" role="img">{"".join(drawn)}</svg>'
    )


def _frames(errors: ErrorMap, samples: Sequence[Sample], predictor: Predictor) -> str:
    order = [n for n in np.argsort(errors.dice, kind="stable") if not math.isnan(errors.dice[n])]
    if not order:
        return "<p>No frame shows a label.</p>"
    middle = max(0, (len(order) - 3) // 2)
    groups = {"worst": order[:3], "median": order[middle : middle + 3], "best": order[::-1][:3]}
    figures = []
    for name, chosen in groups.items():
        for n in chosen:
            image, mask = samples[n].load()
            [drawn] = predictor.predict_batch([image])
            caption = (
                f"{name}: Dice {errors.dice[n]:.3f}, {html.escape(samples[n].subject)}, frame {n + 1} of the split"
            )
            picture = _picture(_outlined(image, mask, drawn.labelmap), ".jpg")
            figures.append(f"<figure>{picture}<figcaption>{caption}</figcaption></figure>")
    return f"<div class=frames>{''.join(figures)}</div>"


def _borders(mask: np.ndarray) -> np.ndarray:
    """bool [H, W]: pixels whose right or lower neighbour has another label; where annotation ends is none."""
    border = np.zeros(mask.shape, bool)
    for one, other, where in (
        (mask[:-1], mask[1:], border[:-1]),
        (mask[:, :-1], mask[:, 1:], border[:, :-1]),
    ):
        where |= (one != other) & (one != IGNORE) & (other != IGNORE)
    return border


def _outlined(image: np.ndarray, mask: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """uint8 [H, W, 3]: the picture with both outlines, scaled so that outlines stay one pixel thin."""
    scale = SHOWN_WIDTH / image.shape[1]
    size = (SHOWN_WIDTH, max(1, round(image.shape[0] * scale)))
    shown = cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_GRAY2RGB)
    for labelmap, colour in ((mask, _OURS), (drawn, _THEIRS)):
        shown[_borders(cv2.resize(labelmap, size, interpolation=cv2.INTER_NEAREST_EXACT))] = colour
    return shown


def _picture(pixels: np.ndarray, kind: str, width: int = SHOWN_WIDTH) -> str:
    quality = [cv2.IMWRITE_JPEG_QUALITY, 80] if kind == ".jpg" else []
    data = base64.b64encode(cv2.imencode(kind, pixels[:, :, ::-1], quality)[1].tobytes()).decode("ascii")
    return f'<img alt="" width="{width}" src="data:image/{"jpeg" if kind == ".jpg" else "png"};base64,{data}">'


def _where(errors: ErrorMap) -> str:
    wrong = errors.near + errors.far
    if not wrong:
        return "<p>No pixel is wrong.</p>"
    share = errors.heat / max(1, len(errors.dice))
    heat = cv2.applyColorMap((255 * share / share.max()).astype(np.uint8), cv2.COLORMAP_INFERNO)[:, :, ::-1]
    heat = cv2.resize(heat, (256, 256), interpolation=cv2.INTER_NEAREST)
    return (
        f"<p>{errors.near / wrong:.0%} of the wrong pixels lie within {NEAR} pixels of a border, where people differ "
        f"as well; {errors.far / wrong:.0%} further away: structures missed, invented or taken for others.</p>"
        f"<figure>{_picture(heat, '.png', 256)}<figcaption>All frames laid over each other, top is near the probe. "
        f"Black: never wrong; brightest: wrong in {share.max():.0%} of the frames.</figcaption></figure>"
    )


def _confusion(errors: ErrorMap) -> str:
    names = {0: "background", **dict(errors.labels.labels)}
    heads = "".join(f"<th scope=col>{html.escape(name[:18])}</th>" for name in names.values())
    rows = []
    for index, name in names.items():
        total = int(errors.confusion[index].sum())
        shares = [errors.confusion[index, other] / total if total else math.nan for other in names]
        cells = "".join(f"<td>{'–' if math.isnan(share) else f'{share:.1%}'}</td>" for share in shares)
        rows.append(f"<tr><th scope=row>{html.escape(name)}</th>{cells}</tr>")
    return (
        "<p class=quiet>Of the pixels of a row’s label in the reference, the share drawn as each column’s.</p>"
        f"<div class=wide><table><thead><tr><th scope=col>Reference</th>{heads}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )
