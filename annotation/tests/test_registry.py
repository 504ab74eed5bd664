"""The registry: one champion, a way back, and comparisons that do not promise more than the subjects allow."""

import copy

import numpy as np
import pytest
from django.core.files.storage import default_storage

from annotation import comparison, registry
from annotation.errors import BadRequest, Conflict
from annotation.formats import scores
from annotation.models import AuditEvent, ModelVersion
from annotation.tests.factories import make_model, make_project, write_weights

NAMES = ("bone", "dura", "flavum")


def evaluation(table, names=NAMES, unit="mm", scale="s1", **measures):
    """What ml.evaluate would write for Dice values [subjects][labels]; None where a subject lacks a label.

    measures  the same tables for others, such as hd95; none: as scores were before there were others
    """
    tables = {"dice": table, **measures}
    indices = [str(i) for i in range(1, len(names) + 1)]

    def means(rows):
        columns = [[row[i] for row in rows if row[i] is not None] for i in range(len(names))]
        return [sum(column) / len(column) if column else None for column in columns]

    per_label = {measure: means(rows) for measure, rows in tables.items()}
    known = {measure: [mean for mean in found if mean is not None] for measure, found in per_label.items()}
    return {
        "split": "test",
        "dataset_hash": "x",
        **({"unit": unit, "scale": scale} if measures else {}),
        "macro": {
            **{measure: sum(found) / len(found) if found else None for measure, found in known.items()},
            **{f"{measure}_ci": None for measure in tables},
        },
        "labels": {
            index: {
                "name": names[i],
                **{measure: per_label[measure][i] for measure in tables},
                **{f"{measure}_ci": [0.1, 0.9] for measure in tables},
                "n_used": 3,
            }
            for i, index in enumerate(indices)
        },
        "subjects": {
            f"S{n}": {
                "dice": None,
                "frames": 1,
                "labels": dict(zip(indices, row, strict=True)),
                "measures": {m: dict(zip(indices, rows[n], strict=True)) for m, rows in tables.items()},
            }
            for n, row in enumerate(table)
        },
        "n_used": len(table),
        "n_total": len(table),
    }


def scored(table, test_set="t1", names=NAMES, **measures):
    return scores.from_evaluation(evaluation(table, names, **measures), test_set)


def whole(dice, hd95=3.0, ece=0.05, subjects=3, **more):
    """Scores that are the same for each subject and label, with all measures."""
    flat = {"hd95": hd95, "ece": ece, "nsd_2": 0.8, "presence_f1": 1.0, **more}
    return scored(
        [[value, value, value] if isinstance(value, float) else value for value in [dice] * subjects],
        **{measure: [[value] * 3] * subjects for measure, value in flat.items()},
    )


@pytest.fixture
def project(db):
    return make_project(labels=NAMES)


def test_the_first_candidate_is_promoted_by_a_person_and_can_be_followed(project):
    first, second = make_model(project), make_model(project)
    registry.promote(first, project.created_by)
    project.refresh_from_db()
    assert project.champion == first
    again = registry.promote(second, project.created_by, override="first of its kind")
    first.refresh_from_db()
    second.refresh_from_db()
    project.refresh_from_db()
    assert (first.stage, second.stage, project.champion) == ("retired", "champion", second)
    assert (again.replaced, again.promoted_by) == (first, project.created_by)
    assert again.promoted_at is not None
    assert AuditEvent.objects.filter(verb="promoted", object_id=str(first.pk)).get().detail == {"replaced": None}
    told = AuditEvent.objects.filter(verb="promoted", object_id=str(second.pk)).get().detail
    assert (told["replaced"], told["override"]) == (first.pk, "first of its kind")
    assert told["gate"] == ["This model was not scored: its dataset version has no test subjects."]


def test_rolling_back_makes_the_one_before_champion_again_all_the_way(project):
    models = [make_model(project) for _ in range(3)]
    for model in models:
        registry.promote(model, project.created_by, override="a test")
    assert registry.rollback(models[2], project.created_by) == models[1]
    assert registry.rollback(models[1], project.created_by) == models[0]
    project.refresh_from_db()
    assert project.champion == models[0]
    stages = ModelVersion.objects.order_by("number").values_list("stage", flat=True)
    assert list(stages) == ["champion", "retired", "retired"]
    with pytest.raises(Conflict, match="replaced no champion"):
        registry.rollback(models[0], project.created_by)


