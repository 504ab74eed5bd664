"""Datasets: gold → a frozen, hashed version split by subject.

Promise 7: no subject and no near-duplicate frame on two sides. Promise 8: frozen is frozen: there is no function
here that changes a version, and `manage.py verify_integrity` recomputes its hash.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice
from typing import Any

from django.db import transaction

from annotation import audit, events
from annotation.duplicates import Picture, Thumbnails, near_pairs
from annotation.errors import BadRequest, Conflict, SplitLeak
from annotation.formats.items import content_hash, refuse_shared_subjects
from annotation.models import DatasetItem, DatasetVersion, Frame, Project, Subject, User

TRAIN, VALIDATION, TEST = DatasetItem.Split.TRAIN, DatasetItem.Split.VALIDATION, DatasetItem.Split.TEST
FEW_FRAMES = 3
PAIRS_NAMED = 20


@dataclass(frozen=True)
class GoldFrame:
    """One accepted frame, as a plan sees it."""

    frame: int
    revision: int
    clip: int
    clip_number: int
    clip_sha256: str
    index: int
    subject: int
    frame_sha256: str
    revision_sha256: str
    dhash: int
    pack_name: str
    pack_offset: int
    pack_length: int
    label_pixels: dict[str, int] = field(compare=False)


@dataclass
class Plan:
    """What a version frozen now would be."""

    rows: list[GoldFrame]
    sides: dict[int, str]  # subject id → split
    subjects: dict[int, Subject]
    labels: list[dict[str, Any]]
    removed_labels: list[str]
    refusals: list[str]

    def side(self, row: GoldFrame) -> str:
        return self.sides[row.subject]

    @cached_property
    def counts(self) -> dict[str, Any]:
        """{"<split>": {"frames", "clips", "subjects", "labels": {"<index>": {"frames", "pixels"}}}}"""
        return {
            split: self._count([row for row in self.rows if self.side(row) == split])
            for split in DatasetItem.Split.values
        }

    def _count(self, rows: list[GoldFrame]) -> dict[str, Any]:
        labels = {}
        for label in self.labels:
            pixels = [row.label_pixels.get(str(label["index"]), 0) for row in rows]
            labels[str(label["index"])] = {"frames": sum(n > 0 for n in pixels), "pixels": sum(pixels)}
        return {
            "frames": len(rows),
            "clips": len({row.clip for row in rows}),
            "subjects": len({row.subject for row in rows}),
            "labels": labels,
        }


def preview(project: Project, *, val: float = 0.1, test: float = 0.2, seed: int = 0) -> dict[str, Any]:
    """What `freeze` would make with the same values; a reason to refuse stands among the warnings.

    Near-duplicates are looked for by `freeze` only: that reads pixels.
    """
    plan = _plan(project, val=val, test=test, seed=seed)
    frames: dict[int, int] = defaultdict(int)
    for row in plan.rows:
        frames[row.subject] += 1
    subjects = [
        {
            "id": subject.pk,
            "pseudonym": subject.pseudonym,
            "split": plan.sides[subject.pk],
            "frames": frames[subject.pk],
            "is_test": subject.is_test,
        }
        for subject in sorted(plan.subjects.values(), key=lambda subject: subject.pseudonym)
    ]
    nothing = [] if plan.rows else ["No frame is accepted yet: annotate frames and have them reviewed first."]
    return {
        "counts": plan.counts,
        "labels": plan.labels,
        "frame_count": len(plan.rows),
        "warnings": [*nothing, *plan.refusals, *_warnings(plan)],
        "subjects": subjects,
    }


def freeze(
    project: Project, user: User, *, val: float = 0.1, test: float = 0.2, seed: int = 0, note: str = ""
) -> DatasetVersion:
    """Freeze the gold of this moment. Its test subjects are test subjects from now on.

    val, test   shares of the subjects, 0 to below 1 together; filled by whole subjects
    seed        the same gold and seed give the same split
    Raises BadRequest for impossible shares, Conflict when nothing is accepted, SplitLeak when a subject or a
    near-duplicate frame would be on two sides.
    """
    thumbnails = Thumbnails()
    for _ in range(3):
        before = _stand(project)
        plan = _plan(project, val=val, test=test, seed=seed)
        if not plan.rows:
            raise Conflict(
                "No frame is accepted yet, so there is nothing to freeze. Annotate frames and have them reviewed.",
                code="nothing_accepted",
            )
        if plan.refusals:
            raise SplitLeak(" ".join(plan.refusals))
        # All that takes long comes before the transaction: with SQLite one transaction keeps all others waiting.
        refuse_near_duplicates(project, plan, thumbnails)
        lines = [(r.clip_sha256, r.index, r.frame_sha256, r.revision_sha256, plan.side(r)) for r in plan.rows]
        sha256, warnings = content_hash(plan.labels, lines), _warnings(plan)
        with transaction.atomic():
            Project.objects.select_for_update().get(pk=project.pk)
            if _stand(project) == before:
                return _store(project, user, plan, note, sha256, warnings)
    raise Conflict("People are accepting frames at this moment. Freeze again when they pause.", code="busy")


def _stand(project: Project) -> tuple[list[Any], ...]:
    """All that a plan is made of and that can change: equal stands give equal plans."""
    gold = Frame.objects.filter(project=project).exclude(gold=None).order_by("pk")
    return (
        list(gold.values_list("pk", "gold_id")),
        list(project.subjects.filter(is_test=True).order_by("pk").values_list("pk", flat=True)),
        list(project.labels.order_by("index").values_list("index", "name", "color", "removed_at")),
        list(project.datasets.order_by("pk").values_list("pk", flat=True)),
    )


def _store(project: Project, user: User, plan: Plan, note: str, sha256: str, warnings: list[str]) -> DatasetVersion:
    newest = DatasetVersion.objects.filter(project=project).order_by("-number").first()
    dataset = DatasetVersion.objects.create(
        project=project,
        number=newest.number + 1 if newest else 1,
        note=note,
        sha256=sha256,
        labels=plan.labels,
        counts=plan.counts,
        warnings=warnings,
        frame_count=len(plan.rows),
        created_by=user,
    )
    DatasetItem.objects.bulk_create(
        (
            DatasetItem(dataset=dataset, frame_id=row.frame, revision_id=row.revision, split=plan.side(row))
            for row in plan.rows
        ),
        batch_size=1000,
    )
    in_test = [subject for subject, side in plan.sides.items() if side == TEST]
    Subject.objects.filter(pk__in=in_test, is_test=False).update(is_test=True)
    refuse_shared_subjects(dataset)
    audit.record(user, "froze", dataset, frames=dataset.frame_count, sha256=dataset.sha256)
    events.changed(dataset)
    return dataset


# --- planning ---


def _plan(project: Project, *, val: float, test: float, seed: int) -> Plan:
    if not (0 <= val < 1 and 0 <= test < 1 and val + test < 1):
        raise BadRequest(f"val and test are shares from 0 to 1 that leave some for training; {val} and {test} came.")
    rows = _gold(project)
    subjects = Subject.objects.in_bulk({row.subject for row in rows})
    tested, trained, validated = _history(project)
    refusals = [
        f"{subject.pseudonym} is marked as a test subject, but models have trained on it (dataset version "
        f"{trained[subject.pk]}): scores on it would be too good. Take the mark off, or leave it out."
        for subject in subjects.values()
        if subject.is_test and subject.pk in trained
    ]
    sides = split_subjects(
        subjects.values(), tested=tested, trained=set(trained), validated=validated, val=val, test=test, seed=seed
    )
    labels, removed = _labels(project, rows)
    return Plan(rows, sides, subjects, labels, removed, refusals)


def _gold(project: Project) -> list[GoldFrame]:
    columns = (
        "pk", "gold_id", "clip_id", "clip__number", "clip__sha256", "index", "clip__subject_id", "sha256",
        "gold__sha256", "dhash", "clip__pack_name", "pack_offset", "pack_length", "gold__label_pixels",
    )  # fmt: skip
    found = Frame.objects.filter(project=project).exclude(gold=None).order_by("clip_id", "index")
    return [GoldFrame(*row) for row in found.values_list(*columns)]


def _history(project: Project) -> tuple[set[int], dict[int, int], set[int]]:
    """(subjects that were in test before, subjects that were in train or val before → version number, those of
    them that were in val only)."""
    tested: set[int] = set()
    trained: dict[int, int] = {}
    validated: set[int] = set()
    learned: set[int] = set()
    columns = ("frame__clip__subject_id", "split", "dataset__number")
    earlier = DatasetItem.objects.filter(dataset__project=project).order_by()
    for subject, split, number in earlier.values_list(*columns).distinct():
        if split == TEST:
            tested.add(subject)
        else:
            trained[subject] = max(number, trained.get(subject, 0))
            (validated if split == VALIDATION else learned).add(subject)
    return tested, trained, validated - learned


def split_subjects(
    subjects: Iterable[Subject],
    *,
    tested: set[int],
    trained: set[int],
    validated: set[int],
    val: float,
    test: float,
    seed: int,
) -> dict[int, str]:
    """A side for each subject id: whole subjects, by shares of their number.

    tested      once in test
    trained     once in train or val
    validated   once in val, never in train

    Test for ever: marked or once in test. Never test: once in train or val, for models have seen them. Validation
    takes `validated` first, then new subjects, then those once in train: a model that goes on from another's weights
    should not be chosen by frames those weights have learned. Of the rest, a hash of seed and pseudonym decides, so
    adding subjects moves few. One subject is for training; two are training and test; from three on each share
    above 0 gets at least one.
    """
    everyone = sorted(subjects, key=lambda s: hashlib.sha256(f"{seed}:{s.pseudonym}".encode()).digest())
    fixed = [s.pk for s in everyone if s.is_test or s.pk in tested]
    free = [s.pk for s in everyone if s.pk not in fixed]

    wanted = max(1, round(test * len(everyone))) if test > 0 and len(everyone) >= 2 else 0
    may_be_test = [pk for pk in free if pk not in trained]
    # At least one subject stays for training.
    new_test = may_be_test[: min(max(0, wanted - len(fixed)), len(free) - 1)] if free else []
    rest = [pk for pk in free if pk not in new_test]

    wanted = max(1, round(val * len(everyone))) if val > 0 and len(everyone) >= 3 else 0
    # Taken from the other end, so that growing one share does not empty the other.
    rest.reverse()
    candidates = sorted(rest, key=lambda pk: 0 if pk in validated else 2 if pk in trained else 1)
    validation = candidates[: min(wanted, max(0, len(rest) - 1))]
    return (
        dict.fromkeys(rest, str(TRAIN)) | dict.fromkeys(validation, str(VALIDATION))
        | dict.fromkeys([*fixed, *new_test], str(TEST))
    )  # fmt: skip


def _labels(project: Project, rows: list[GoldFrame]) -> tuple[list[dict[str, Any]], list[str]]:
    """The labels of a version, and the names of those among them that were removed from the project.

    A removed label that gold still shows belongs to the version: its pixels would have no name otherwise.
    """
    shown = {index for row in rows for index, pixels in row.label_pixels.items() if pixels}
    labels, removed = [], []
    for label in project.labels.order_by("index"):
        if label.removed_at is not None:
            if str(label.index) not in shown:
                continue
            removed.append(label.name)
        labels.append({"index": label.index, "name": label.name, "color": label.color})
    return labels, removed


def _warnings(plan: Plan) -> list[str]:
    """What a person should know before they train on this, as sentences."""
    if not plan.rows:
        return []
    found = []
    per_side = {split: sum(side == split for side in plan.sides.values()) for split in DatasetItem.Split.values}
    if len(plan.sides) == 1:
        found.append("There is one subject only, so nothing can be held out: add subjects before trusting any score.")
    elif not per_side[TEST]:
        found.append("No test subject: models trained on this version cannot be scored or compared.")
    elif per_side[TEST] == 1:
        found.append("One test subject only: differences between models cannot be told from chance.")
    if not per_side[TRAIN]:
        found.append("No training subject is left: every subject is fixed to the test side.")
    elif len(plan.sides) > 1 and not per_side[VALIDATION]:
        found.append("No validation subject: training holds some of its own frames back instead.")
    counts = plan.counts
    for label in plan.labels:
        frames = {split: counts[split]["labels"][str(label["index"])]["frames"] for split in counts}
        total = sum(frames.values())
        if not total:
            found.append(f"No accepted frame shows {label['name']}.")
        elif not frames[TRAIN]:
            found.append(f"No training frame shows {label['name']}, so it cannot be learned.")
        elif total < FEW_FRAMES:
            found.append(f"Only {total} {'frame shows' if total == 1 else 'frames show'} {label['name']}.")
    found += [
        f"{name} was removed from the project's labels, but accepted frames still show it."
        for name in plan.removed_labels
    ]
    return found


# --- near-duplicates ---


def refuse_near_duplicates(project: Project, plan: Plan, thumbnails: Thumbnails) -> None:
    """Raise SplitLeak when nearly the same picture is on two sides, under two subjects.

    Test frames are compared with the training and validation frames of earlier versions too, even with those that
    are gold no more: models have seen them.
    """
    by_side = {split: [row for row in plan.rows if plan.side(row) == split] for split in DatasetItem.Split.values}
    seen = _seen_before(project)
    named = {row.frame: _place(plan, row) for row in plan.rows} | {frame: name for frame, (_, name) in seen.items()}
    learned = [_picture(row) for row in (*by_side[TRAIN], *by_side[VALIDATION])]
    pairs = list(
        islice(
            chain(
                near_pairs(
                    [*learned, *(picture for picture, _ in seen.values())],
                    [_picture(row) for row in by_side[TEST]],
                    thumbnails,
                ),
                near_pairs(
                    [_picture(row) for row in by_side[TRAIN]],
                    [_picture(row) for row in by_side[VALIDATION]],
                    thumbnails,
                ),
            ),
            PAIRS_NAMED,
        )
    )
    if not pairs:
        return
    names = [f"{named[one.frame]} and {named[other.frame]}" for one, other in pairs]
    raise SplitLeak(
        f"Nearly the same picture is on two sides of the split: {names[0]}"
        f"{f', and {len(pairs) - 1} more pairs' if len(pairs) > 1 else ''}. If the clips show one person, upload them "
        "under one subject; else take one of the frames out of the gold.",
        {"pairs": [[one.frame, other.frame] for one, other in pairs], "names": names},
    )


def _seen_before(project: Project) -> dict[int, tuple[Picture, str]]:
    """Frame id → picture and place of what earlier versions trained or validated on and is gold no more."""
    learned = DatasetItem.objects.filter(dataset__project=project).exclude(split=TEST)
    columns = (
        "pk", "dhash", "clip__pack_name", "pack_offset", "pack_length",
        "clip__subject__pseudonym", "clip__number", "index",
    )  # fmt: skip
    found = Frame.objects.filter(project=project, gold=None, pk__in=learned.values("frame"))
    return {
        row[0]: (Picture(*row[:5]), f"{row[5]} clip {row[6]} frame {row[7]} (an earlier version)")
        for row in found.order_by("pk").values_list(*columns)
    }


def _picture(row: GoldFrame) -> Picture:
    return Picture(row.frame, row.dhash, row.pack_name, row.pack_offset, row.pack_length)


def _place(plan: Plan, row: GoldFrame) -> str:
    return f"{plan.subjects[row.subject].pseudonym} clip {row.clip_number} frame {row.index} ({plan.side(row)})"
