import copy
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from ml import evaluate as evaluate_command
from ml.checkpoint import load_model, load_tensors
from ml.data import read_manifest
from ml.errors import BadConfig, BadData, BadWeights, TrainingFailed
from ml.journal import Journal
from ml.losses import deep_supervision_loss
from ml.sampling import Showing
from ml.tests.synthetic import SMALL_MODEL, png, speckle_frame, write_manifest
from ml.train import EXIT_RESUMABLE, Trainer, main, train

ROOT = Path(__file__).parents[2]
SUBJECTS = [("A", "train"), ("B", "train"), ("C", "val"), ("D", "test")]


def events(out, kind=None):
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if kind in (None, line["event"])]


def stop_after(calls):
    """A should_stop that says yes from the given call on."""
    count = iter(range(10**6))
    return lambda: next(count) >= calls


def as_they_are(trainer, frames):
    """(images, targets) of these frames, not varied."""
    batch = trainer.loader.batches.__getitems__([(Showing(0, int(frame), 0), False) for frame in frames])
    return batch.images, batch.targets


def same_tensors(a, b):
    first, second = load_tensors(a)[0], load_tensors(b)[0]
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def leaves(plain, path=""):
    """Every value of a JSON document by its path; texts as numbers of their own, so that all can be compared."""
    if isinstance(plain, dict):
        return {key: value for name in plain for key, value in leaves(plain[name], f"{path}/{name}").items()}
    if isinstance(plain, list):
        return {key: value for n, each in enumerate(plain) for key, value in leaves(each, f"{path}/{n}").items()}
    return {path: plain} if isinstance(plain, int | float) else {f"{path}={plain}": 0}