def test_a_retired_model_can_be_promoted_again(project):
    one, other = make_model(project), make_model(project)
    registry.promote(one, project.created_by)
    registry.promote(other, project.created_by, override="a test")
    registry.promote(one, project.created_by, override="a test")
    project.refresh_from_db()
    assert project.champion == one
    assert registry.rollback(one, project.created_by) == other


def test_what_is_champion_is_not_promoted_and_what_is_not_is_not_rolled_back(project):
    model = make_model(project)
    with pytest.raises(Conflict, match="not the champion"):
        registry.rollback(model, project.created_by)
    registry.promote(model, project.created_by)
    with pytest.raises(Conflict, match="champion already"):
        registry.promote(model, project.created_by)


def test_a_model_for_other_labels_is_not_promoted(project):
    model = make_model(project, labels=[{"index": 9, "name": "lesion"}])
    with pytest.raises(Conflict, match="9 lesion"):
        registry.promote(model, project.created_by)


# --- comparing ---


def test_differences_are_paired_by_subject_and_averaged_over_labels():
    champion = scored([[0.5, 0.9, 0.2], [0.6, 0.7, None], [0.7, 0.8, 0.4]])
    candidate = scored([[0.6, 0.9, 0.1], [0.7, 0.6, None], [0.8, 0.9, 0.4]])
    labels, difference = comparison.differences(candidate, champion)
    assert [(row["index"], row["name"]) for row in labels] == [(1, "bone"), (2, "dura"), (3, "flavum")]
    assert [row["difference"] for row in labels] == pytest.approx([0.1, 0.0, -0.05])
    assert difference["mean"] == pytest.approx(0.05 / 3, abs=1e-6)
    bone = labels[0]  # the same gain on every subject: drawing them again changes nothing
    assert (bone["low"], bone["high"]) == pytest.approx((0.1, 0.1))
    assert labels[1]["low"] < 0 < labels[1]["high"]


def test_the_interval_is_that_of_drawing_subjects_again():
    """Against the plain formula: with one label, many subjects and normal differences, ±1.96 standard errors."""
    rng = np.random.default_rng(1)
    gains = rng.normal(0.02, 0.05, 200)
    champion = scored([[0.5] for _ in gains], names=("bone",))
    candidate = scored([[0.5 + gain] for gain in gains], names=("bone",))
    [row], difference = comparison.differences(candidate, champion)
    error = gains.std() / np.sqrt(len(gains))
    assert row["low"] == pytest.approx(gains.mean() - 1.96 * error, abs=0.15 * error)
    assert row["high"] == pytest.approx(gains.mean() + 1.96 * error, abs=0.15 * error)
    assert (difference["low"], difference["high"]) == (row["low"], row["high"])
    assert comparison.differences(candidate, champion) == ([row], difference), "the seed is fixed"


def test_labels_no_test_frame_shows_are_left_out():
    one, other = scored([[0.5, None, 0.5]] * 2), scored([[0.4, None, 0.5]] * 2)
    labels, _ = comparison.differences(one, other)
    assert [row["index"] for row in labels] == [1, 3]


@pytest.mark.parametrize(
    ("candidate", "champion", "words"),
    [
        (
            [[0.9, 0.6, 0.7], [0.9, 0.9, 0.7]],
            [[0.8, 0.7, 0.6], [0.8, 0.82, 0.6]],
            "Better on 2 of 3 structures; worse on dura by 0.01 (within noise); mean Dice +0.063 (95 %:",
        ),
        (
            [[0.9, 0.5, 0.7], [0.9, 0.5, 0.7]],
            [[0.8, 0.7, 0.6], [0.8, 0.7, 0.6]],
            "Better on 2 of 3 structures; worse on dura by 0.20; mean Dice +0.000 (95 %: +0.000 to +0.000), within",
        ),
        (
            [[0.5, 0.5, 0.5], [0.6, 0.5, 0.5]],
            [[0.5, 0.5, 0.5], [0.5, 0.5, 0.5]],
            "Better on 1 of 3 structures, worse on none; mean Dice",
        ),
        (
            [[0.9, 0.9, 0.9]],
            [[0.8, 0.8, 0.8]],
            "Better on 3 of 3 structures; mean Dice +0.100, with one test subject only, so it may be chance.",
        ),
        ([[None, None, None]], [[None, None, None]], "The test frames show none of the labels"),
    ],
)
def test_the_verdict_is_one_honest_sentence(candidate, champion, words):
    said = comparison.verdict(*comparison.differences(scored(candidate), scored(champion)))
    assert words in said
    assert said.count(". ") == 0


