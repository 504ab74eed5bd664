"""Freezing: split by subject for ever, hashed, refused when people or pictures would be on two sides."""

from io import StringIO
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import pytest
from django.core.management import call_command
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation import datasets, duplicates
from annotation.errors import BadRequest, Conflict, SplitLeak
from annotation.files import FramePack, read_slice
from annotation.formats.items import content_hash, refuse_shared_subjects, stored_lines
from annotation.models import AuditEvent, DatasetItem, DatasetVersion, Frame, Revision, Subject
from annotation.tests.factories import accept, boxes, make_clip_with_frames, make_gold, make_project, noise

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    project = make_project()
    make_gold(project, subjects=5, frames=3)
    return project


def freeze(project, **choices):
    return datasets.freeze(project, project.created_by, **choices)


def sides(dataset):
    found = dataset.items.values_list("frame__clip__subject__pseudonym", "split").distinct()
    result = {}
    for pseudonym, split in found:
        assert pseudonym not in result, f"{pseudonym} is on two sides"
        result[pseudonym] = split
    return result


def verify(*arguments):
    """(exit status, what it printed)"""
    out = StringIO()
    try:
        call_command("verify_integrity", *arguments, stdout=out)
    except SystemExit as end:
        return end.code, out.getvalue()
    return 0, out.getvalue()


def test_gold_becomes_a_version_split_by_whole_subjects(project):
    dataset = freeze(project, note="first")
    split = sides(dataset)
    assert sorted(split.values()) == ["test", "train", "train", "train", "val"]
    assert (dataset.number, dataset.note, dataset.frame_count) == (1, "first", 15)
    assert dataset.counts["train"]["frames"] == 9
    assert dataset.counts["train"]["subjects"] == dataset.counts["train"]["clips"] == 3
    shown = Revision.objects.filter(
        annotation__frame__clip__subject__pseudonym__in=[s for s in split if split[s] == "test"]
    )
    assert dataset.counts["test"]["labels"]["2"] == {
        "frames": 3,
        "pixels": sum(revision.label_pixels["2"] for revision in shown),
    }
    assert AuditEvent.objects.filter(verb="froze", object_id=str(dataset.pk)).exists()


def test_test_subjects_of_a_version_stay_test_for_ever(project):
    first = sides(freeze(project))
    [tested] = [name for name, side in first.items() if side == "test"]
    assert Subject.objects.get(project=project, pseudonym=tested).is_test
    Subject.objects.filter(project=project).update(is_test=False)  # even when somebody takes the mark off
    for seed in range(1, 6):
        assert sides(freeze(project, seed=seed, test=0.4))[tested] == "test"


def test_a_subject_models_have_trained_on_never_becomes_a_test_subject(project):
    first = sides(freeze(project, test=0.2))
    second = sides(freeze(project, test=0.6, seed=3))
    assert {name for name, side in second.items() if side == "test"} == {
        name for name, side in first.items() if side == "test"
    }


def test_new_subjects_fill_the_test_share_later(project):
    before = sides(freeze(project))
    for name in ("S6", "S7", "S8", "S9", "S10"):
        clip = make_clip_with_frames(project, name)
        accept(clip.frames.first(), boxes(), project.created_by)
    after = sides(freeze(project))
    tested = {name for name, side in after.items() if side == "test"}
    assert len(tested) == 2
    assert tested - {"S6", "S7", "S8", "S9", "S10"} == {name for name, side in before.items() if side == "test"}


def test_validation_subjects_stay_and_new_ones_come_before_those_trained_on(project):
    first = sides(freeze(project))
    [validated] = [name for name, side in first.items() if side == "val"]
    for seed in range(1, 6):
        assert sides(freeze(project, seed=seed))[validated] == "val"
    for name in ("S6", "S7"):
        clip = make_clip_with_frames(project, name)
        accept(clip.frames.first(), boxes(), project.created_by)
    second = sides(freeze(project, val=0.4))
    assert {name for name, side in second.items() if side == "val"} == {validated, "S6", "S7"}


def test_marking_a_trained_subject_as_test_is_refused_with_its_name(project):
    trained = next(name for name, side in sides(freeze(project)).items() if side == "train")
    Subject.objects.filter(project=project, pseudonym=trained).update(is_test=True)
    with pytest.raises(SplitLeak, match=f"{trained} is marked as a test subject, but models have trained on it"):
        freeze(project)
    assert any(trained in warning for warning in datasets.preview(project)["warnings"])


