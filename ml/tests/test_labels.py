import numpy as np
import pytest

from ml.errors import BadLabels
from ml.labels import LabelSchema
from ml.tests.synthetic import LABELS


def test_indices_become_channels_and_come_back():
    labelmap = np.array([[0, 3, 7], [7, 0, 3]], np.uint8)
    channels = LABELS.to_channels(labelmap)
    assert channels.tolist() == [[0, 1, 2], [2, 0, 1]]
    assert (LABELS.to_indices(channels) == labelmap).all()


def test_ignore_stays_ignore():
    assert LABELS.to_channels(np.array([[255, 3]], np.uint8)).tolist() == [[255, 1]]


def test_an_index_the_schema_does_not_know_is_refused_by_number():
    with pytest.raises(BadLabels, match=r"\[4\].*\[3, 7\]"):
        LABELS.to_channels(np.array([[4, 3]], np.uint8))


def test_the_hash_depends_on_content_not_on_order():
    shuffled = LabelSchema(((7, "canal"), (3, "bone")))
    assert shuffled.hash == LABELS.hash == LabelSchema.from_plain(LABELS.to_plain()).hash
    assert LabelSchema(((3, "bone"), (7, "dura"))).hash != LABELS.hash
    # A frozen value: a hash that changed between versions would refuse every weights file in the field.
    assert LABELS.hash == "a47cf3bc039eb71e5266b459b459c0b4db60746863ab0f91dcb88124c997b5a6"


@pytest.mark.parametrize("labels", [(), ((0, "x"),), ((255, "x"),), ((1, "a"), (1, "b")), ((1, " "),), ((True, "x"),)])
def test_impossible_schemas_are_refused(labels):
    with pytest.raises(BadLabels):
        LabelSchema(labels)


@pytest.mark.parametrize(
    "name",
    [
        "left lamina",
        "Left: lamina",
        "lamina (left)",
        "left_lamina",
        "lamina left/right",
        "RIGHT-lamina",
        "lamina 2 right",
    ],
)
def test_a_side_in_a_name_is_noticed(name):
    assert LabelSchema(((1, "bone"), (2, name))).names_a_side()


def test_a_name_that_only_holds_the_letters_of_a_side_is_none():
    assert not LABELS.names_a_side()
    assert not LabelSchema(((1, "bright cleft"), (2, "upright lefty"))).names_a_side()