def test_many_worse_structures_are_summed_up():
    names = tuple(f"s{n}" for n in range(6))
    candidate, champion = scored([[0.4] * 6] * 2, names=names), scored([[0.5] * 6] * 2, names=names)
    said = comparison.verdict(*comparison.differences(candidate, champion))
    assert "worse on s0 by 0.10, s1 by 0.10, s2 by 0.10 and 3 more;" in said


def test_only_scores_on_the_same_test_set_are_compared(project):
    champion = make_model(project, "champion", scores=scored([[0.5] * 3] * 2, "old"))
    candidate = make_model(project, scores=scored([[0.6] * 3] * 2, "new"))
    shown = registry.compare(candidate, champion)
    assert not shown["comparable"]
    assert shown["labels"] == []
    assert shown["difference"] is None
    assert "was never scored on the test frames of model 2" in shown["verdict"]

    champion.scores = {**champion.scores, "others": {"new": scored([[0.4] * 3] * 2, "new")}}
    shown = registry.compare(candidate, champion)
    assert shown["comparable"]
    assert shown["difference"]["mean"] == pytest.approx(0.2)
    assert shown["champion"]["dice"]["mean"] == pytest.approx(0.4)
    assert "per_subject" not in shown["champion"]
    assert "per_subject" not in shown["candidate"]


def test_labels_only_one_model_draws_are_named_and_a_renamed_one_is_compared(project):
    """The champion is from before dura was renamed and flavum added, and drew lesion, which was removed since."""
    old = [{"index": 1, "name": "bone"}, {"index": 2, "name": "sac"}, {"index": 9, "name": "lesion"}]
    champion = make_model(project, "champion", labels=old, scores=scored([[0.5, 0.5]] * 2, names=NAMES[:2]))
    candidate = make_model(project, scores=scored([[0.6, 0.6, 0.1]] * 2))
    shown = registry.compare(candidate, champion)
    assert [(row["name"], row["difference"]) for row in shown["labels"]] == [("bone", 0.1), ("dura", 0.1)]
    assert shown["difference"]["mean"] == pytest.approx(0.1)
    assert "not compared, for only one of the two draws it: flavum, lesion; mean Dice +0.100" in shown["verdict"]
    assert shown["verdict"].count(". ") == 0


def test_without_champion_or_scores_the_verdict_says_so(project):
    candidate = make_model(project, scores=scored([[0.6] * 3] * 2))
    assert registry.compare(candidate, None)["verdict"] == "There is no champion to compare with."
    unscored = make_model(project)
    champion = make_model(project, "champion", scores=candidate.scores)
    shown = registry.compare(unscored, champion)
    assert (shown["candidate"], shown["comparable"]) == ({}, False)
    assert "not scored: its dataset version has no test subjects" in shown["verdict"]


def test_comparing_changes_no_row(project):
    champion = make_model(project, "champion", scores=scored([[0.5] * 3] * 2))
    candidate = make_model(project, scores=scored([[0.6] * 3] * 2))
    before = copy.deepcopy((champion.scores, candidate.scores))
    registry.compare(candidate, champion)
    assert (champion.scores, candidate.scores) == before


# --- the gate ---


def decided(candidate, champion):
    found = comparison.gate(candidate, champion)
    return found.passed, found.sentence(2)


def test_a_model_as_good_passes_and_so_does_one_at_the_very_limits():
    assert decided(whole(0.8), whole(0.8)) == (True, "Passes the gate: it may replace model 2.")
    assert decided(whole(0.795, hd95=3.3, ece=0.07), whole(0.8, hd95=3.0, ece=0.05))[0] is True
    assert decided(whole([0.78, 0.81, 0.81]), whole(0.8))[0] is True


