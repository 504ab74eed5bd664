"""Typed readers for environment variables: standard library only, so the supervisor can use them too.

Every reader either returns a value that fits or raises `BadSetting` with a sentence that says what came,
what was expected and an example.
"""

import os
from pathlib import Path

TRUE_WORDS = {"1", "true", "yes", "on"}
FALSE_WORDS = {"0", "false", "no", "off"}


class BadSetting(Exception):
    """An environment variable holds something that cannot be used."""


def read_text(name: str, default: str = "") -> str:
    """The variable as it is, without blanks around it; `default` when unset or empty."""
    return os.environ.get(name, "").strip() or default


def read_flag(name: str, default: bool) -> bool:
    """The variable as yes or no. Raises BadSetting for anything that is neither."""
    text = read_text(name).lower()
    if not text:
        return default
    if text in TRUE_WORDS:
        return True
    if text in FALSE_WORDS:
        return False
    raise BadSetting(f"{name} is {text!r}; expected 1 or 0, for example {name}={int(default)}")


def read_number(name: str, default: int, *, low: int, high: int) -> int:
    """The variable as a whole number from `low` to `high`, both included."""
    text = read_text(name)
    if not text:
        return default
    try:
        number = int(text)
    except ValueError:
        number = None
    if number is None or not low <= number <= high:
        raise BadSetting(
            f"{name} is {text!r}; expected a whole number from {low} to {high}, for example {name}={default}"
        )
    return number


def read_list(name: str) -> list[str]:
    """The variable's comma-separated words, blanks and empty ones dropped."""
    return [word.strip() for word in read_text(name).split(",") if word.strip()]


def read_folder(name: str, default: Path) -> Path:
    """The variable as an absolute folder path. It need not exist, but must not be a file."""
    text = read_text(name)
    folder = Path(text).expanduser().resolve() if text else default.resolve()
    if folder.exists() and not folder.is_dir():
        raise BadSetting(f"{name} is {str(folder)!r}, which is a file; expected a folder, for example {name}=./data")
    return folder


def read_url(name: str, schemes: tuple[str, ...]) -> str:
    """The variable as a URL of one of `schemes`; "" when unset. An error never repeats its password."""
    text = read_text(name)
    scheme = text.partition("://")[0] if "://" in text else ""
    if text and scheme not in schemes:
        wanted = ", ".join(f"{each}://" for each in schemes)
        raise BadSetting(f"{name} starts with {scheme or 'no scheme'!r}; expected one of {wanted}")
    return text
