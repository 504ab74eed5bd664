"""Write simulated clips with their masks: python -m ml.phantom --view lumbar_pso --subjects 3 --out DIR

DIR/manifest.json                      one entry per clip: files, sizes, scale, labels, seeds
DIR/subject_01_clip_1.mp4              the clip, H.264, nearly lossless
DIR/subject_01_clip_1_masks/0000.png   8-bit grey PNG per frame whose pixel values are label indices
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2

from .clip import ClipSpec, simulate_clip, write_video
from .labels import VIEW_LABELS


def write_clips(out: Path, *, view: str, subjects: int, clips: int, frames: int, geometry: str, seed: int) -> Path:
    """Simulate `clips` clips of each of `subjects` people into `out`; return the manifest's path."""
    out.mkdir(parents=True, exist_ok=True)
    entries = []
    for subject in range(1, subjects + 1):
        for number in range(1, clips + 1):
            spec = ClipSpec(view, seed + subject, number, frames=frames, geometry=geometry)  # type: ignore[arg-type]
            clip = simulate_clip(spec)
            name = f"subject_{subject:02d}_clip_{number}"
            write_video(clip, out / f"{name}.mp4")
            masks = out / f"{name}_masks"
            masks.mkdir(exist_ok=True)
            for index, label_map in enumerate(clip.label_maps):
                path = masks / f"{index:04d}.png"
                if not cv2.imwrite(str(path), label_map):
                    raise OSError(f"could not write {path}")
            entries.append(
                {
                    "video": f"{name}.mp4",
                    "masks": f"{name}_masks",
                    "subject": f"subject_{subject:02d}",
                    "subject_seed": spec.subject_seed,
                    "clip_seed": spec.clip_seed,
                    "geometry": spec.geometry,
                    "frames": spec.frames,
                    "height": spec.height,
                    "width": spec.width,
                    "frames_per_second": spec.frames_per_second,
                    "millimetres_per_pixel": clip.millimetres_per_pixel,
                }
            )
            print(f"{name}: {spec.frames} frames")
    labels = [{"index": index, "name": name} for index, name in VIEW_LABELS[view]]
    manifest = out / "manifest.json"
    manifest.write_text(json.dumps({"view": view, "labels": labels, "clips": entries}, indent=2) + "\n")
    return manifest


def main() -> None:
    """Read the command line and write the clips."""
    parser = argparse.ArgumentParser(
        prog="python -m ml.phantom", description="Simulate spine ultrasound clips with exact masks."
    )
    parser.add_argument("--view", choices=sorted(VIEW_LABELS), required=True)
    parser.add_argument("--subjects", type=int, default=3, help="people (default 3)")
    parser.add_argument("--clips", type=int, default=1, help="clips of each (default 1)")
    parser.add_argument("--frames", type=int, default=48, help="frames of each clip (default 48)")
    parser.add_argument("--geometry", choices=["curved", "linear"], default="curved")
    parser.add_argument("--seed", type=int, default=0, help="other people for another seed (default 0)")
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    args = parser.parse_args()
    manifest = write_clips(
        args.out,
        view=args.view,
        subjects=args.subjects,
        clips=args.clips,
        frames=args.frames,
        geometry=args.geometry,
        seed=args.seed,
    )
    print(f"wrote {manifest}")


if __name__ == "__main__":
    main()