def test_a_run_leaves_what_the_contract_says(tmp_path):
    manifest = write_manifest(tmp_path / "data", SUBJECTS)
    out = tmp_path / "out"
    assert main(["--manifest", str(manifest), "--out", str(out), "--epochs", "2"]) == 0
    kinds = [event["event"] for event in events(out)]
    assert kinds[0] == "start" and kinds[-1] == "end" and kinds.count("epoch") == 2
    start, epoch = events(out, "start")[0], events(out, "epoch")[-1]
    assert start["frames"] == {"train": 4, "val": 2, "test": 2} and start["steps_per_epoch"] == 2
    assert (epoch["epoch"], epoch["epochs"]) == (2, 2) and set(epoch["val_dice_per_label"]) == {"3", "7"}
    scores = json.loads((out / "scores.json").read_text())
    assert scores["n_total"] == 2 and set(scores["subjects"]) == {"D"}
    assert events(out, "end")[0]["test_dice"] == scores["macro"]["dice"]
    _, info = load_model(out / "model.safetensors")
    assert info.dataset_hash == "d" * 64 and info.training["epoch"] == events(out, "end")[0]["best_epoch"]

    again = tmp_path / "again.json"
    arguments = ["--weights", str(out / "model.safetensors"), "--manifest", str(manifest), "--json", str(again)]
    assert evaluate_command.main(arguments) == 0
    # Both round to six digits what two builds of one network give: the last may differ.
    assert leaves(json.loads(again.read_text())) == pytest.approx(leaves(scores), abs=2e-6)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """(manifest, folder of its finished run of two epochs)."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    manifest = read_manifest(write_manifest(folder / "data", SUBJECTS, config={"epochs": 2}))
    train(manifest, folder / "out")
    return manifest, folder / "out"


# An epoch asks 6 times: before 2 steps, before 2 batch-norm batches, after 2 validation frames.
@pytest.mark.parametrize(
    "calls", [0, 1, 3, 4, 7, 13], ids=["nothing", "step", "norm", "validation", "second-epoch", "test"]
)
def test_a_stopped_and_resumed_run_equals_an_uninterrupted_one(tmp_path, uninterrupted, calls):
    manifest, whole = uninterrupted
    parts = tmp_path / "parts"
    assert not train(manifest, parts, should_stop=stop_after(calls)).finished
    assert events(parts)[-1]["event"] == "stopped"
    result = train(manifest, parts, resume=True)
    assert result.finished
    assert same_tensors(whole / "model.safetensors", parts / "model.safetensors")
    assert same_tensors(whole / "checkpoint" / "last.safetensors", parts / "checkpoint" / "last.safetensors")
    last = {event["epoch"]: event for event in events(parts, "epoch")}
    assert [last[n]["loss"] for n in (1, 2)] == [event["loss"] for event in events(whole, "epoch")]


def test_the_same_seed_gives_the_same_run_and_another_seed_another(tmp_path):
    few = [("A", "train"), ("D", "test")]
    manifests = [
        read_manifest(write_manifest(tmp_path / str(n), few, frames=1, config={"seed": seed, "epochs": 1}))
        for n, seed in enumerate((4, 4, 5))
    ]
    for n, manifest in enumerate(manifests):
        train(manifest, tmp_path / f"out{n}")
    assert same_tensors(tmp_path / "out0/model.safetensors", tmp_path / "out1/model.safetensors")
    assert not same_tensors(tmp_path / "out0/model.safetensors", tmp_path / "out2/model.safetensors")


def test_a_torn_last_line_is_cut_when_the_run_goes_on(tmp_path):
    manifest = read_manifest(write_manifest(tmp_path / "data", SUBJECTS))
    out = tmp_path / "out"
    train(manifest, out, should_stop=stop_after(1))
    with (out / "metrics.jsonl").open("a") as file:
        file.write('{"event": "ep')
    train(manifest, out, resume=True)
    assert events(out)[-1]["event"] == "end"
    assert events(out, "start")[1]["resumed_from_epoch"] == 0


def test_a_finished_folder_is_not_trained_over(tmp_path):
    manifest = read_manifest(write_manifest(tmp_path / "data", SUBJECTS, config={"epochs": 1}))
    train(manifest, tmp_path / "out")
    with pytest.raises(TrainingFailed, match="--resume"):
        train(manifest, tmp_path / "out")
    assert events(tmp_path / "out")[-1]["event"] == "end"  # the finished run's journal is left alone


@pytest.mark.parametrize("change", [{"seed": 9}, {"learning_rate": 5e-4}, {"model": {"alca": False}}])
def test_a_checkpoint_of_another_run_is_not_continued(tmp_path, change):
    train(read_manifest(write_manifest(tmp_path / "a", SUBJECTS)), tmp_path / "out", should_stop=stop_after(1))
    other = read_manifest(write_manifest(tmp_path / "b", SUBJECTS, config=change))
    with pytest.raises(TrainingFailed, match=r"another (config|model)"):
        train(other, tmp_path / "out", resume=True)
    assert events(tmp_path / "out")[-1]["event"] == "failed"


@pytest.mark.parametrize(
    ("subjects", "words", "train_frames"),
    [
        ([("A", "train"), ("B", "train"), ("C", "train")], "1 of 3 training subjects", 4),
        ([(name, "train") for name in "ABCDEFGHIJ"], "2 of 10 training subjects", 16),
        ([("A", "train")], "one subject only", 2),
        (SUBJECTS, "split 'val'", 4),
    ],
)
def test_without_a_validation_split_subjects_are_held_out_and_it_is_said(tmp_path, subjects, words, train_frames):
    manifest = read_manifest(write_manifest(tmp_path / "data", subjects, config={"epochs": 1}))
    trainer = Trainer(manifest, tmp_path / "out")
    assert words in trainer.validation and len(trainer.frames) == train_frames
    if len(subjects) > 1:
        trained_on = len(manifest.split("train")) - (0 if "val" in words else len(trainer.val))
        assert trained_on == train_frames


def test_a_subject_on_two_sides_fails_the_run(tmp_path):
    manifest = read_manifest(write_manifest(tmp_path / "data", [("A", "train"), ("A", "test")]))
    with pytest.raises(BadData, match="'A'"):
        train(manifest, tmp_path / "out")
    assert "'A'" in events(tmp_path / "out", "failed")[0]["reason"]


def test_a_planted_duplicate_fails_the_run(tmp_path):
    path = write_manifest(tmp_path / "data", SUBJECTS)
    (tmp_path / "data" / "3-0.png").write_bytes((tmp_path / "data" / "0-0.png").read_bytes())
    with pytest.raises(BadData, match="same picture"):
        train(read_manifest(path), tmp_path / "out")


def test_no_training_frames_fails_in_words(tmp_path, capsys):
    path = write_manifest(tmp_path / "data", [("D", "test")])
    assert main(["--manifest", str(path), "--out", str(tmp_path / "out")]) == 1
    assert "no frames in the split 'train'" in capsys.readouterr().err
    path.write_text("{")
    assert main(["--manifest", str(path), "--out", str(tmp_path / "out")]) == 1
    assert "not JSON" in events(tmp_path / "out")[-1]["reason"]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_loss_that_is_no_number_ends_the_run_with_the_cause(tmp_path):
    manifest = read_manifest(
        write_manifest(tmp_path / "data", SUBJECTS, config={"learning_rate": 1e30, "warmup_epochs": 0})
    )
    with pytest.raises(TrainingFailed, match="learning rate"):
        train(manifest, tmp_path / "out")
    assert "no longer a number" in events(tmp_path / "out")[-1]["reason"]


def test_training_starts_from_weights_and_keeps_the_output_of_labels_it_knows(tmp_path):
    path = write_manifest(tmp_path / "data", SUBJECTS, config={"epochs": 1})
    train(read_manifest(path), tmp_path / "first")
    plain = json.loads(path.read_text())
    del plain["config"]["model"]
    plain["labels"].insert(0, {"index": 5, "name": "new"})
    path.write_text(json.dumps(plain))
    trainer = Trainer(read_manifest(path), tmp_path / "second", base=tmp_path / "first" / "model.safetensors")
    config = trainer.config
    assert (config.learning_rate, config.warmup_epochs, config.patience) == (3e-4, 1, 15)
    assert trainer.model_config.num_labels == 3
    old = load_model(tmp_path / "first" / "model.safetensors")[0].eval()
    x = torch.randn(1, 1, 128, 128)
    with torch.no_grad():
        before, after = old(x), trainer.model.eval()(x)
    # Channels of 0, 3 and 7; 5 is new in between.
    torch.testing.assert_close(after[:, [0, 1, 3]], before, atol=1e-3, rtol=0)
    assert (after[:, 2] - before[:, 1]).abs().max() > 0.1


def test_other_networks_are_not_started_from(tmp_path):
    path = write_manifest(tmp_path / "data", SUBJECTS, config={"epochs": 1})
    train(read_manifest(path), tmp_path / "first")
    other = read_manifest(write_manifest(tmp_path / "data", SUBJECTS, config={"model": {"variant": "B"}}))
    with pytest.raises(BadConfig, match="start from"):
        train(other, tmp_path / "second", base=tmp_path / "first" / "model.safetensors")


def test_weights_older_than_the_auxiliary_stem_get_one_that_changes_nothing_yet(tmp_path):
    path = write_manifest(tmp_path / "data", SUBJECTS, config={"epochs": 1, "model": {**SMALL_MODEL, "aux": False}})
    train(read_manifest(path), tmp_path / "first")
    plain = json.loads(path.read_text())
    del plain["config"]["model"]
    path.write_text(json.dumps(plain))
    trainer = Trainer(read_manifest(path), tmp_path / "second", base=tmp_path / "first" / "model.safetensors")
    old = load_model(tmp_path / "first" / "model.safetensors")[0]
    x, hint = torch.randn(1, 1, 128, 128), torch.randn(1, 4, 128, 128)
    with torch.no_grad():
        torch.testing.assert_close(trainer.model.eval()(x, hint), old(x), atol=1e-3, rtol=0)


class Foreign(torch.nn.Module):
    """A network that is not ours: it knows nothing of hints, heads at several depths, or priors."""

    def __init__(self, config):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Conv2d(1, 8, 3, padding=1, bias=False), torch.nn.BatchNorm2d(8), torch.nn.ReLU(),
            torch.nn.Conv2d(8, config.num_labels + 1, 1),
        )  # fmt: skip

    def forward(self, x):
        return self.layers(x)


def test_a_foreign_network_is_trained_scored_and_resumed_by_the_same_loop(tmp_path):
    manifest = read_manifest(write_manifest(tmp_path / "data", SUBJECTS, config={"epochs": 2}))
    assert not train(manifest, tmp_path / "out", should_stop=stop_after(7), build_model=Foreign).finished
    result = train(manifest, tmp_path / "out", resume=True, build_model=Foreign)
    assert result.finished and result.scores["n_total"] == 2
    whole = tmp_path / "whole"
    train(manifest, whole, build_model=Foreign)
    assert same_tensors(whole / "model.safetensors", tmp_path / "out" / "model.safetensors")
    with pytest.raises(BadWeights, match="architecture 'Foreign'"):
        load_model(whole / "model.safetensors")


def test_learning_rate_warms_up_and_falls_to_almost_nothing(tmp_path):
    config = {"epochs": 20, "learning_rate": 1e-3, "warmup_epochs": 5}
    trainer = Trainer(read_manifest(write_manifest(tmp_path / "d", SUBJECTS, config=config)), tmp_path / "out")
    rates = [trainer._learning_rate(step) for step in range(20 * trainer.steps)]
    top = int(np.argmax(rates))
    assert top in (9, 10) and max(rates) == pytest.approx(1e-3)
    assert all(np.diff(rates[:top]) > 0) and all(np.diff(rates[top + 1 :]) < 0) and rates[-1] < 2e-5


def foreign_trainer(tmp_path, **config):
    manifest = read_manifest(write_manifest(tmp_path / "data", SUBJECTS, config=config))
    return Trainer(manifest, tmp_path / "out", build_model=Foreign)


def weighty_manifest(folder, **config):
    """Six training frames, the first of half weight; label 7 is on a thousandth of the pixels."""
    path = write_manifest(folder, SUBJECTS, frames=3, config=config)
    plain = json.loads(path.read_text())
    plain["samples"][0]["weight"] = 0.5
    path.write_text(json.dumps(plain))
    for number in range(2):
        for index in range(3):
            _, mask = speckle_frame(100 * number + index)
            mask[mask == 7] = 0
            mask[4:8, 4:8] = 7
            (folder / f"{number}-{index}-mask.png").write_bytes(png(mask))
    return read_manifest(path)


def test_steps_are_adamw_clipped_with_decay_of_kernels_only_and_a_warmed_up_average(tmp_path):
    """Three steps against the same by hand (MODEL.md 4.5), with values that let each rule show."""
    rules = {"learning_rate": 0.05, "warmup_epochs": 0, "weight_decay": 0.5, "gradient_clip": 0.1, "ema_decay": 0.2}
    trainer = Trainer(weighty_manifest(tmp_path / "data", **rules), tmp_path / "out", build_model=Foreign)
    network = copy.deepcopy(trainer.model).train()
    weights = dict(network.named_parameters())
    average, first, second = ({name: factor * p.detach() for name, p in weights.items()} for factor in (1, 0, 0))
    label_weights = torch.tensor([1, 1, 0.003 * 128 * 128 / 16])
    norms = []
    for step, batch in enumerate(trainer.loader.over(trainer._batches(), training=True)):
        images = batch.images.to(memory_format=torch.channels_last)
        loss = deep_supervision_loss(network(images), batch.targets, batch.weights, label_weights)
        gradients = torch.autograd.grad(loss, list(weights.values()))
        norms.append(math.sqrt(sum(g.square().sum().item() for g in gradients)))
        rate, decay = trainer._learning_rate(step), min(0.2, (1 + step) / (10 + step))
        with torch.no_grad():
            for (name, p), g in zip(weights.items(), gradients, strict=True):
                g = g * min(1, 0.1 / norms[-1])
                first[name] = 0.9 * first[name] + 0.1 * g
                second[name] = 0.999 * second[name] + 0.001 * g**2
                corrected = (second[name] / (1 - 0.999 ** (step + 1))).sqrt()
                p *= 1 - rate * (0.5 if name in ("layers.0.weight", "layers.3.weight") else 0)
                p -= rate * first[name] / (1 - 0.9 ** (step + 1)) / (corrected + 1e-8)
                average[name] = decay * average[name] + (1 - decay) * p
    assert min(norms) > 0.1 and len(norms) == 3

    trainer._train_one_epoch(Journal(None))
    found = [dict(each.named_parameters()) for each in (trainer.model, trainer.average)]
    for name in weights:
        torch.testing.assert_close(found[0][name], weights[name], atol=1e-5, rtol=0)
        torch.testing.assert_close(found[1][name], average[name], atol=1e-5, rtol=0)


def test_kernels_are_decayed_and_norms_biases_and_blend_weights_are_not(tmp_path):
    manifest = read_manifest(write_manifest(tmp_path / "data", SUBJECTS, config={"weight_decay": 0.03}))
    trainer = Trainer(manifest, tmp_path / "out")
    decay = {id(p): group["weight_decay"] for group in trainer.optimizer.param_groups for p in group["params"]}
    for module in trainer.model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            kernel = isinstance(module, torch.nn.Conv2d | torch.nn.Linear) and name == "weight"
            if not isinstance(module, torch.nn.Conv1d):
                assert decay[id(parameter)] == (0.03 if kernel else 0), (module, name)


@pytest.mark.parametrize("augment", [True, False])
def test_a_network_in_training_mode_is_shown_varied_frames_unless_told_otherwise(tmp_path, augment):
    trainer = foreign_trainer(tmp_path, augment=augment)
    shown = []
    trainer.model.eval().register_forward_pre_hook(lambda network, given: shown.append((network.training, given[0])))
    trainer._train_one_epoch(Journal(None))
    still = as_they_are(trainer, [showing.frame for batch in trainer._batches() for showing in batch])[0]
    assert all(training for training, _ in shown)
    assert torch.equal(torch.cat([images for _, images in shown]), still) == (not augment)


@pytest.mark.parametrize(
    ("name", "wanted", "mirrored"), [("bone", True, True), ("left bone", True, False), ("bone", False, False)]
)
def test_frames_are_not_mirrored_when_a_label_names_a_side(tmp_path, name, wanted, mirrored):
    path = write_manifest(tmp_path / "data", SUBJECTS, config={"horizontal_flip": wanted})
    path.write_text(path.read_text().replace('"bone"', f'"{name}"'))
    trainer = Trainer(read_manifest(path), tmp_path / "out", build_model=Foreign)
    assert trainer.flip == trainer.loader.batches.flip == mirrored


class Judged(Trainer):
    """Its validation scores are given; what would have been validated is kept."""

    def _validate(self):
        dice = [0.5, 0.9, 0.90005, 0.3][self.state.progress.epoch]
        self.judged = [*getattr(self, "judged", []), copy.deepcopy(self.average.state_dict())]
        return {"macro": {"dice": dice}, "labels": {}}


def test_the_best_epoch_s_average_is_kept_and_patience_ends_the_run(tmp_path):
    manifest = read_manifest(write_manifest(tmp_path / "data", SUBJECTS, config={"epochs": 9, "patience": 2}))
    trainer = Judged(manifest, tmp_path / "out", build_model=Foreign)
    result = trainer.run(Journal(None))
    assert (result.finished, result.best_epoch, result.best_val_dice) == (True, 2, 0.9)
    assert len(trainer.judged) == 4
    kept = load_tensors(tmp_path / "out" / "model.safetensors")[0]
    same = [all(torch.equal(kept[name], tensor) for name, tensor in each.items()) for each in trainer.judged]
    assert same == [False, True, False, False]


def test_the_averaged_weights_are_what_is_validated(tmp_path):
    trainer = foreign_trainer(tmp_path)
    for network, channel in ((trainer.model, 0), (trainer.average, 1)):  # draws background only; label 3 only
        last = network.layers[3]
        with torch.no_grad():
            last.weight.zero_()
            last.bias.copy_(torch.eye(3)[channel])
    assert trainer._validate()["labels"]["3"]["dice"] > 0


def command(manifest, out, *more):
    return [sys.executable, "-m", "ml.train", "--manifest", str(manifest), "--out", str(out), *more]


def child(arguments):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(arguments, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)


def wait_for_epoch(out, process, epoch):
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        assert process.poll() is None, process.stderr.read()
        path = out / "metrics.jsonl"
        if path.exists() and f'"event": "epoch", "epoch": {epoch}' in path.read_text():
            return
        time.sleep(0.02)
    pytest.fail("the child made no progress in 90 s")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """(manifest, folder of a run of it in a process that nobody killed)."""
    folder = tmp_path_factory.mktemp("undisturbed")
    manifest = write_manifest(folder / "data", SUBJECTS, config={"epochs": 6})
    with child(command(manifest, folder / "whole")) as reference:
        assert reference.wait(150) == 0, reference.stderr.read()
    return manifest, folder / "whole"


@pytest.mark.slow
@pytest.mark.timeout(500)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, EXIT_RESUMABLE)])
def test_a_killed_child_process_is_resumed_to_the_same_weights(undisturbed, tmp_path, number, code):
    (manifest, whole), parts = undisturbed, tmp_path / "parts"
    with child(command(manifest, parts)) as killed:
        wait_for_epoch(parts, killed, 3)
        killed.send_signal(number)
        assert killed.wait(60) == code
    with child(command(manifest, parts, "--resume")) as resumed:
        assert resumed.wait(150) == 0, resumed.stderr.read()
    assert events(parts, "start")[-1]["resumed_from_epoch"] >= 2
    assert same_tensors(whole / "model.safetensors", parts / "model.safetensors")


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_eight_frames_are_learnt_by_heart_and_batch_norm_does_not_lag(tmp_path):
    """MODEL.md 7.3: training Dice ≥ 0.95 in eval mode, and within 0.02 of what batch statistics give."""
    config = {
        "epochs": 30, "batch_size": 4, "augment": False, "learning_rate": 6e-3, "warmup_epochs": 2,
        "model": {"variant": "T", "norm": "batch"},
    }  # fmt: skip
    manifest = read_manifest(write_manifest(tmp_path / "data", [("A", "train")], frames=8, config=config))
    trainer = Trainer(manifest, tmp_path / "out")
    journal = Journal(tmp_path / "out" / "metrics.jsonl")
    trainer.run(journal)
    journal.close()
    dice = events(tmp_path / "out", "epoch")[-1]["val_dice"]
    assert dice >= 0.95

    average = trainer.average
    for module in average.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.train()
    overlap = total = 0
    for chosen in np.array_split(np.arange(8), 2):
        images, targets = as_they_are(trainer, chosen)
        with torch.no_grad():
            drawn = average(images).argmax(1)
        for channel in (1, 2):
            overlap += 2 * ((drawn == channel) & (targets == channel)).sum().item()
            total += ((drawn == channel).sum() + (targets == channel).sum()).item()
    assert math.isclose(overlap / total, dice, abs_tol=0.02)


def test_batch_norm_statistics_are_recomputed_for_the_averaged_weights(tmp_path):
    """Statistics left by training would be those of other weights; recomputed ones are the mean over the frames."""
    manifest = read_manifest(write_manifest(tmp_path / "data", SUBJECTS))
    trainer = Trainer(manifest, tmp_path / "out")
    convolution, norm = trainer.average.stem[0], trainer.average.stem[1]
    assert isinstance(norm, torch.nn.BatchNorm2d) and norm.running_mean is not None
    norm.running_mean.fill_(1e3)
    trainer._recompute_batch_norm()
    images = as_they_are(trainer, range(4))[0]
    with torch.no_grad():
        expected = convolution(images).mean((0, 2, 3))
    torch.testing.assert_close(norm.running_mean, expected, atol=1e-5, rtol=1e-4)
    assert norm.momentum == 0.1 and not norm.training
