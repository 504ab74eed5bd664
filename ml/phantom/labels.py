"""The label lists of the phantom's two views: name and index of every structure, in preset order."""

from __future__ import annotations

_LUMBAR_PSO = (
    "skin and subcutaneous tissue",
    "lamina",
    "articular process",
    "ligamentum flavum",
    "posterior complex",
    "dura",
    "intrathecal space",
    "anterior complex",
    "vertebral body",
)
_LUMBAR_TRANSVERSE = (
    "skin and subcutaneous tissue",
    "supraspinous and interspinous ligament",
    "spinous process",
    "lamina",
    "articular process",
    "ligamentum flavum",
    "posterior complex",
    "dura",
    "intrathecal space",
    "anterior complex",
    "vertebral body",
)

VIEW_LABELS: dict[str, tuple[tuple[int, str], ...]] = {
    "lumbar_pso": tuple(enumerate(_LUMBAR_PSO, start=1)),
    "lumbar_transverse": tuple(enumerate(_LUMBAR_TRANSVERSE, start=1)),
}


def label_index(view: str, name: str) -> int:
    """Return the index (1..n) of a structure in a view. KeyError if the view has no such structure."""
    for index, label_name in VIEW_LABELS[view]:
        if label_name == name:
            return index
    raise KeyError(f"view {view!r} has no label {name!r}; it has {[name for _, name in VIEW_LABELS[view]]}")
