"""Draft masks for pictures of any size.

    python -m ml.predict --weights W.safetensors image.png … --out DIR [--augmented]

writes one 8-bit grey PNG of label indices per picture, and predictions.json with confidence and uncertainty. A picture
that cannot be read is named and left out; the exit code is 1 then.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import cv2
import numpy as np

from ml.backends import Backend, TorchBackend, open_onnx
from ml.data import Letterbox, decode_image, normalise, read_bytes, to_grey
from ml.errors import BadData, BadWeights, MlError
from ml.labels import LabelSchema
from ml.uncertainty import entropy, passes, selective
from ml.weights import WeightsInfo, write_atomically

if TYPE_CHECKING:
    import torch
    from torch import nn

_STEP = 4
_NEIGHBOURHOOD = 10
"""Pixels around a structure whose doubt counts as doubt about it (MODEL.md 6.2 P3)."""


@dataclass(frozen=True)
class Prediction:
    """A draft for one picture.

    labelmap      uint8 [H, W] label indices at the picture's own size
    probability   float32 [H, W], 0..1: of what was drawn at each pixel, background included
    confidence    per label drawn: mean probability of that label over its pixels, 0..1
    uncertainty   mean entropy over what was drawn and 10 px around it (over the whole picture when nothing was
                  drawn), as a share of the largest possible: 0 sure, 1 no idea
    scores        the same per label drawn, {label index: 0..1}, taken from every fourth row and column; {0: …} when
                  nothing was drawn
    """

    labelmap: np.ndarray
    probability: np.ndarray
    confidence: dict[int, float]
    uncertainty: float
    scores: dict[int, float]


class Predictor:
    """A model ready to draft: the same pictures, the same answer, whatever computes the network.

    model   the network, run by PyTorch, or the backend to run it
    device  for PyTorch only: "cpu", "cuda", or None for the GPU where there is one
    """

    def __init__(self, model: nn.Module | Backend, info: WeightsInfo, device: torch.device | str | None = None) -> None:
        self.info = info
        self.labels = info.labels
        self.backend = model if isinstance(model, Backend) else TorchBackend(model, device)

    @classmethod
    def load(cls, path: Path | str, *, sha256: str | None = None, labels: LabelSchema | None = None) -> Self:
        """Read weights: run by PyTorch on a GPU where there is one, else exported in memory for `open_onnx`.

        Raises BadWeights as `ml.checkpoint.load_model` does.
        """
        import torch

        from ml.checkpoint import load_model
        from ml.export import export

        model, info = load_model(Path(path), sha256=sha256, labels=labels)
        if torch.cuda.is_available():
            return cls(model, info, "cuda")
        return cls(open_onnx(export(Path(path))), info)

    @classmethod
    def from_onnx(
        cls, path: Path, *, sha256: str, weights_sha256: str | None = None, labels: LabelSchema | None = None
    ) -> Self:
        """Read a graph that `ml.export` made. Never loads torch.

        sha256          of the file
        weights_sha256  of the weights it must have been made from, where that is known
        Raises BadWeights, with the reason, when it is another file, damaged, or of other weights or labels.
        """
        try:
            data = path.read_bytes()
        except OSError as error:
            raise BadWeights(f"Cannot read {path.name}: {error.strerror}.") from error
        if hashlib.sha256(data).hexdigest() != sha256:
            raise BadWeights(f"{path.name} is not the file that was registered: its SHA-256 differs.")
        backend = open_onnx(data)
        if weights_sha256 is not None and backend.weights_sha256 != weights_sha256:
            raise BadWeights(f"{path.name} was made from other weights than the registered ones.")
        return cls(backend, WeightsInfo.from_story(backend.story, path.name, labels))

    @property
    def remark(self) -> str:
        """Why drafts are not computed in the fastest way for this machine, in words; a GPU knows after the first."""
        return self.backend.remark

    def predict_augmented(self, image: np.ndarray) -> Prediction:
        """Draft a picture by the mean of several looks at it (`looks`): slower, and its doubt is worth more.

        image  uint8 [H, W] or [H, W, 3] RGB, of any size
        """
        stack, box = self.looks(image)
        probabilities = stack.mean(0)
        return self.read(probabilities, probabilities.argmax(0).astype(np.uint8), box)

    def looks(self, image: np.ndarray) -> tuple[np.ndarray, Letterbox]:
        """Test-time augmentation (MODEL.md 6.2 P3): the picture as it is, gamma 0.8, gamma 1.25, and mirrored.

        Not mirrored where a label names a side: what is left in the one would be right in the other.

        returns  (float32 [S, K+1, size, size], each in the picture's own square; the letterbox)
        """
        grey = to_grey(image)
        box = Letterbox.of(grey, self.info.image_size)
        squares = [normalise(box.image(view)) for view in passes(grey)]
        mirrored = not self.labels.names_a_side()
        if mirrored:  # the square, not the picture: that is not always in its exact middle
            squares.append(np.ascontiguousarray(squares[0][:, ::-1]))
        stack = np.concatenate(
            [
                self.backend.run(np.stack(squares[start : start + self.backend.batch_size])[:, None], None)[0]
                for start in range(0, len(squares), self.backend.batch_size)
            ]
        )
        if mirrored:
            stack[-1] = stack[-1, :, :, ::-1].copy()
        return stack, box

    def predict_batch(self, images: Sequence[np.ndarray]) -> list[Prediction]:
        """Draft each picture.

        images  uint8 [H, W] or [H, W, 3] RGB, each of any size
        Raises BadData for a picture that is neither.
        """
        predictions: list[Prediction] = []
        for start in range(0, len(images), self.backend.batch_size):
            part = images[start : start + self.backend.batch_size]
            predictions += [self.read(*each) for each in zip(*self._run(part, None), strict=True)]
        return predictions

    def probabilities(
        self, images: Sequence[np.ndarray], aux: Sequence[np.ndarray] | None = None
    ) -> list[tuple[np.ndarray, Letterbox]]:
        """What the network says of each picture in its own square, and where the picture lies in it.

        images   uint8 [H, W] or [H, W, 3] RGB, each of any size
        aux      per picture float32 [2K, size, size]: K previous masks and K click maps, in the square; None for none
        returns  per picture (float32 [K+1, size, size] that sum to 1, letterbox: `letterbox.back(plane)` is native)
        Raises BadData for what is no picture, and for aux to a model that takes none.
        """
        found: list[tuple[np.ndarray, Letterbox]] = []
        for start in range(0, len(images), self.backend.batch_size):
            part = slice(start, start + self.backend.batch_size)
            probabilities, _, boxes = self._run(images[part], None if aux is None else np.stack(aux[part]))
            found += zip(probabilities, boxes, strict=True)
        return found

    def _run(
        self, images: Sequence[np.ndarray], aux: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, list[Letterbox]]:
        greys = [to_grey(image) for image in images]
        boxes = [Letterbox.of(grey, self.info.image_size) for grey in greys]
        squares = [normalise(box.image(grey)) for box, grey in zip(boxes, greys, strict=True)]
        return *self.backend.run(np.stack(squares)[:, None], aux), boxes

    def read(self, probabilities: np.ndarray, winner: np.ndarray, box: Letterbox) -> Prediction:
        """From probabilities [K+1, size, size] and the channel of the largest [size, size] in the square to a draft.

        Each label's probabilities are stretched, bilinear, where it wins in the square and around; the largest wins.
        """
        best = box.back(probabilities[0])
        channels = np.zeros(best.shape, np.uint8)
        # Plane by plane: for a large picture with many labels, all planes at native size would not fit in memory.
        regions = {channel: box.around(winner == channel) for channel in np.unique(box.inside(winner)) if channel}
        for channel, region in regions.items():
            plane = box.back(probabilities[channel], region)
            there = best[region.native]
            wins = cv2.compare(plane, there, cv2.CMP_GT)
            cv2.max(plane, there, dst=there)
            cv2.copyTo(np.full(plane.shape, channel, np.uint8), wins, channels[region.native])

        confidence = {}
        for channel, region in regions.items():
            drawn = (channels[region.native] == channel).view(np.uint8)
            if cv2.countNonZero(drawn):
                mean = cv2.mean(best[region.native], mask=drawn)[0]
                confidence[self.labels.indices[channel - 1]] = min(1.0, mean)
        uncertainty, scores = self._doubt(probabilities, winner, box)
        return Prediction(self.labels.to_indices(channels), best, confidence, uncertainty, scores)

    def _doubt(self, probabilities: np.ndarray, winner: np.ndarray, box: Letterbox) -> tuple[float, dict[int, float]]:
        """`Prediction.uncertainty` and `.scores`, from every fourth row and column of the network's square.

        At native size, and of every pixel, they say the same, much slower.
        """
        doubt = entropy(box.inside(probabilities, _STEP))
        drawn = box.inside(winner, _STEP)
        radius = max(1, round(_NEIGHBOURHOOD * box.size / max(box.height, box.width) / _STEP))
        scores = selective(doubt, drawn, radius)
        whole = next(iter(selective(doubt, np.minimum(drawn, 1), radius).values()))
        indices = (0, *self.labels.indices)
        return float(np.clip(whole, 0.0, 1.0)), {indices[channel]: score for channel, score in scores.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ml.predict", description="Draft masks for pictures.")
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder for the masks")
    parser.add_argument("--augmented", action="store_true", help="the mean of several looks at each picture; slower")
    parser.add_argument("images", type=Path, nargs="+", help="8-bit grey or RGB PNGs")
    options = parser.parse_args(arguments)
    report: dict[str, dict[str, Any]] = {}
    refused = 0
    try:
        names = [path.stem for path in options.images]
        if len(set(names)) != len(names):
            raise MlError("Two images have the same name; their masks would overwrite each other.")
        pictures = {path.resolve() for path in options.images}
        for name in names:
            if (options.out / f"{name}.png").resolve() in pictures:
                raise MlError(f"A mask would overwrite the picture {name}.png; choose another folder for --out.")
        predictor = Predictor.load(options.weights)
        options.out.mkdir(parents=True, exist_ok=True)
        for path in options.images:
            try:
                image = decode_image(read_bytes(path))
            except BadData as error:  # the others are drafted all the same
                print(f"{path.name}: {error}", file=sys.stderr)
                refused += 1
                continue
            if options.augmented:
                prediction = predictor.predict_augmented(image)
            else:
                [prediction] = predictor.predict_batch([image])
            if not all(map(math.isfinite, (prediction.uncertainty, *prediction.confidence.values()))):
                raise BadWeights(f"{options.weights.name} gives no numbers for {path.name}. Use other weights.")
            write_atomically(options.out / f"{path.stem}.png", cv2.imencode(".png", prediction.labelmap)[1].tobytes())
            confidence = {str(index): round(value, 4) for index, value in prediction.confidence.items()}
            report[path.stem] = {"confidence": confidence, "uncertainty": round(prediction.uncertainty, 4)}
        if predictor.remark:
            print(predictor.remark, file=sys.stderr)
        text = json.dumps(report, indent=2, allow_nan=False) + "\n"
        write_atomically(options.out / "predictions.json", text.encode())
    except MlError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"--out must be a folder that can be written to, on a disk with room: {error}", file=sys.stderr)
        return 1
    if refused:
        print(f"{len(report)} of {len(names)} pictures drafted.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
