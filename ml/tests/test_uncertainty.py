"""What to show next: doubt where something is drawn, not the same twice, and a control arm."""

from itertools import pairwise

import numpy as np

from ml.uncertainty import Candidate, bald, choose, class_scores, descriptor, entropy, passes, place, selective


def test_entropy_is_a_share_of_the_largest_possible():
    assert entropy(np.full((4, 3, 3), 0.25)).max() == 1.0
    sure = np.zeros((4, 3, 3))
    sure[1] = 1
    assert entropy(sure).max() < 1e-6


def test_bald_sees_passes_that_disagree_and_not_passes_that_doubt():
    doubt = np.full((2, 2, 4, 4), 0.5)
    assert bald(doubt).max() < 1e-6
    disagree = np.zeros((2, 2, 4, 4))
    disagree[0, 0] = disagree[1, 1] = 1
    assert bald(disagree).min() > 0.99


def test_doubt_counts_only_where_something_is_drawn():
    stack = np.zeros((1, 3, 80, 80), np.float32)
    stack[0, 0], stack[0, 1] = 0.51, 0.49  # unsure background everywhere
    stack[0, :, :40] = np.array([0.98, 0.01, 0.01])[:, None, None]
    stack[0, :, 5:15, 5:15] = np.array([0.01, 0.01, 0.98])[:, None, None]
    scores = class_scores(stack)
    assert set(scores) == {2}
    assert scores[2] < 0.15
    stack[0, :, 60:70, 60:70] = np.array([0.3, 0.4, 0.3])[:, None, None]
    assert class_scores(stack)[1] > 4 * scores[2]
    assert set(class_scores(np.tile(np.array([0.9, 0.1])[None, :, None, None], (1, 1, 8, 8)))) == {0}


def test_doubt_counts_up_to_ten_pixels_around_what_is_drawn():
    drawn = np.zeros((120, 120), np.uint8)
    drawn[60, 60] = 1
    away = np.hypot(*(np.mgrid[:120, :120] - 60))
    assert selective((away > 11).astype(float), drawn) == {1: 0.0}
    assert selective((away <= 9).astype(float), drawn)[1] < 1
    assert selective((away <= 11).astype(float), drawn) == {1: 1.0}
    for beside in ((60, 70), (70, 60), (60, 50), (50, 60)):
        doubt = np.zeros((120, 120))
        doubt[beside] = 1
        assert selective(doubt, drawn)[1] > 0


def test_passes_keep_black_and_white():
    grey = np.array([[0, 128, 255]], np.uint8)
    seen = passes(grey)
    assert np.array_equal(seen[0], grey)
    assert all((each[0, 0], each[0, 2]) == (0, 255) for each in seen)
    assert len({int(each[0, 1]) for each in seen}) == 3


def test_descriptors_tell_pictures_apart_and_not_their_gain():
    rng = np.random.default_rng(0)
    one, two = (np.kron(rng.integers(0, 120, (8, 8)), np.ones((9, 9))).astype(np.uint8) for _ in range(2))
    assert np.linalg.norm(descriptor(one) - descriptor(2 * one)) < 0.05
    assert np.linalg.norm(descriptor(one) - descriptor(two)) > 0.5
    assert not descriptor(np.zeros((20, 20), np.uint8)).any()


def frames(clips: int, per_clip: int, step_us: int = 400_000) -> list[Candidate]:
    rng = np.random.default_rng(3)
    return [
        Candidate(100 * clip + n, clip, n * step_us, {1 + n % 3: float(rng.uniform(0.05, 0.9))}, rng.normal(size=8))
        for clip in range(clips)
        for n in range(per_clip)
    ]


def test_a_batch_keeps_the_rules_and_one_in_five_is_by_chance():
    pool = frames(30, 12)
    chosen = choose(pool, 20, seed=1)
    by_key = {frame.key: frame for frame in pool}
    assert len({key for key, _ in chosen}) == 20
    assert sum(arm == "random" for _, arm in chosen) == 4
    for clip in range(30):
        times = sorted(by_key[key].time_us for key, _ in chosen if by_key[key].clip == clip)
        assert len(times) <= 2
        assert all(later - earlier >= 1_000_000 for earlier, later in pairwise(times))
    assert choose(pool, 20, seed=1) == chosen
    assert choose(pool[::-1], 20, seed=1) == chosen
    assert choose(pool, 20, seed=2) != chosen


