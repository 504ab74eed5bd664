"""A dataset version as one zip, written frame by frame: memory does not grow with the dataset.

Pictures are stored, not compressed: PNG is compressed already. Times in the archive are fixed, so the same version
gives the same bytes.
"""

import os
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from annotation.formats import coco, png
from annotation.models import DatasetVersion, Export

FIXED_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can hold


def write_zip(dataset: DatasetVersion, kind: str, path: Path, progress: Callable[[int], None]) -> None:
    """Write the archive to `path`, durably. `progress` is told the number of frames written, and may raise to stop."""
    with path.open("xb") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:

            def add(name: str, data: bytes) -> None:
                archive.writestr(zipfile.ZipInfo(name, FIXED_TIME), data)

            if kind == Export.Format.PNG:
                for done in png.write(dataset, add):
                    progress(done)
            else:
                _write_coco(dataset, archive, add, progress, path.parent)
        file.flush()
        os.fsync(file.fileno())


def _write_coco(
    dataset: DatasetVersion,
    archive: zipfile.ZipFile,
    add: Callable[[str, bytes], None],
    progress: Callable[[int], None],
    scratch: Path,
) -> None:
    with (
        tempfile.TemporaryFile("w+", dir=scratch, encoding="utf-8") as images,
        tempfile.TemporaryFile("w+", dir=scratch, encoding="utf-8") as annotations,
    ):
        for done in coco.write(dataset, add, images, annotations):
            progress(done)
        add("README.txt", coco.readme(dataset).encode())
        entry = zipfile.ZipInfo("annotations.json", FIXED_TIME)
        entry.compress_type = zipfile.ZIP_DEFLATED  # text: a quarter of its size
        with archive.open(entry, "w", force_zip64=True) as out:
            for piece in coco.assemble(dataset, images, annotations):
                out.write(piece)
