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
  takes. Tried: norms and gates as products and attention stretched by a product (at most 5 % gained in bf16, up to
  13 % lost in f32), GELU by tanh (14 % lost). Of a frame of 640×480, decoding its PNG, the way back, encoding and rows
  cost a third of the time; PyTorch's figure has none of that. Rows up to commit e9bdf8a are of an untrained network of
  12 labels at 256 px, whose noise no clip shows; later ones of the shipped champion (9 labels; until commit 114e039
  that of 23 November, at 320 px) on simulated frames.
- **Saves over empty views**: a save is ten small queries, a checked PNG and one fsynced transaction, about fifteen
  milliseconds; an empty view is about two. Fifty people at their own pace are well within the budget;
  fifty connections that save without any pause wait for one processor core.
- **COCO** encodes every label of every frame; PNG, the format training reads, only copies.
- **Annotator**: on the nerve pictures a draft costs strokes instead of saving them. Its network (AAU-Net-T with masks
  and clicks, 118 pictures, 128 px, 20 epochs) has a mean Dice of 0.33 there: a weak model's drafts are in the way. On
  the simulated spines, where the champion of 23 November had 0.94, they save nine strokes of ten.
- **Editor** (28 November 2026, alone on the machine): Chromium draws without a GPU here. Two rows are missed in the
  last run: two tasks of up to 56 ms while painting and saving at 4096×3072 (none in two whole runs before), and the
  slowest of 500 undo steps in the engine, 21 ms (10 and 12 in those runs), measured in the process that drives the
  browser; in a process of its own the slowest took 1.0 to 1.2 ms, three times. The scripts are within 0.3 kB of their
  budget: what comes next must make room first. What was missed until commit 16a7134 (undo 16.1 ms at p95, the brush of
  5 px after 2,000 strokes 23.7, opening 161) were tails.
  What is gone since: the copy of a step for the device, 1 to 20 ms, which is made once the step is painted. What was
  only measured badly: "painted" was noted after the work put off until the paint instead of before it, and every press
  came just after a refresh and waited for the whole of the next. A press at any moment, as a hand's, is painted within
  17 ms at p95 (a row of its own); an editor cannot shorten that wait, which is a refresh of a screen of 60 a second.
  Opening goes with the machine's speed: 60 to 72 ms, p95 77 to 97, in three runs since. Before the picture comes
  nothing: panels, how it stands with the server, and the look for lost work follow it. In turns on one machine that
  had taken undo from 21 to 29 ms to 10 to 11 (medians), the next frame from 33 to 41 to 22 to 30.
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