def test_the_same_gold_and_seed_give_the_same_split_and_hash(project):
    one, other = datasets.preview(project, seed=7), datasets.preview(project, seed=7)
    assert one == other
    seeds = {tuple(s["split"] for s in datasets.preview(project, seed=seed)["subjects"]) for seed in range(20)}
    assert len(seeds) > 1, "the seed changes nothing"
    first, second = freeze(project), freeze(project)
    assert first.sha256 == second.sha256


def test_preview_tells_what_freeze_does(project):
    shown = datasets.preview(project, val=0.2, test=0.2, seed=4)
    dataset = freeze(project, val=0.2, test=0.2, seed=4)
    assert shown["counts"] == dataset.counts
    assert shown["frame_count"] == dataset.frame_count
    assert {s["pseudonym"]: s["split"] for s in shown["subjects"]} == sides(dataset)
    assert shown["warnings"] == dataset.warnings


@given(
    names=st.lists(st.text("abcdef", min_size=1, max_size=4), unique=True, min_size=1, max_size=12),
    data=st.data(),
    val=st.floats(0, 0.45),
    test=st.floats(0, 0.5),
    seed=st.integers(0, 9),
)
@settings(max_examples=60, deadline=None)
def test_no_split_of_any_subjects_breaks_its_rules(names, data, val, test, seed):
    subjects = [Subject(pk=n, pseudonym=name, is_test=data.draw(st.booleans())) for n, name in enumerate(names)]
    tested = {s.pk for s in subjects if data.draw(st.booleans())}
    trained = {s.pk for s in subjects if s.pk not in tested and data.draw(st.booleans())}
    validated = {pk for pk in trained if data.draw(st.booleans())}
    chosen = datasets.split_subjects(
        subjects, tested=tested, trained=trained, validated=validated, val=val, test=test, seed=seed
    )
    assert set(chosen) == {s.pk for s in subjects}
    fixed = {s.pk for s in subjects if s.is_test} | tested
    for pk, side in chosen.items():
        assert side == "test" if pk in fixed else True
        assert side != "test" if pk in trained - fixed else True
    if set(chosen) - fixed:
        assert "train" in chosen.values(), "no subject is left for training"


@pytest.mark.parametrize(
    ("subjects", "split", "warning"),
    [
        (1, ["train"], "There is one subject only"),
        (2, ["test", "train"], "No validation subject"),
        (3, ["test", "train", "val"], "One test subject only"),
    ],
)
def test_few_subjects_are_split_as_well_as_can_be_with_a_warning(subjects, split, warning):
    project = make_project()
    make_gold(project, subjects=subjects)
    dataset = freeze(project)
    assert sorted(sides(dataset).values()) == split
    assert any(warning in sentence for sentence in dataset.warnings)


def test_warnings_name_labels_that_cannot_be_learned():
    project = make_project(labels=("bone", "dura", "flavum"))
    for number in range(3):
        clip = make_clip_with_frames(project, f"S{number}")
        accept(clip.frames.first(), boxes(labels=(1,)), project.created_by)
    on_test = next(s["pseudonym"] for s in datasets.preview(project)["subjects"] if s["split"] == "test")
    frame = Frame.objects.filter(clip__subject__pseudonym=on_test, project=project).last()
    accept(frame, boxes(labels=(1, 2)), project.created_by)
    warnings = freeze(project).warnings
    assert "No training frame shows dura, so it cannot be learned." in warnings
    assert "No accepted frame shows flavum." in warnings


def test_a_removed_label_that_gold_still_shows_stays_in_the_version(project):
    project.labels.filter(index=2).update(removed_at=timezone.now())
    dataset = freeze(project)
    assert [label["index"] for label in dataset.labels] == [1, 2]
    assert "dura was removed from the project's labels, but accepted frames still show it." in dataset.warnings


def test_nothing_accepted_is_refused_and_previewed_in_words():
    project = make_project()
    make_clip_with_frames(project)
    with pytest.raises(Conflict, match="No frame is accepted yet") as refusal:
        freeze(project)
    assert refusal.value.code == "nothing_accepted"
    shown = datasets.preview(project)
    assert shown["frame_count"] == 0
    assert shown["warnings"] == ["No frame is accepted yet: annotate frames and have them reviewed first."]


@pytest.mark.parametrize(("val", "test"), [(-0.1, 0.2), (0.5, 0.5), (0, 1), (float("nan"), 0.1)])
def test_impossible_shares_are_refused(project, val, test):
    with pytest.raises(BadRequest, match="shares from 0 to 1"):
        freeze(project, val=val, test=test)


# --- near-duplicates (promise 7) ---


def put(project, subject, picture):
    clip = make_clip_with_frames(project, subject, picture[None])
    accept(clip.frames.get(), boxes(*picture.shape[:2]), project.created_by)