def test_what_was_taken_before_counts_against_the_rules():
    pool = frames(1, 12)
    assert len(choose(pool, 5, taken=[pool[0]])) == 1
    assert choose(pool, 5, taken=[pool[0], pool[6]]) == []
    assert choose([], 5) == []


def test_the_least_certain_come_first_as_the_score_is_trusted_more():
    pool = [Candidate(n, n, 0, {1: 0.9 if n < 20 else 0.1}) for n in range(100)]

    def share(beta):
        ranked = [key for key, arm in choose(pool, 10, beta=beta, seed=5) if arm == "ranked"]
        return sum(key < 20 for key in ranked) / len(ranked)

    assert share(8.0) == 1.0
    assert share(0.2) < 1.0


def test_the_order_of_a_batch_is_the_scores_where_they_are_trusted_and_else_a_draw():
    pool = [Candidate(n, n, 0, {1: 0.2 + 0.01 * n}) for n in range(40)]

    def first_two(beta, seed):  # too few for the control arm
        return tuple(choose(pool, 2, beta=beta, seed=seed))

    assert {first_two(1e6, seed) for seed in range(10)} == {((39, "ranked"), (38, "ranked"))}
    assert len({first_two(0.2, seed) for seed in range(10)}) >= 9


def test_the_order_of_clips_is_their_scores_where_they_are_trusted_and_else_a_draw():
    def ranked(beta, seed):
        clips = [place([Candidate(n, n, 0, {1: 0.2 + 0.01 * n})], beta=beta, seed=100 * seed + n) for n in range(40)]
        ranks = {each.key: each.rank for [each] in clips if each.arm == "ranked"}
        return sorted(ranks, key=lambda key: -ranks[key])

    drawn = [ranked(0.2, seed) for seed in range(3)]
    for seed in range(3):
        trusted = ranked(1e6, seed)
        assert trusted == sorted(drawn[seed], reverse=True)
        assert drawn[seed] != trusted
    one, other = ([key for key in drawn[at] if key in drawn[1 - at]] for at in (0, 1))
    assert one != other


def test_no_class_fills_the_batch_and_twins_are_not_shown_twice():
    twins = [Candidate(n, n, 0, {1: 0.9}, np.zeros(4)) for n in range(50)]
    others = [Candidate(100 + n, 100 + n, 0, {2: 0.2}, np.eye(4)[n % 4]) for n in range(4)]
    ranked = {key for key, arm in choose(twins + others, 6, beta=8, seed=0) if arm == "ranked"}
    assert len(ranked & {100, 101, 102, 103}) >= 3


def test_the_control_arm_prefers_frames_that_show_something():
    pool = [Candidate(n, n, 0, {0: 0.9}) for n in range(50)] + [
        Candidate(90 + n, 90 + n, 0, {1: 0.1}) for n in range(5)
    ]
    chance = [key for key, arm in choose(pool, 10, seed=4) if arm == "random"]
    assert all(key >= 90 for key in chance)


def test_clips_are_shown_in_turn_and_one_in_five_by_chance_from_first_to_last():
    pool = frames(200, 12)
    ranks: list[float] = []
    places = []
    for clip in range(200):
        own = [frame for frame in pool if frame.clip == clip]
        found = place(own, others=ranks[-200:], seed=clip)
        assert found == place(own[::-1], others=ranks[-200:], seed=clip)
        assert {each.key for each in found} == {frame.key for frame in own}
        ranks += [each.rank for each in found if each.arm == "ranked"]
        places += found
    assert all(0 < each.rank < 1 for each in places)
    in_order = sorted(places, key=lambda each: -each.rank)
    for part in (300, 1200, 2400):
        assert 0.15 < sum(each.arm == "random" for each in in_order[:part]) / part < 0.25
    by_key = {frame.key: frame for frame in pool}
    ranked = [by_key[each.key].clip for each in in_order if each.arm == "ranked"]
    assert max(ranked[:300].count(clip) for clip in range(200)) <= 2


def test_what_shows_nothing_is_never_drawn_by_chance_and_by_chance_it_comes_last():
    pool = [Candidate(n, 1, n * 2_000_000, {0: 0.9} if n < 30 else {1: 0.1}) for n in range(60)]
    places = place(pool, seed=3)
    assert all(each.key >= 30 for each in places if each.arm == "random")
    by_chance = sorted(place(pool, seed=3, by_chance=True), key=lambda each: -each.rank)
    assert all(each.arm == "random" for each in by_chance)
    assert {each.key for each in by_chance[:30]} == set(range(30, 60))
    assert place([], seed=1) == []
