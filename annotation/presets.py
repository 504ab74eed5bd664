"""Label presets: what a new project starts with. Names are the terms of spinal sonography.

Colours: twelve that stay apart on grey speckle and for colour-blind eyes (Okabe & Ito 2008, extended in lightness).
The same structure has the same colour in every view.
"""

from dataclasses import dataclass

COLORS = {
    "skin and subcutaneous tissue": "#e69f00",
    "supraspinous and interspinous ligament": "#f0e442",
    "spinous process": "#8fd3ff",
    "lamina": "#56b4e9",
    "articular process": "#3f7fd1",
    "ligamentum flavum": "#d55e00",
    "posterior complex": "#ff9e6d",
    "dura": "#cc79a7",
    "intrathecal space": "#009e73",
    "anterior complex": "#7be0b5",
    "vertebral body": "#b08cff",
    "lesion": "#ff6b6b",
}
SPARE_COLORS = tuple(COLORS.values())
KEYS = "1234567890"


@dataclass(frozen=True)
class Preset:
    """A named list of structures, in the order of their indices (1, 2, …)."""

    key: str
    name: str
    structures: tuple[str, ...]

    def labels(self) -> list[dict[str, str | int]]:
        """The preset's labels as the API shows them."""
        return [
            {"index": index, "name": name, "color": COLORS[name], "key": key_for(index)}
            for index, name in enumerate(self.structures, start=1)
        ]


def key_for(index: int) -> str:
    """The digit that picks a label: 1…9, then 0; further labels have none."""
    return KEYS[index - 1] if index <= len(KEYS) else ""


PRESETS = {
    preset.key: preset
    for preset in (
        Preset(
            "lumbar_pso",
            "Lumbar spine, paramedian sagittal oblique",
            (
                "skin and subcutaneous tissue",
                "lamina",
                "articular process",
                "ligamentum flavum",
                "posterior complex",
                "dura",
                "intrathecal space",
                "anterior complex",
                "vertebral body",
            ),
        ),
        Preset(
            "lumbar_transverse",
            "Lumbar spine, transverse interlaminar",
            (
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
            ),
        ),
        Preset("one_lesion", "One lesion", ("lesion",)),
    )
}