def test_a_near_duplicate_under_another_subject_is_refused_by_name():
    project = make_project()
    [picture] = noise(1)
    put(project, "A", picture)
    put(project, "B", np.clip(picture.astype(int) + 1, 0, 255).astype(np.uint8))
    with pytest.raises(SplitLeak, match=r"A clip 1 frame 0 \((train|test)\) and B|B clip 1 frame 0 .* and A") as leak:
        freeze(project)
    assert len(leak.value.detail["pairs"]) == 1
    assert not DatasetVersion.objects.exists()
    assert not Subject.objects.filter(is_test=True).exists()


def test_the_same_picture_at_another_size_is_found_too():
    project = make_project()
    [picture] = noise(1, 96, 120)
    put(project, "A", picture)
    put(project, "B", cv2.resize(picture, (180, 144), interpolation=cv2.INTER_AREA))
    with pytest.raises(SplitLeak):
        freeze(project)


def test_a_test_frame_like_one_an_earlier_version_trained_on_is_refused():
    """Even when the earlier one is gold no more: models have seen it."""
    project = make_project()
    make_gold(project, subjects=3, frames=2)
    trained = freeze(project).items.filter(split="train").first().frame
    Frame.objects.filter(pk=trained.pk).update(gold=None)
    [picture] = cv2.imdecode(
        np.frombuffer(read_slice(trained.clip.pack_name, trained.pack_offset, trained.pack_length), np.uint8), 0
    )[None]
    put(project, "new", picture)
    Subject.objects.filter(project=project, pseudonym="new").update(is_test=True)
    words = (
        rf"{trained.clip.subject} clip 1 frame {trained.index} \(an earlier version\) and new clip 1 frame 0 \(test\)"
    )
    with pytest.raises(SplitLeak, match=words):
        freeze(project)


@given(seed=st.integers(0, 2**32), black=st.floats(0, 0.9), change=st.floats(0, 8))
@settings(max_examples=40, deadline=None)
def test_no_near_pair_is_lost_by_looking_at_the_cheap_things_first(seed, black, change):
    """Against every pair compared pixel by pixel; the hashes are all equal, as those of dark pictures are."""
    rng = np.random.default_rng(seed)
    one = rng.integers(0, 256, (4, 32, 32)).astype(np.float32)
    one[:, rng.random((32, 32)) < black] = 0
    other = np.where(one > 0, (one + rng.normal(0, change, one.shape)).clip(0, 255), 0).astype(np.float32)
    thumbnails = duplicates.Thumbnails()
    thumbnails._known = dict(enumerate([*one, *other]))
    some, others = ([duplicates.Picture(n, 0, "", 0, 0) for n in numbers] for numbers in (range(4), range(4, 8)))
    found = {(a.frame, b.frame) for a, b in duplicates.near_pairs(some, others, thumbnails)}
    expected = set()
    for a, b in product(range(4), range(4)):
        lit = (one[a] > 0) | (other[b] > 0)
        if lit.any() and np.abs(one[a] - other[b])[lit].mean() <= 3:
            expected.add((a, b + 4))
    assert found == expected


def test_each_picture_is_read_once_however_many_pairs_it_is_in(monkeypatch):
    project = make_project()
    for subject, grey in (("A", 0), ("B", 90)):
        dark = np.zeros((3, 64, 80), np.uint8)
        dark[:, 30:34, 30:50] = np.array([60, 70, 80])[:, None, None] + grey
        clip = make_clip_with_frames(project, subject, dark)
        for frame in clip.frames.all():
            accept(frame, boxes(), project.created_by)
    read = []
    pixels = FramePack.pixels
    monkeypatch.setattr(FramePack, "pixels", lambda *given: read.append(given[1:]) or pixels(*given))
    assert freeze(project).frame_count == 6
    assert 0 < len(read) <= 6


@pytest.mark.parametrize(
    "change",
    [
        lambda project: Subject.objects.filter(project=project, pseudonym="S1").update(is_test=True),
        lambda project: accept(project.clips.first().frames.first(), boxes(seed=5), project.created_by),
        lambda project: project.labels.filter(index=1).update(name="renamed"),
    ],
    ids=["test-mark", "gold", "label"],
)
def test_what_changes_while_pictures_are_compared_is_seen(project, monkeypatch, change):
    """The comparison runs outside the transaction; what it was made of is looked at again inside."""
    compare, calls = datasets.refuse_near_duplicates, []

    def compare_and_change(*given):
        compare(*given)
        if not calls:
            change(project)
        calls.append(1)

    monkeypatch.setattr(datasets, "refuse_near_duplicates", compare_and_change)
    frozen = freeze(project)
    assert len(calls) == 2
    assert content_hash(frozen.labels, stored_lines(frozen)) == frozen.sha256
    shown = datasets.preview(project)
    assert [label["name"] for label in frozen.labels] == [label["name"] for label in shown["labels"]]
    gold = dict(Frame.objects.filter(project=project).values_list("pk", "gold_id"))
    assert dict(frozen.items.values_list("frame_id", "revision_id")) == gold
    if Subject.objects.get(project=project, pseudonym="S1").is_test:
        assert sides(frozen)["S1"] == "test"


