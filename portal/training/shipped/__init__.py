"""The templates that Skydeck ships: each a folder with template.json and train.py, an ordinary script-mode script."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Input:
    """A channel the script reads, and what is to lie there."""

    channel: str
    about: str


@dataclass(frozen=True)
class Hyperparameter:
    """An argument of the script. `type` is text, integer or number; `default` is spelled as the script takes it."""

    name: str
    type: str
    default: str
    about: str


@dataclass(frozen=True)
class Template:
    """What the training form shows. `metrics` are name -> regex, as of TrainingSpec; the first is the main one."""

    name: str
    title: str
    description: str
    entry_point: str
    inputs: tuple[Input, ...]
    hyperparameters: tuple[Hyperparameter, ...]
    metrics: dict[str, str]
    example: dict[str, Any]

    @property
    def source(self) -> str:
        """As TrainingSpec wants it."""
        return f"template:{self.name}"


@cache
def templates() -> tuple[Template, ...]:
    """All of them, by name."""
    files = sorted(Path(__file__).parent.glob("*/template.json"))
    return tuple(_read(json.loads(file.read_text("utf-8"))) for file in files)


def template(name: str) -> Template | None:
    """One by its name; None where there is none."""
    return next((template for template in templates() if template.name == name), None)


def _read(record: dict[str, Any]) -> Template:
    inputs = tuple(Input(**entry) for entry in record["inputs"])
    hyperparameters = tuple(Hyperparameter(**entry) for entry in record["hyperparameters"])
    return Template(**{**record, "inputs": inputs, "hyperparameters": hyperparameters})
