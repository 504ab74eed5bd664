"""`python -m benchmarks._tables`: writes docs/benchmarks.md from benchmarks/results/*.json."""

import json

from benchmarks._report import RESULTS

PAGE = RESULTS.parents[1] / "docs" / "benchmarks.md"
HEAD = """# Measured against the budgets

Written by `make bench` from `benchmarks/results/*.json`; what each row means stands at the head of its module in
`benchmarks/`. No test asserts a time: these figures are read by people. A missed budget stays in the table.
Ratios are measured side by side in one run. "+" after a commit: files differed from it.
`load` is the machine's load average when the run ended: above the number of cores, figures are those of a busy machine.

What is behind the misses (two cores shared with other work, no GPU; day and machine stand at the head of each table):

- **Drafts.** The network is small and bound by memory: some 320 operations, most of them passes over maps that an
  arithmetic unit is done with at once. Where the processor has AMX the matrix product is a thousand GFLOP/s, and even
  the roofline, which lets each convolution read and write once and all else be free, asks for a tenth of what OpenVINO
  takes. Alone on the machine PyTorch gains more than OpenVINO does: T is 4.3 times as fast as eager then (29 November),
  5.1 beside other work (28 November), B 5.6 and 6.4; no operation stands out, the largest kind (1×1 convolutions) is a
  fifth of the time. Tried: norms and gates as products and attention stretched by a product (at most 5 % gained in
  bf16, up to 13 % lost in f32), GELU by tanh (14 % lost). Of a frame of 640×480, decoding its PNG, the way back,
  encoding and rows cost nine of 29 ms; PyTorch's figure has none of that. Rows up to commit e9bdf8a are of an
  untrained network of 12 labels at 256 px, whose noise no clip shows; later ones of the shipped champion (9 labels;
  until commit 114e039 that of 23 November, at 320 px) on simulated frames.
- **Saves over empty views**: a save is ten small queries, a checked PNG and one fsynced transaction, about ten
  milliseconds; an empty view is one. Fifty people at their own pace are well within the budget;
  fifty connections that save without any pause wait for one processor core.
- **Annotator**: on the nerve pictures a draft costs strokes instead of saving them. Its network (AAU-Net-T with masks
  and clicks, 118 pictures, 128 px, 20 epochs) has a mean Dice of 0.33 there: a weak model's drafts are in the way. On
  the simulated spines, where the champion has 0.952, three drafts of four are handed in as they are, and the others
  cost one or two strokes instead of eighteen (with the champion of 23 November, 0.94: one of seven, and 1.8 strokes).
- **Editor** (28 November 2026, alone on the machine): Chromium draws without a GPU here; all rows are within budget.
  What was missed before were tails. Gone since: a map that the page made of every save for the worker (tasks of 56 ms
  at 4096×3072; the worker is given runs), the copy of a whole box at undo (9 to 19 ms there, now 2 to 4), the decoder
  of PNGs in the page's scripts (11 kB), halving a picture of 4096×3072 on the page when it is opened (frames changed
  with tasks of up to 101 ms; the worker halves it), and the copy of a step for the device, made once the step is
  painted. Only measured badly: "painted" was noted after the work put off until the paint, and every press came just
  after a refresh and waited for the whole of the next. A press at any moment, as a hand's, is painted within 17 ms at
  p95 (a row of its own); an editor cannot shorten that wait, which is a refresh of a screen of 60 a second. The rows
  "the longest task" had one name until commit dba54bc, so that the table showed the last of them only. On a machine
  that trains or builds meanwhile tasks of 52 to 80 ms are seen again, and undo steps of up to 11 ms.
"""


def main() -> None:
    """Write the page."""
    parts = [HEAD]
    for path in sorted(RESULTS.glob("*.json")):
        result = json.loads(path.read_text())
        machine = result["machine"]
        where = f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']:g} GB"
        parts += [
            f"## {path.stem}\n",
            f"`python -m benchmarks.{path.stem}` · {result['date'][:16].replace('T', ' ')} UTC · "
            f"commit {result['commit']} · {where}, Python {machine['python']}, load {machine['load']:g}\n",
            "| what | measured | budget | |\n|---|---|---|---|",
        ]
        for row in result["rows"]:
            verdict = {True: "ok", False: "**missed**", None: ""}[row["ok"]]
            budget = f"{row['budget']} {row['unit']}".strip() if row["budget"] else ""
            parts.append(f"| {row['what']} | {row['measured']:.4g} {row['unit']} | {budget} | {verdict} |")
        parts.append("")
    PAGE.write_text("\n".join(parts))


if __name__ == "__main__":
    main()