def test_pictures_of_one_grey_value_and_a_shared_black_surrounding_are_no_duplicates():
    project = make_project()
    rng = np.random.default_rng(1)
    for subject in ("A", "B"):
        put(project, subject, np.zeros((64, 80), np.uint8))
        picture = np.zeros((64, 80), np.uint8)
        # Their difference hashes agree: almost everything is black.
        picture[24:40, 30:50] = rng.integers(0, 2, (16, 20)) * 20 + (40 if subject == "A" else 90)
        put(project, subject, picture)
    assert freeze(project).frame_count == 4


def test_pictures_whose_hashes_collide_are_told_apart_by_their_pixels():
    project = make_project()
    ramp = np.tile(np.linspace(0, 200, 80).astype(np.uint8), (64, 1))
    put(project, "A", ramp)
    put(project, "B", (ramp // 2).astype(np.uint8))
    assert len(set(Frame.objects.values_list("dhash", flat=True))) == 1
    assert freeze(project).frame_count == 2


def test_simulated_people_are_not_taken_for_one_another():
    from ml.phantom import ClipSpec, simulate_clip

    project = make_project()
    for subject in range(4):
        clip = simulate_clip(ClipSpec("lumbar_pso", subject_seed=subject, clip_seed=1, frames=2, height=160, width=192))
        put(project, f"S{subject}", clip.frames[0])
    assert freeze(project).frame_count == 4


def test_a_leak_made_behind_the_service_is_found(project):
    dataset = freeze(project)
    item = dataset.items.filter(split="train").first()
    DatasetItem.objects.filter(pk=item.pk).update(split="test")
    with pytest.raises(SplitLeak, match="On two sides of the split: S"):
        refuse_shared_subjects(dataset)


# --- frozen is frozen (promise 8) ---


def test_later_work_on_the_frames_changes_nothing_in_the_version(project):
    dataset = freeze(project)
    frozen = (dataset.sha256, stored_lines(dataset), dataset.counts)
    for frame in Frame.objects.filter(project=project):
        accept(frame, boxes(seed=99), project.created_by)
    project.labels.filter(index=1).update(name="renamed")
    dataset.refresh_from_db()
    assert (dataset.sha256, stored_lines(dataset), dataset.counts) == frozen
    assert content_hash(dataset.labels, stored_lines(dataset)) == dataset.sha256
    assert freeze(project).sha256 != dataset.sha256
    assert verify("--pixels") == (0, "Everything is what it was.\n")


def tampered_revision(dataset):
    revision = dataset.items.first().revision
    Revision.objects.filter(pk=revision.pk).update(sha256="0" * 64)
    return f"dataset 1 of project {dataset.project_id}: its content has hash"


def tampered_mask(dataset):
    first, second = (item.revision for item in dataset.items.all()[:2])
    Revision.objects.filter(pk=first.pk).update(png=second.png)
    return f"revision {first.pk}: its mask is not the one that was saved"


def tampered_split(dataset):
    item = dataset.items.filter(split="train").first()
    DatasetItem.objects.filter(pk=item.pk).update(split="val")
    return "On two sides of the split"


def tampered_list(dataset):
    dataset.items.first().delete()
    return "14 frames, frozen with 15"


def tampered_labels(dataset):
    DatasetVersion.objects.filter(pk=dataset.pk).update(labels=[{"index": 1, "name": "other", "color": "#000000"}])
    return "its content has hash"


@pytest.mark.parametrize("tamper", [tampered_revision, tampered_mask, tampered_split, tampered_list, tampered_labels])
def test_verify_integrity_names_what_was_changed(project, tamper):
    words = tamper(freeze(project))
    status, printed = verify()
    assert status == 1
    assert words in printed


def test_verify_integrity_reads_every_pixel_when_asked(project):
    from django.core.files.storage import default_storage

    clip = project.clips.first()
    with Path(default_storage.path(clip.pack_name)).open("r+b") as pack:
        pack.seek(clip.frames.first().pack_offset + 60)
        pack.write(b"\0\1\2\3")
    assert verify()[0] == 0
    status, printed = verify("--pixels")
    assert status == 1
    assert f"clip {clip.pk} frame 0: its pixels are missing or changed" in printed