@pytest.mark.parametrize(
    ("candidate", "words"),
    [
        (whole(0.794), "Keep model 2: mean Dice may be lower by up to 0.006 (95 %), where 0.005 is accepted."),
        (whole([0.779, 0.82, 0.82]), "Keep model 2: worse on bone by 0.021, where 0.02 is accepted."),
        (whole(0.8, hd95=3.4), "Keep model 2: HD95 is larger by 13 % (3.40 mm, was 3.00), where 10 % is accepted."),
        (whole(0.8, ece=0.08), "Keep model 2: its probabilities are off by 0.080, were by 0.050, where 0.02 more is"),
        (whole(0.79, hd95=4.0), "; HD95 is larger by 33 %"),
    ],
)
def test_each_rule_of_the_gate_alone_keeps_the_old_model(candidate, words):
    passed, said = decided(candidate, whole(0.8))
    assert passed is False
    assert words in said


def test_the_gate_asks_for_the_lower_end_of_the_interval_not_the_mean():
    """The mean gains 0.01, but one subject of three loses: drawn again, the loss may be all there is."""
    champion, candidate = whole(0.8), whole(0.8)
    for subject, value in zip(("S0", "S1", "S2"), (0.83, 0.83, 0.77), strict=True):
        candidate["per_subject"][subject] = {"1": value, "2": value, "3": value}
    _, difference = comparison.differences(candidate, champion)
    assert difference["mean"] == pytest.approx(0.01)
    assert difference["low"] == pytest.approx(-0.03)
    passed, said = decided(candidate, champion)
    assert (passed, "lower by up to 0.030 (95 %)" in said) == (False, True)


def test_what_was_not_measured_is_said_and_decides_nothing():
    old = scored([[0.8] * 3] * 3)
    passed, said = decided(whole(0.8), old)
    assert passed is None
    assert said == (
        "The gate cannot decide: HD95 was not measured for the champion; calibration was not measured for the champion."
    )
    assert decided(whole(0.7), old)[0] is False, "what is known to be worse is worse"
    assert decided(whole(0.8, subjects=1), whole(0.8, subjects=1))[0] is None, "one subject says nothing of the next"
    assert decided(whole(0.7, subjects=1), whole(0.8, subjects=1))[0] is False


def test_distances_under_another_scale_are_not_compared():
    champion = {**whole(0.8), "scale": "s0"}
    assert "before the millimetres per pixel of the test frames changed" in decided(whole(0.8, hd95=9.0), champion)[1]


def test_a_perfect_champion_has_no_share_to_grow_by():
    assert decided(whole(0.8, hd95=0.0), whole(0.8, hd95=0.0))[0] is True
    assert "HD95 is larger (1.00 mm, was 0.00)" in decided(whole(0.8, hd95=1.0), whole(0.8, hd95=0.0))[1]


def test_who_does_not_pass_is_promoted_only_with_a_reason_that_is_kept(project):
    champion = make_model(project, "champion", scores=whole(0.8))
    candidate = make_model(project, scores=whole(0.7))
    with pytest.raises(Conflict, match=r"Keep model 1: mean Dice may be lower by up to 0\.100") as refusal:
        registry.promote(candidate, project.created_by)
    assert refusal.value.code == "gate_not_passed"
    assert refusal.value.detail["gate"]["passed"] is False
    champion.refresh_from_db()
    assert champion.stage == "champion"
    assert not AuditEvent.objects.filter(verb="promoted").exists()

    registry.promote(candidate, project.created_by, override="the old one misses the dura at L5")
    told = AuditEvent.objects.get(verb="promoted").detail
    assert told["override"] == "the old one misses the dura at L5"
    assert any("mean Dice may be lower" in reason for reason in told["gate"])
    assert registry.rollback(candidate, project.created_by) == champion, "going back needs no gate"


def test_who_passes_is_promoted_without_one(project):
    make_model(project, "champion", scores=whole(0.8))
    candidate = make_model(project, scores=whole(0.81))
    registry.promote(candidate, project.created_by)
    assert set(AuditEvent.objects.get(verb="promoted").detail) == {"replaced"}


