"""`python -m benchmarks._tables`: writes docs/benchmarks.md from benchmarks/results/*.json."""

import json

from benchmarks._report import RESULTS

PAGE = RESULTS.parents[1] / "docs" / "benchmarks.md"
HEAD = """# Measured against the budgets

Written by `make bench` from `benchmarks/results/*.json`; what each row means stands at the head of its module in
`benchmarks/`. No test asserts a time: these figures are read by people. A missed budget stays in the table.
Ratios are measured side by side in one run. "+" after a commit: files differed from it.
`load` is the machine's load average when the run ended: above the number of cores, figures are those of a busy machine.
"""


def main() -> None:
    """Write the page."""
    parts = [HEAD]
    for path in sorted(RESULTS.glob("*.json")):
        result = json.loads(path.read_text())
        machine = result["machine"]
        parts.append(
            f"## {path.stem}\n\n`python -m benchmarks.{path.stem}` · {result['date'][:16].replace('T', ' ')} UTC · "
            f"commit {result['commit']} · {machine['processor']}, {machine['cores']} cores, {machine['memory_gb']:g} "
            f"GB, Python {machine['python']}, load {machine['load']:g}\n\n| what | measured | budget | |\n|---|---|---|---|"
        )
        for row in result["rows"]:
            verdict = {True: "ok", False: "**missed**", None: ""}[row["ok"]]
            budget = f"{row['budget']} {row['unit']}".strip() if row["budget"] else ""
            parts.append(f"| {row['what']} | {row['measured']:.4g} {row['unit']} | {budget} | {verdict} |")
        parts.append("")
    PAGE.write_text("\n".join(parts))


if __name__ == "__main__":
    main()
