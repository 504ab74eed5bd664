"""The loop of `ml.train`: one epoch after another, each trained, validated, kept if best, and written down."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ml.batch_norm import fresh_statistics
from ml.batches import HINT_SCALE, Batch, FrameBatches, Loader, workers_for
from ml.checkpoint import ARCHITECTURE, WeightsInfo, load_tensors, save_model, write_atomically
from ml.clicking import clicked_hints
from ml.config import ModelConfig
from ml.data import FrameSet, Manifest, check_no_shared_frames, check_split
from ml.distributed import World
from ml.errors import BadData, TrainingFailed
from ml.evaluate import evaluate
from ml.journal import Journal
from ml.losses import deep_supervision_loss, label_weights
from ml.model import AAUNet, count_parameters, to_device
from ml.perturb import neighbour_masks
from ml.precision import Precision
from ml.predict import Predictor
from ml.preparation import choose_validation, commit, digests, plan, start_from
from ml.run_state import RunState
from ml.sampling import Sampler, Showing, batches_of, share_of

_MIN_IMPROVEMENT = 1e-4
_MOST_ROLLBACKS = 3
_HINTS_NEED_EPOCHS = 10


class _Stopped(Exception):
    """Someone asked the run to stop; everything is at a step boundary."""


class _NotANumber(Exception):
    """The loss, or its gradient, is not finite; the text says where."""


@dataclass(frozen=True)
class TrainResult:
    """How a run ended. `finished` is False when it was stopped and can be resumed; scores are the first process's."""

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
    world        the processes that train together, from `ml.distributed.join`
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
        world: World | None = None,
    ) -> None:
        self.world = world or World()
        self.build_model = build_model
        self.manifest, self.labels, self.out = manifest, manifest.labels, out
        self.should_stop = should_stop
        self.device = self.world.device()

        self.config, self.model_config = plan(manifest, epochs, base)
        self.precision = Precision(self.config.precision, self.device)
        torch.manual_seed(self.config.seed)
        self._load_data()
        self._build_model(base)
        self._make_loader()
        self.state = RunState(out, self._story(), self.model, self.average, self.optimizer, self.precision.scaler)
        resuming = RunState.exists(out)
        if resuming:
            self.state.restore()
        place = self.state.progress.epoch + self.state.progress.step / self.steps
        if self.world.any(place != self.world.from_first(place)):
            raise TrainingFailed(
                "The processes do not find the same checkpoint: the run's folder must be on a disk all hosts share."
            )
        self.resumed_from = self.state.progress.epoch if resuming else None
        self.world.wait()  # nobody writes a checkpoint before all have looked for one

    # --- before the loop

    def _load_data(self) -> None:
        check_split(self.manifest.samples)
        train, self.val, self.validation = choose_validation(self.manifest)
        self.test = self.manifest.split("test")
        self.frames = FrameSet(train, self.labels, self.config.image_size)
        held_out = {side: digests(self.manifest.split(side), self.labels) for side in ("val", "test")}
        check_no_shared_frames({"train": self.frames.digests, **held_out})
        _check_shown(self.frames)
        self.frequencies = self.frames.label_frequencies(self.labels.count)
        self.flip = self.config.horizontal_flip and not self.labels.names_a_side()
        self.sampler = Sampler(
            self.frames.clips, self.frames.present, per_clip=self.config.frames_per_clip, seed=self.config.seed
        )
        fewest = len(self.sampler) // self._steps(self.config.batch_size)
        if fewest < self.world.size:
            raise BadData(
                f"A step shows {fewest} frames at times, too few for {self.world.size} processes: start fewer of them, "
                "or raise batch_size."
            )

    def _build_model(self, base: Path | None) -> None:
        self.model = self.build_model(self.model_config)
        if isinstance(self.model, AAUNet):
            if base is None:
                self.model.set_prior(self.frequencies)
            else:
                start_from(self.model, self.labels, base)
        elif base is not None:
            raise TrainingFailed("Only an AAU-Net can start from existing weights; leave --base out.")
        to_device(self.model, self.device)
        self.average = copy.deepcopy(self.model).requires_grad_(False)
        self.hints = self._train_hints()
        if self.world.size > 1 and self.device.type == "cuda":
            self.model = nn.SyncBatchNorm.convert_sync_batchnorm(self.model)
        self.replica = self.world.replicate(self.model)
        named = dict(self.model.named_parameters())
        # Weight decay shrinks kernels; scales, biases and the blend weights of the modules are left alone.
        groups = [
            {"params": [p for p in named.values() if p.ndim in (2, 4)], "weight_decay": self.config.weight_decay},
            {"params": [p for p in named.values() if p.ndim not in (2, 4)], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=self.config.learning_rate, fused=True)
        self.channel_weights = torch.tensor(label_weights(self.frequencies), device=self.device)

    def _train_hints(self) -> bool:
        """Whether the auxiliary stem is trained; if not, its zeros are left alone."""
        stem = self.model.aux_stem if isinstance(self.model, AAUNet) else None
        if stem is None:
            return False
        wanted = self.config.aux_training and self.config.epochs >= _HINTS_NEED_EPOCHS
        stem.requires_grad_(wanted)
        return wanted

    def _make_loader(self) -> None:
        frames = self.frames
        if self.hints:
            frames.neighbours = neighbour_masks(frames.images, frames.masks, frames.clips, frames.numbers)
        batches = FrameBatches(
            frames,
            self.labels.count,
            seed=self.config.seed,
            vary=self.config.augment,
            flip=self.flip,
            hints_from=math.ceil(self.config.warmup) if self.hints else None,
        )
        cuda = self.device.type == "cuda"
        self.loader = Loader(batches, workers_for(self.device, self.world.size), pinned=cuda)

    def _story(self) -> dict[str, Any]:
        """What a checkpoint must agree with to be continued."""
        return {
            "dataset_hash": self.manifest.dataset_hash,
            "labels": self.labels.to_plain(),
            "config": self.config.to_plain(),
            "model": self.model_config.to_plain(),
        }

    # --- the loop

    def run(self, journal: Journal) -> TrainResult:
        """Train to the end, or until asked to stop."""
        self._announce(journal)
        try:
            if self.resumed_from is None:
                self._save_checkpoint()  # something to roll back to
            while self.state.progress.epoch < self.config.epochs and not self._patience_is_spent():
                self._run_one_epoch(journal)
            scores = self._score_best_on_test() if self.world.is_first else None
        except _Stopped:
            self._save_checkpoint()
            progress = self.state.progress
            journal.write("stopped", epoch=progress.epoch, step=progress.step)
            return TrainResult(False, progress.best_epoch, progress.best_dice, None)
        progress = self.state.progress
        journal.write(
            "end",
            best_epoch=progress.best_epoch,
            best_val_dice=progress.best_dice,
            test_dice=scores["macro"]["dice"] if scores else None,
            epochs=progress.epoch,
        )
        return TrainResult(True, progress.best_epoch, progress.best_dice, scores)

    def _announce(self, journal: Journal) -> None:
        journal.write(
            "start",
            epochs=self.config.epochs,
            steps_per_epoch=self.steps,
            frames={"train": len(self.frames), "val": len(self.val), "test": len(self.test)},
            validation=self.validation,
            parameters=count_parameters(self.model),
            device=str(self.device),
            precision=self.precision.name,
            processes=self.world.size,
            resumed_from_epoch=self.resumed_from,
            config=self.config.to_plain(),
            model=self.model_config.to_plain(),
            horizontal_flip=self.flip,
        )
        never = [
            self.labels.name(i) for i, share in zip(self.labels.indices, self.frequencies, strict=True) if not share
        ]
        if never:
            self._notice(journal, f"No training frame shows {', '.join(never)}: the model will not draw it.")

    def _run_one_epoch(self, journal: Journal) -> None:
        """The epoch, or the rest of it; what can be put right is, and the epoch is tried again from the checkpoint."""
        started = time.monotonic()
        put_right: Callable[[Journal, str], None]
        try:
            loss = self._train_one_epoch(journal)
            scores = self._validate()
            self._keep_if_best(scores)
            self._finish_epoch(journal, loss, scores, time.monotonic() - started)
            self._save_checkpoint()
            return
        except _NotANumber as cause:
            put_right, fault = self._roll_back, str(cause)
        except (RuntimeError, MemoryError) as cause:
            if not _out_of_memory(cause):
                raise
            put_right, fault = self._halve_batch, str(cause)
        # Only here the traceback is gone, and with it what the step held in memory.
        put_right(journal, fault)

    def _train_one_epoch(self, journal: Journal) -> float:
        """The remaining steps of the epoch; returns the mean loss over all its steps."""
        progress = self.state.progress
        self.model.train()
        parts = [share_of(batch, self.world.rank, self.world.size) for batch in self._batches()[progress.step :]]
        for batch in self.loader.over(parts, training=True):
            self._stop_if_asked(everywhere=True)
            progress.loss_sum += self._step(batch)
            progress.step += 1
            mean = progress.loss_sum / progress.step
            journal.write_step(epoch=progress.epoch + 1, step=progress.step, steps=self.steps, loss=round(mean, 5))
        return progress.loss_sum / self.steps

    def _step(self, batch: Batch) -> float:
        done = self.state.progress.epoch * self.steps + self.state.progress.step
        rate = self._learning_rate(done)
        for group in self.optimizer.param_groups:
            group["lr"] = rate

        images, hints = self._images_of(batch), self._hints_of(batch)
        torch.manual_seed((self.config.seed * 1_000_003 + done) * 1009 + self.world.rank)  # for dropout
        with self.precision.autocast():
            levels = self.replica(images) if hints is None else self.replica(images, hints)
        targets, weights = (tensor.to(self.device, non_blocking=True) for tensor in (batch.targets, batch.weights))
        loss = deep_supervision_loss(levels, targets, weights, self.channel_weights)
        norm = self.precision.step(loss, self.model, self.optimizer, self.config.gradient_clip)
        value = loss.item()
        if self.world.any(not (math.isfinite(value) and math.isfinite(norm))):
            raise _NotANumber(
                f"epoch {self.state.progress.epoch + 1}, step {self.state.progress.step + 1}, learning rate {rate:.2g}"
            )
        self.precision.finish(self.optimizer)
        self._update_average(done)
        return value

    def _learning_rate(self, done: int) -> float:
        """Linear warm-up, then half a cosine down to a thousandth of the peak; half of it after each roll back."""
        peak = self.config.learning_rate * 0.5**self.state.progress.rollbacks
        total, warmup = self.config.epochs * self.steps, int(self.config.warmup * self.steps)
        if done < warmup:
            return peak * (done + 1) / warmup
        along = (done - warmup) / max(1, total - warmup)
        return peak * (0.001 + 0.999 * (1 + math.cos(math.pi * along)) / 2)

    @torch.no_grad()
    def _update_average(self, done: int) -> None:
        decay = min(self.config.ema_decay, (1 + done) / (10 + done))
        torch._foreach_lerp_(list(self.average.parameters()), list(self.model.parameters()), 1 - decay)

    def _validate(self) -> dict[str, Any]:
        """Scores of the averaged weights on the validation frames; the other processes get the mean Dice only."""
        scores: dict[str, Any] = {"macro": {"dice": None}, "labels": {}}
        if self.world.is_first:
            self._recompute_batch_norm()
            predictor = Predictor(self.average, self._info(), self.device)
            scores = evaluate(predictor, self.val, self._stop_if_asked, quick=True)
        dice = scores["macro"]["dice"]
        shared = self.world.from_first(math.nan if dice is None else dice)
        scores["macro"]["dice"] = None if math.isnan(shared) else shared
        return scores

    @torch.no_grad()
    def _recompute_batch_norm(self) -> None:
        """Fit the statistics to the averaged weights (MODEL.md 3.7), over training frames as they are.

        With the hints of training, in its proportions: that is what the weights have learnt to be normalised by.
        """
        with fresh_statistics(self.average) as needed:
            wanted = self._batches()[: self.config.batch_norm_batches] if needed else []
            for batch in self.loader.over(wanted, training=False):
                self._stop_if_asked()
                self._draw(self.average, self._images_of(batch), self._hints_of(batch))

    def _keep_if_best(self, scores: dict[str, Any]) -> None:
        progress = self.state.progress
        dice, best = scores["macro"]["dice"], progress.best_dice
        # No label in any validation frame: nothing to choose by, the latest is taken.
        if dice is None or best is None or dice > best + _MIN_IMPROVEMENT:
            progress.best_dice, progress.best_epoch = dice, progress.epoch + 1
            if self.world.is_first:
                save_model(self.out / "model.safetensors", self.average, self._info(val_dice=dice))

    def _finish_epoch(self, journal: Journal, loss: float, scores: dict[str, Any], seconds: float) -> None:
        progress = self.state.progress
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
        if scores["macro"]["dice"] is None and progress.epoch == 1:
            self._notice(
                journal, "No frame of the validation shows a label: nothing to choose by, the last epoch is kept."
            )

    def _patience_is_spent(self) -> bool:
        progress = self.state.progress
        return progress.epoch - progress.best_epoch >= self.config.patience

    def _score_best_on_test(self) -> dict[str, Any]:
        best = self.build_model(self.model_config)
        best.load_state_dict(load_tensors(self.out / "model.safetensors")[0])
        scores = {"split": "test", "dataset_hash": self.manifest.dataset_hash}
        scores |= evaluate(Predictor(best, self._info(), self.device), self.test, self._stop_if_asked)
        write_atomically(self.out / "scores.json", (json.dumps(scores, indent=2) + "\n").encode())
        return scores

    # --- what can be put right

    def _roll_back(self, journal: Journal, where: str) -> None:
        """Go on from the last checkpoint with half the learning rate, at most three times."""
        earlier = self.state.progress.rollbacks
        if earlier == _MOST_ROLLBACKS:
            raise TrainingFailed(
                f"The loss is no longer a number ({where}), also after going back to the last checkpoint "
                f"{_MOST_ROLLBACKS} times with half the rate each time. Most often the learning rate is too high, or a "
                "picture is unlike all others: start again with a tenth of the rate."
            )
        self.state.restore()
        self.state.progress.rollbacks = earlier + 1
        self._save_checkpoint()
        self._notice(
            journal, f"The loss was no longer a number ({where}): back to the last checkpoint, half the learning rate."
        )

    def _halve_batch(self, journal: Journal, cause: str) -> None:
        """Go on from the last checkpoint with half as many frames per step; the epoch begins again."""
        size, halvings = self._batch_size(), self.state.progress.halvings
        if self.world.size > 1:  # the others are waiting for this one's gradient, and cannot be told
            raise TrainingFailed(
                f"Out of memory with {size} frames per step: halve batch_size and start again. {cause}"
            )
        if size == 1:
            raise TrainingFailed(
                f"Out of memory with one frame per step: choose a smaller image_size or variant. {cause}"
            )
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        self.state.restore()
        progress = self.state.progress
        progress.halvings, progress.step, progress.loss_sum = halvings + 1, 0, 0.0
        self._save_checkpoint()
        self._notice(journal, f"Out of memory with {size} frames per step: going on with {self._batch_size()}.")

    def _notice(self, journal: Journal, text: str) -> None:
        journal.write("notice", text=text, steps_per_epoch=self.steps)

    # --- what the steps use

    def _stop_if_asked(self, *, everywhere: bool = False) -> None:
        """Raise _Stopped when told to. With several processes, only where all of them ask at once."""
        if everywhere or self.world.size == 1:
            asked = self.world.any(self.should_stop())
            if asked:
                raise _Stopped

    def _save_checkpoint(self) -> None:
        if self.world.is_first:
            self.state.save()
        self.world.wait()

    def _batch_size(self) -> int:
        return max(1, self.config.batch_size >> self.state.progress.halvings)

    def _steps(self, batch_size: int) -> int:
        return math.ceil(len(self.sampler) / batch_size)

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return self._steps(self._batch_size())

    def _batches(self) -> list[list[Showing]]:
        """The batches of the epoch that is under way."""
        return batches_of(self.sampler.epoch(self.state.progress.epoch), self.steps)

    def _images_of(self, batch: Batch) -> Tensor:
        return batch.images.to(self.device, memory_format=torch.channels_last, non_blocking=True)

    def _hints_of(self, batch: Batch) -> Tensor | None:
        """What the auxiliary stem is fed, float32 [B, 2K, S, S]; None when it is not trained."""
        if not self.hints:
            return None
        images = self._images_of(batch)
        hints = images.new_zeros(len(images), 2 * self.labels.count, *images.shape[-2:])
        hints[batch.hint_rows.to(self.device)] = batch.hints.to(self.device, non_blocking=True) / HINT_SCALE
        if len(batch.asking):
            rows, epoch = batch.asking[:, 0], self.state.progress.epoch
            seeds = [[self.config.seed, epoch, *key, 2] for key in batch.asking[:, 1:].tolist()]
            self.model.eval()  # batch statistics of so few frames would be noise
            hints[rows.to(self.device)] = clicked_hints(
                lambda *given: self._draw(self.model, *given),
                images[rows.to(self.device)],
                batch.targets[rows],
                self.labels.count,
                seeds,
            )
            self.model.train()
        return hints

    def _draw(self, network: nn.Module, images: Tensor, hints: Tensor | None) -> Tensor:
        """Logits of a network in eval mode."""
        with self.precision.autocast():
            logits: Tensor = network(images) if hints is None else network(images, hints)
        return logits

    def _info(self, val_dice: float | None = None) -> WeightsInfo:
        training = {
            "epoch": self.state.progress.epoch + 1,
            "val_dice": val_dice,
            "config": self.config.to_plain(),
            "aux_trained": self.hints,
            "commit": commit(),
        }
        return WeightsInfo(
            self.model_config,
            self.labels,
            self.config.image_size,
            self.manifest.dataset_hash,
            architecture=ARCHITECTURE if isinstance(self.model, AAUNet) else type(self.model).__name__,
            training=training,
        )


def _check_shown(frames: FrameSet) -> None:
    """Raise BadData for training frames that teach nothing."""
    if not frames.present.any():
        raise BadData(
            "No training frame shows a label. Masks hold label indices, and 255 means not annotated: in a mask of "
            "0 and 255, write the label's index in the place of 255."
        )
    if not any(frames.digests):
        raise BadData("Every training picture is of one grey value: there is nothing to learn from.")
    if not frames.weights.any():
        raise BadData("Every training frame has weight 0: none would count. Leave the weights out, or raise some.")


def _out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out, on the GPU or here."""
    said = str(error)
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "DefaultCPUAllocator" in said
