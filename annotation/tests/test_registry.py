"""The registry: one champion, a way back, and comparisons that do not promise more than the subjects allow."""

import copy

import numpy as np
import pytest
from django.core.files.storage import default_storage

from annotation import registry
from annotation.errors import BadRequest, Conflict
from annotation.formats import scores
from annotation.models import AuditEvent, ModelVersion
from annotation.tests.factories import make_model, make_project, write_weights

NAMES = ("bone", "dura", "flavum")


def evaluation(table, names=NAMES):
    """What ml.evaluate would write for Dice values [subjects][labels]; None where a subject lacks a label."""
    columns = [[row[i] for row in table if row[i] is not None] for i in range(len(names))]
    means = [sum(column) / len(column) if column else None for column in columns]
    known = [mean for mean in means if mean is not None]
    return {
        "split": "test",
        "dataset_hash": "x",
        "macro": {"dice": sum(known) / len(known) if known else None, "dice_ci": None},
        "labels": {
            str(i): {"name": name, "dice": means[i - 1], "dice_ci": [0.1, 0.9], "n_used": 3}
            for i, name in enumerate(names, 1)
        },
        "subjects": {
            f"S{n}": {"dice": None, "frames": 1, "labels": {str(i): value for i, value in enumerate(row, 1)}}
            for n, row in enumerate(table)
        },
        "n_used": len(table),
        "n_total": len(table),
    }


def scored(table, test_set="t1", names=NAMES):
    return scores.from_evaluation(evaluation(table, names), test_set)


@pytest.fixture
def project(db):
    return make_project(labels=NAMES)


def test_the_first_candidate_is_promoted_by_a_person_and_can_be_followed(project):
    first, second = make_model(project), make_model(project)
    registry.promote(first, project.created_by)
    project.refresh_from_db()
    assert project.champion == first
    again = registry.promote(second, project.created_by)
    first.refresh_from_db()
    second.refresh_from_db()
    project.refresh_from_db()
    assert (first.stage, second.stage, project.champion) == ("retired", "champion", second)
    assert (again.replaced, again.promoted_by) == (first, project.created_by)
    assert again.promoted_at is not None
    assert AuditEvent.objects.filter(verb="promoted", object_id=str(second.pk)).get().detail == {"replaced": first.pk}


def test_rolling_back_makes_the_one_before_champion_again_all_the_way(project):
    models = [make_model(project) for _ in range(3)]
    for model in models:
        registry.promote(model, project.created_by)
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
    registry.promote(other, project.created_by)
    registry.promote(one, project.created_by)
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
    labels, difference = registry.differences(candidate, champion)
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
    [row], difference = registry.differences(candidate, champion)
    error = gains.std() / np.sqrt(len(gains))
    assert row["low"] == pytest.approx(gains.mean() - 1.96 * error, abs=0.15 * error)
    assert row["high"] == pytest.approx(gains.mean() + 1.96 * error, abs=0.15 * error)
    assert (difference["low"], difference["high"]) == (row["low"], row["high"])
    assert registry.differences(candidate, champion) == ([row], difference), "the seed is fixed"


def test_labels_no_test_frame_shows_are_left_out():
    one, other = scored([[0.5, None, 0.5]] * 2), scored([[0.4, None, 0.5]] * 2)
    labels, _ = registry.differences(one, other)
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
    said = registry.verdict(*registry.differences(scored(candidate), scored(champion)))
    assert words in said
    assert said.count(". ") == 0


def test_many_worse_structures_are_summed_up():
    names = tuple(f"s{n}" for n in range(6))
    candidate, champion = scored([[0.4] * 6] * 2, names=names), scored([[0.5] * 6] * 2, names=names)
    said = registry.verdict(*registry.differences(candidate, champion))
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
