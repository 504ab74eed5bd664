"""How much one upload may cost. Everything is checked before decoding where the header tells, and again
while decoding."""

from dataclasses import dataclass

MiB = 1 << 20
GiB = 1 << 30


@dataclass(frozen=True, slots=True)
class IngestLimits:
    """Limits for one `decode_clip`. Sizes in bytes, times in seconds, picture sizes in pixels."""

    memory: int = 2 * GiB
    """Address space of the child. 640×480 needs 0.4 GiB of it (60 MB resident), 8192×8192 H.264 about 2."""
    cpu_seconds: int = 3600
    wall_seconds: float = 2 * 3600
    pack_bytes: int = 16 * GiB
    side: int = 8192
    """Longest width or height."""
    frames: int = 100_000
    total_pixels: int = 40_000_000_000
    """Width × height × frames: about 10 minutes of full HD at 30 frames a second."""
    still_pixels: int = 64 * 1000 * 1000
    zip_members: int = 20_000
    zip_bytes: int = 4 * GiB
    """All members of a zip together, unpacked."""
    zip_ratio: int = 200
    """Unpacked over packed, asked only of zips that unpack to more than `zip_small`."""
    zip_small: int = 64 * MiB
