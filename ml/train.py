"""Train a model from a manifest. The app runs this in a child process; nothing here knows the app.

    python -m ml.train --manifest M.json --out DIR [--epochs N] [--base weights.safetensors] [--resume]

The manifest is described in `ml.data`; its "config" holds the values of TrainConfig that differ from the defaults,
and under "model" those of ModelConfig ("variant": "T"|"B"|"L" stands for a whole set).

DIR receives
    metrics.jsonl           one JSON object per line, flushed:
        {"event": "start", "epochs", "steps_per_epoch", "frames": {"train", "val", "test"}, "validation": sentence,
         "parameters", "device", "resumed_from_epoch": null or n, "config", "model", "horizontal_flip"}
        {"event": "step", "epoch", "step", "steps", "loss"}                              at most two a second
        {"event": "epoch", "epoch", "epochs", "loss", "val_dice", "val_dice_per_label": {index: dice or null},
         "learning_rate", "seconds"}                                                     epoch counts from 1
        {"event": "end", "best_epoch", "best_val_dice", "test_dice", "epochs"}           the last line of a good run
        {"event": "failed", "reason": sentence}                                          … of a failed one
        {"event": "stopped", "epoch", "step"}                                            … of an interrupted one
      After --resume an epoch that had not reached the disk is told again: the later line counts.
    checkpoint/last.safetensors   weights, averaged weights, optimizer and progress in one file, replaced atomically
    model.safetensors       averaged weights of the epoch with the best validation Dice
    scores.json             `ml.evaluate.evaluate` on the test split

Exit codes: 0 done · 75 stopped by SIGTERM or SIGINT at the next step, resumable · 1 failed (the reason is the last
line of metrics.jsonl and of stderr) · 2 wrong arguments.

Exactness: every random draw comes from (seed, epoch, step or frame), never from a running state, so an interrupted
and resumed run gives the very weights of an uninterrupted one on the same machine and thread count.
On a CPU, one thread and glibc settings that keep freed memory make a step up to twice as fast:
    OMP_NUM_THREADS=1 MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=-1 MALLOC_TOP_PAD_=268435456
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ml.augment import augment
from ml.checkpoint import ARCHITECTURE, WeightsInfo, load_tensors, save_model, save_tensors, write_atomically
from ml.config import ModelConfig
from ml.data import FrameSet, Manifest, check_no_shared_frames, check_split, normalise, read_manifest
from ml.errors import MlError, TrainingFailed
from ml.evaluate import evaluate
from ml.journal import Journal
from ml.losses import deep_supervision_loss
from ml.model import AAUNet, count_parameters, to_device
from ml.predict import Predictor
from ml.preparation import choose_validation, digests, plan, start_from

EXIT_RESUMABLE = 75
CHECKPOINT = Path("checkpoint", "last.safetensors")
_MIN_IMPROVEMENT = 1e-4


class _Stopped(Exception):
    """Someone asked the run to stop; everything is at a step boundary."""


@dataclass
class Progress:
    """How far the run is: complete epochs, steps done in the next one, and the best so far."""

    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    best_epoch: int = 0
    best_dice: float | None = None


@dataclass(frozen=True)
class TrainResult:
    """How a run ended. `finished` is False when it was stopped and can be resumed."""

    finished: bool
    best_epoch: int
    best_val_dice: float | None
    scores: dict[str, Any] | None


class Trainer:
    """One training run: the data, the two copies of the network, and the steps of the loop.

    Goes on from the checkpoint in `out` when there is one.

    build_model  makes the network from its configuration. Benchmarks pass another one to train a foreign network in
                 this very loop: any module that takes (B, 1, H, W) and returns (B, K+1, H, W) logits in eval mode; in
                 training the same, or a list of logits, finest first. Its weights are saved as an architecture named
                 after its class, which `ml.checkpoint.load_model` refuses; it cannot start from `base`.
    """

    def __init__(
        self,
        manifest: Manifest,
        out: Path,
        *,
        epochs: int | None = None,
        base: Path | None = None,
        should_stop: Callable[[], bool] = lambda: False,
        build_model: Callable[[ModelConfig], nn.Module] = AAUNet,
    ) -> None:
        self.build_model = build_model
        self.manifest, self.labels, self.out = manifest, manifest.labels, out
        self.should_stop = should_stop
        self.checkpoint_path = out / CHECKPOINT
        resuming = self.checkpoint_path.exists()
        self.checkpoint_path.parent.mkdir(parents=True, exist_ok=True)

        self.config, self.model_config = plan(manifest, epochs, base)
        torch.manual_seed(self.config.seed)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._load_data()
        self._build_model(base)
        self.progress = Progress()
        if resuming:
            self._restore()
        self.resumed_from = self.progress.epoch if resuming else None

    # --- before the loop

    def _load_data(self) -> None:
        check_split(self.manifest.samples)
        train, self.val, self.validation = choose_validation(self.manifest)
        self.test = self.manifest.split("test")
        self.frames = FrameSet(train, self.labels, self.config.image_size)
        held_out = {side: digests(self.manifest.split(side), self.labels) for side in ("val", "test")}
        check_no_shared_frames({"train": self.frames.digests, **held_out})
        self.flip = self.config.horizontal_flip and not self.labels.names_a_side()
        self.steps = math.ceil(len(self.frames) / self.config.batch_size)

    def _build_model(self, base: Path | None) -> None:
        self.model = self.build_model(self.model_config)
        if isinstance(self.model, AAUNet):
            if base is None:
                self.model.set_prior(self.frames.label_frequencies(self.labels.count))
            else:
                start_from(self.model, self.labels, base)
        elif base is not None:
            raise TrainingFailed("Only an AAU-Net can start from existing weights; leave --base out.")
        to_device(self.model, self.device)
        self.average = copy.deepcopy(self.model).requires_grad_(False)
        named = dict(self.model.named_parameters())
        # Weight decay shrinks kernels; scales, biases and the blend weights of the modules are left alone.
        groups = [
            {"params": [p for p in named.values() if p.ndim in (2, 4)], "weight_decay": self.config.weight_decay},
            {"params": [p for p in named.values() if p.ndim not in (2, 4)], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=self.config.learning_rate)

    # --- the loop

    def run(self, journal: Journal) -> TrainResult:
        """Train to the end, or until asked to stop."""
        self._announce(journal)
        try:
            while self.progress.epoch < self.config.epochs and not self._patience_is_spent():
                started = time.monotonic()
                loss = self._train_one_epoch(journal)
                self._recompute_batch_norm()
                scores = self._validate()
                self._keep_if_best(scores)
                self._finish_epoch(journal, loss, scores, time.monotonic() - started)
                self._save_checkpoint()
            test_scores = self._score_best_on_test()
        except _Stopped:
            self._save_checkpoint()
            journal.write("stopped", epoch=self.progress.epoch, step=self.progress.step)
            return TrainResult(False, self.progress.best_epoch, self.progress.best_dice, None)
        journal.write(
            "end",
            best_epoch=self.progress.best_epoch,
            best_val_dice=self.progress.best_dice,
            test_dice=test_scores["macro"]["dice"],
            epochs=self.progress.epoch,
        )
        return TrainResult(True, self.progress.best_epoch, self.progress.best_dice, test_scores)

    def _announce(self, journal: Journal) -> None:
        journal.write(
            "start",
            epochs=self.config.epochs,
            steps_per_epoch=self.steps,
            frames={"train": len(self.frames), "val": len(self.val), "test": len(self.test)},
            validation=self.validation,
            parameters=count_parameters(self.model),
            device=str(self.device),
            resumed_from_epoch=self.resumed_from,
            config=self.config.to_plain(),
            model=self.model_config.to_plain(),
            horizontal_flip=self.flip,
        )

    def _train_one_epoch(self, journal: Journal) -> float:
        """The remaining steps of the epoch; returns the mean loss over all its steps."""
        progress = self.progress
        batches = self._shuffled_batches(progress.epoch)
        self.model.train()
        while progress.step < self.steps:
            self._stop_if_asked()
            progress.loss_sum += self._step(batches[progress.step])
            progress.step += 1
            mean = progress.loss_sum / progress.step
            journal.write_step(epoch=progress.epoch + 1, step=progress.step, steps=self.steps, loss=round(mean, 5))
        return progress.loss_sum / self.steps

    def _step(self, chosen: np.ndarray) -> float:
        done = self.progress.epoch * self.steps + self.progress.step
        torch.manual_seed(self.config.seed * 1_000_003 + done)  # for dropout
        rate = self._learning_rate(done)
        for group in self.optimizer.param_groups:
            group["lr"] = rate

        images, targets = self._batch(chosen, vary=self.config.augment)
        loss = deep_supervision_loss(self.model(images), targets)
        self.optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.config.gradient_clip)
        value = loss.item()
        if not (math.isfinite(value) and math.isfinite(norm.item())):
            raise TrainingFailed(
                f"The loss is no longer a number (epoch {self.progress.epoch + 1}, step {self.progress.step + 1}, "
                f"learning rate {rate:.2g}). Most often the learning rate is too high: start again with a third of it."
            )
        self.optimizer.step()
        self._update_average(done)
        return value

    def _learning_rate(self, done: int) -> float:
        """Linear warm-up, then half a cosine down to a thousandth of the peak."""
        total = self.config.epochs * self.steps
        warmup = int(min(self.config.warmup_epochs, self.config.epochs / 4) * self.steps)
        if done < warmup:
            return self.config.learning_rate * (done + 1) / warmup
        along = (done - warmup) / max(1, total - warmup)
        return self.config.learning_rate * (0.001 + 0.999 * (1 + math.cos(math.pi * along)) / 2)

    @torch.no_grad()
    def _update_average(self, done: int) -> None:
        decay = min(self.config.ema_decay, (1 + done) / (10 + done))
        for slow, fast in zip(self.average.parameters(), self.model.parameters(), strict=True):
            slow.lerp_(fast, 1 - decay)

    @torch.no_grad()
    def _recompute_batch_norm(self) -> None:
        """Fit the statistics to the averaged weights: those kept during training belong to other weights, and after
        few steps they are wrong enough to ruin a good network (MODEL.md 3.7)."""
        self.average.eval()
        norms = [module for module in self.average.modules() if isinstance(module, nn.BatchNorm2d)]
        momenta = [norm.momentum for norm in norms]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # plain mean over the batches
            norm.train()
        for chosen in self._shuffled_batches(self.progress.epoch)[: self.config.batch_norm_batches]:
            self._stop_if_asked()
            self.average(self._batch(chosen, vary=False)[0])
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        self.average.eval()

    def _validate(self) -> dict[str, Any]:
        return evaluate(Predictor(self.average, self._info(), self.device), self.val, self._stop_if_asked, quick=True)

    def _keep_if_best(self, scores: dict[str, Any]) -> None:
        dice, best = scores["macro"]["dice"], self.progress.best_dice
        # No label in any validation frame: nothing to choose by, the latest is taken.
        if dice is None or best is None or dice > best + _MIN_IMPROVEMENT:
            self.progress.best_dice, self.progress.best_epoch = dice, self.progress.epoch + 1
            save_model(self.out / "model.safetensors", self.average, self._info(val_dice=dice))

    def _finish_epoch(self, journal: Journal, loss: float, scores: dict[str, Any], seconds: float) -> None:
        progress = self.progress
        rate = self._learning_rate(progress.epoch * self.steps + self.steps - 1)
        progress.epoch, progress.step, progress.loss_sum = progress.epoch + 1, 0, 0.0
        journal.write(
            "epoch",
            epoch=progress.epoch,
            epochs=self.config.epochs,
            loss=round(loss, 6),
            val_dice=scores["macro"]["dice"],
            val_dice_per_label={index: row["dice"] for index, row in scores["labels"].items()},
            learning_rate=rate,
            seconds=round(seconds, 2),
        )

    def _patience_is_spent(self) -> bool:
        return self.progress.epoch - self.progress.best_epoch >= self.config.patience

    def _score_best_on_test(self) -> dict[str, Any]:
        best = self.build_model(self.model_config)
        best.load_state_dict(load_tensors(self.out / "model.safetensors")[0])
        predictor = Predictor(best, self._info(), self.device)
        scores = {"split": "test", "dataset_hash": self.manifest.dataset_hash}
        scores |= evaluate(predictor, self.test, self._stop_if_asked)
        write_atomically(self.out / "scores.json", (json.dumps(scores, indent=2) + "\n").encode())
        return scores

    # --- what the steps use

    def _stop_if_asked(self) -> None:
        if self.should_stop():
            raise _Stopped

    def _shuffled_batches(self, epoch: int) -> list[np.ndarray]:
        """Batches of nearly equal size: a last batch of one frame would give batch norm nothing to work with."""
        order = np.random.default_rng([self.config.seed, epoch]).permutation(len(self.frames))
        return np.array_split(order, self.steps)

    def _batch(self, chosen: np.ndarray, *, vary: bool) -> tuple[Tensor, Tensor]:
        """Images (B, 1, S, S) float32 and channels (B, S, S) uint8, on the device."""
        images, masks = [], []
        for index in chosen:
            image, mask = self.frames.images[index], self.frames.masks[index]
            if vary:
                rng = np.random.default_rng([self.config.seed, self.progress.epoch, int(index)])
                image, mask = augment(image, mask, rng, horizontal_flip=self.flip)
            images.append(normalise(image))
            masks.append(mask)
        batch = torch.from_numpy(np.stack(images)).unsqueeze(1)
        return batch.to(self.device, memory_format=torch.channels_last), torch.from_numpy(np.stack(masks)).to(
            self.device
        )

    def _info(self, val_dice: float | None = None) -> WeightsInfo:
        training = {"epoch": self.progress.epoch + 1, "val_dice": val_dice, "config": self.config.to_plain()}
        return WeightsInfo(
            self.model_config,
            self.labels,
            self.config.image_size,
            self.manifest.dataset_hash,
            architecture=ARCHITECTURE if isinstance(self.model, AAUNet) else type(self.model).__name__,
            training=training,
        )

    def _story(self) -> dict[str, Any]:
        """What a checkpoint must agree with to be continued."""
        return {
            "dataset_hash": self.manifest.dataset_hash,
            "labels": self.labels.to_plain(),
            "config": self.config.to_plain(),
            "model": self.model_config.to_plain(),
        }

    def _tensors(self) -> Iterator[tuple[str, Tensor]]:
        """Every tensor of the run's state, by name; the optimizer's once it has made a step."""
        for prefix, model in (("model", self.model), ("average", self.average)):
            for name, tensor in model.state_dict().items():
                yield f"{prefix}.{name}", tensor
        for name, parameter in self.model.named_parameters():
            for key, tensor in self.optimizer.state.get(parameter, {}).items():
                yield f"optimizer.{key}.{name}", tensor

    def _save_checkpoint(self) -> None:
        story = {**self._story(), "progress": asdict(self.progress)}
        save_tensors(self.checkpoint_path, dict(self._tensors()), story)

    def _restore(self) -> None:
        tensors, story = load_tensors(self.checkpoint_path)
        for key, value in self._story().items():
            if story.get(key) != value:
                raise TrainingFailed(f"The checkpoint was made with another {key}; start a new run in an empty folder.")
        self.progress = Progress(**story["progress"])
        for prefix, model in (("model.", self.model), ("average.", self.average)):
            model.load_state_dict({n[len(prefix) :]: t for n, t in tensors.items() if n.startswith(prefix)})
        for name, parameter in self.model.named_parameters():
            for key in ("step", "exp_avg", "exp_avg_sq"):
                tensor = tensors.get(f"optimizer.{key}.{name}")
                if tensor is not None:
                    # The step counter stays on the CPU; moments go where and how the parameter lies.
                    place = tensor if key == "step" else torch.empty_like(parameter).copy_(tensor)
                    self.optimizer.state[parameter][key] = place


def train(manifest: Manifest | Path, out: Path, *, resume: bool = False, **choices: Any) -> TrainResult:
    """Run a training, writing into `out` as the module says; `choices` are those of Trainer.

    resume  go on from the checkpoint in `out`, or begin when there is none; False refuses a folder that has one

    Raises MlError with the cause; the journal then ends with a "failed" line.
    """
    if (out / CHECKPOINT).exists() and not resume:
        # Before the journal is touched: the earlier run's last line stays its own.
        raise TrainingFailed(f"{out} holds the checkpoint of an earlier run: pass --resume, or choose another folder.")
    journal = Journal(out / "metrics.jsonl")
    try:
        if isinstance(manifest, Path):
            manifest = read_manifest(manifest)
        return Trainer(manifest, out, **choices).run(journal)
    except MlError as error:
        journal.write("failed", reason=str(error))
        raise
    except Exception as error:
        journal.write("failed", reason=f"Training broke off: {type(error).__name__}: {str(error)[:500]}")
        raise
    finally:
        journal.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ml.train", description="Train a model from a manifest.")
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder for metrics, checkpoint, weights and scores")
    parser.add_argument("--epochs", type=int, help="instead of the manifest's")
    parser.add_argument("--base", type=Path, help="weights to start from")
    parser.add_argument("--resume", action="store_true", help="continue from the checkpoint in --out, if there is one")
    options = parser.parse_args(arguments)

    asked: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: asked.append(received))
    try:
        result = train(
            options.manifest,
            options.out,
            epochs=options.epochs,
            base=options.base,
            resume=options.resume,
            should_stop=lambda: bool(asked),
        )
    except MlError as error:
        print(error, file=sys.stderr)
        return 1
    return 0 if result.finished else EXIT_RESUMABLE


if __name__ == "__main__":
    sys.exit(main())
