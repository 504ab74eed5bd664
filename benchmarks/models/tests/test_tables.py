"""The tables say what the results hold."""

import json

from benchmarks.models import tables
from ml.make_demo_champion import WEIGHTS


def _result(network: str, dice: list[float], **changes):
    scores = [
        {
            "picture": f"p{number}",
            "class": "benign" if number % 2 else "malignant",
            "first_of_cluster": number != 3,
            "labels": {"1": {"dice": value, "hd95": 4.0}},
        }
        for number, value in enumerate(dice)
    ]
    return {
        "study": "busi", "budget": "cpu", "network": network, "fold": 0, "seed": 0, "title": network,
        "command": "python -m benchmarks.models …", "date": "2026-01-01T00:00", "commit": "abc", "device": "a CPU",
        "threads": 1, "parameters": 1234567, "pictures": {"train": 3, "val": 2, "test": 4}, "best_epoch": 7,
        "seconds_per_epoch": 9.0, "scores": scores, **changes,
    }  # fmt: skip


def test_the_mean_is_over_pictures_without_near_duplicates_and_says_how_many():
    page = tables.tables([_result("aau-t", [0.8, 0.6, 0.7, 0.1])])

    assert "**0.700** (3)" in page  # without the near-duplicate
    assert "0.550 (4)" in page  # with it
    assert "| 1 234 567 | 0.600 (1) | 0.750 (2) |" in page


def test_differences_are_paired_by_picture():
    page = tables.tables([_result("aau-b", [0.8, 0.6, 0.7, 0.9]), _result("unet-32", [0.7, 0.5, 0.6, 0.9])])

    assert "| AAU-Net-B − U-Net 32…512 | +0.100 | +0.100 to +0.100 | 3 |" in page


def test_a_row_of_the_ablation_without_a_cell_is_not_left_out():
    rows = [_result("plain-t", [0.5] * 4), _result("plain-t", [0.7] * 4, seed=1), _result("plain-t-mdck", [0.6] * 4)]
    page = tables.tables([*rows, _result("aau-t", [0.9] * 4)])

    assert "| U-Net of the same widths | 1 234 567 | 0.500, 0.700 | 0.600 | 0.200 |  | 0, 1 |" in page
    assert "| + MDCK | 1 234 567 | 0.600 | 0.600 |  | +0.100 | 0 |" in page  # by the seed that both have
    assert "| + MADM |  | not reached |" in page
    assert "(this is AAU-Net-T) | 1 234 567 | 0.900 | 0.900 |  |  | 0 |" in page  # no step over rows not reached


def test_only_what_stands_between_the_marks_is_replaced(tmp_path):
    page = tmp_path / "model.md"
    card = f"{tables.CARD_BEGIN}\nold\n{tables.CARD_END}"
    page.write_text(f"before\n{tables.BEGIN}\nold\n{tables.END}\nbetween\n{card}\nafter\n")
    tables.write(page, tmp_path)

    text = page.read_text()
    assert text.startswith("before\n") and "\nbetween\n" in text and text.endswith("after\n") and "old" not in text
    told = json.loads(WEIGHTS.with_suffix(".json").read_text())
    assert told["sha256"] in text
    assert f"{told['scores_on_unseen_phantom_subjects']['macro']['dice']:.3f}" in text


def _study(rows: list[dict]) -> dict:
    return {
        "command": "python -m …", "date": "2026-01-01T00:00", "commit": "abc", "device": "a CPU", "view": "v",
        "weights_sha256": "0" * 64, "labels": {"2": "dura"}, "rows": rows,
    }  # fmt: skip


def test_propagation_is_compared_with_the_best_of_the_others():
    row = {"distance": 5, "copy": 0.5, "warp": 0.8, "draft": 0.7, "smoothed": 0.75, "stopped": False}
    page = tables.propagation(_study([{"subject": 1, "ours": 0.9, **row}, {"subject": 2, "ours": 0.8, **row}]))

    assert "| 5 | 0.500 | 0.800 | 0.700 | 0.750 | **0.850** | +0.050 (+0.000 to +0.100) | 0 of 2 |" in page


def test_clicks_that_never_suffice_count_as_the_cap():
    rows = [
        {"subject": 1, "label": 2, "start": "scratch", "clicks": 10, "reached": False, "dice": [0.0, 0.4]},
        {"subject": 1, "label": 2, "start": "draft", "clicks": 1, "reached": True, "dice": [0.8, 0.95]},
    ]
    page = tables.clicks(_study(rows))

    assert "| 2 dura | 10.0 | 0 of 1 | 1.0 | 1 of 1 | 1.0 (1) | 0.800 | 1 |" in page


def test_drafts_are_averaged_over_frames_then_subjects_then_structures():
    rows = [
        {"subject": 1, "frame": 0, "dice": {"2": 0.8, "4": 0.4}},
        {"subject": 1, "frame": 8, "dice": {"2": 1.0}},
        {"subject": 2, "frame": 0, "dice": {"2": 0.5}},
    ]
    made = {"view": "v", "weights_sha256": "f" * 64, "date": "2026-01-01", "commit": "abc", "device": "a CPU"}
    page = tables.drafts({**made, "command": "c", "labels": {"2": "lamina", "4": "dura"}, "rows": rows})

    assert "| 2 lamina | 0.700 | 0.500 to 0.900 | 0.500 | 3 |" in page
    assert "| 4 dura | 0.400 | 0.400 to 0.400 | 0.400 | 1 |" in page
    assert "| **mean over the structures** | 0.575 | 0.500 to 0.650 | 0.500 | 3 |" in page