def test_the_comparison_shows_every_measure(project):
    champion = make_model(project, "champion", scores=whole(0.8))
    shown = registry.compare(make_model(project, scores=whole(0.8, hd95=2.5)), champion)
    assert set(shown["measures"]) == {"hd95", "nsd_2", "presence_f1", "ece"}
    assert shown["measures"]["hd95"]["difference"]["mean"] == pytest.approx(-0.5)
    assert shown["candidate"]["measures"]["hd95"]["mean"] == 2.5
    assert shown["gate"] == {"passed": True, "verdict": "Passes the gate: it may replace model 1.", "reasons": []}
    champion.scores = scored([[0.8] * 3] * 3)
    shown = registry.compare(make_model(project, scores=whole(0.8)), champion)
    assert shown["measures"]["hd95"]["why_not"] == "HD95 was not measured for the champion"
    assert (shown["champion"]["unit"], shown["champion"]["measures"]) == (None, {})


def test_the_paired_bootstrap_is_that_of_the_model_code():
    from ml.summary import paired_differences

    rng = np.random.default_rng(3)
    ours, theirs = (evaluation(rng.uniform(0.5, 1, (9, 3)).tolist()) for _ in range(2))
    rows, whole_difference = comparison.differences(*(scores.from_evaluation(side, "t") for side in (ours, theirs)))
    expected, macro = paired_differences(ours, theirs)
    for row in rows:
        assert row["difference"] == pytest.approx(expected[row["index"]].mean, abs=1e-6)
        assert (row["low"], row["high"]) == pytest.approx(expected[row["index"]].interval, abs=1e-6)
    assert whole_difference["mean"] == pytest.approx(macro.mean, abs=1e-6)
    assert (whole_difference["low"], whole_difference["high"]) == pytest.approx(macro.interval, abs=1e-6)


def test_new_scores_on_the_same_frames_replace_the_old_ones():
    old, new = scored([[0.8] * 3] * 3), whole(0.8)
    fresh = evaluation([[0.8] * 3] * 3, hd95=[[3.0] * 3] * 3)
    assert not scores.measured_alike(old, fresh), "a champion from before is scored again"
    assert scores.measured_alike(new, fresh)
    assert not scores.measured_alike({**new, "scale": "other"}, fresh)
    other = {**new, "test_set": "t2"}
    both = scores.with_more(old, other)
    assert set(scores.by_test_set(both)) == {"t1", "t2"}
    again = scores.with_more(both, new)
    assert scores.by_test_set(again) == {"t1": again, "t2": other}
    assert again["measures"] == new["measures"]
    assert scores.with_more({}, new) == new


# --- weights from elsewhere ---


def test_a_champion_is_imported_with_its_story_and_its_file_left_in_place(project, tmp_path):
    weights = write_weights(tmp_path / "w.safetensors", NAMES)
    card = {"note": "made from the phantom", "scores": evaluation([[0.9, 0.8, 0.7]] * 2)}
    model = registry.import_champion(project, weights, card)
    project.refresh_from_db()
    assert weights.exists()
    assert (project.champion, model.stage, model.number, model.note) == (model, "champion", 1, "made from the phantom")
    assert model.labels == [{"index": i, "name": name} for i, name in enumerate(NAMES, 1)]
    assert (model.architecture["name"], model.architecture["image_size"]) == ("aaunet_spine", 128)
    assert model.scores["dice"]["mean"] == pytest.approx(0.8)
    with default_storage.open(model.weights_name) as stored:
        assert stored.read() == weights.read_bytes()
    assert registry.compare(make_model(project, scores=scored([[0.6] * 3] * 2)), model)["comparable"] is False


@pytest.mark.parametrize("labels", [("bone", "dura", "lesion"), ("dura", "bone", "flavum"), (*NAMES, "more")])
def test_weights_for_other_labels_are_not_imported(project, tmp_path, labels):
    with pytest.raises(Conflict, match="draw labels the project does not have"):
        registry.import_champion(project, write_weights(tmp_path / "w", labels), {})
    assert not ModelVersion.objects.exists()


def test_something_else_than_weights_is_not_imported(project, tmp_path):
    (tmp_path / "w").write_bytes(b"hello")
    with pytest.raises(BadRequest, match="not a safetensors file"):
        registry.import_champion(project, tmp_path / "w", {})
    with pytest.raises(BadRequest, match="cannot be read"):
        registry.import_champion(project, tmp_path / "nothing", {})
