"""The templates that ship with Skydeck: a folder each under `shipped/`, with `template.json` and the script."""

import json
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from portal.problems import Invalid

SHIPPED = Path(__file__).parent / "shipped"


@dataclass(frozen=True)
class Hyperparameter:
    """A knob of a template. `type` is text, integer or number."""

    name: str
    type: str
    default: str
    about: str

    def checked(self, value: str) -> str:
        """The value as the script gets it. Invalid where it is not of the type."""
        try:
            if self.type == "integer":
                return str(int(value))
            if self.type == "number" and math.isfinite(float(value)):
                return str(float(value))
        except ValueError:
            pass
        if self.type == "text":
            return value
        kind = "a whole number" if self.type == "integer" else "a number"
        raise Invalid.field(f"hyperparameters.{self.name}", f"{self.name} takes {kind}, not “{value}”.")


@dataclass(frozen=True)
class InputAbout:
    """An input that a template wants."""

    channel: str
    about: str


@dataclass(frozen=True)
class Template:
    """A script that ships with Skydeck, and what to give it. `example` is a body for POST /training-jobs that runs on
    the sample; `metrics` maps a name to the regex that finds its value in the log."""

    name: str
    title: str
    description: str
    entry_point: str
    inputs: tuple[InputAbout, ...]
    hyperparameters: tuple[Hyperparameter, ...]
    metrics: dict[str, str]
    example: dict[str, Any]


@cache
def templates() -> tuple[Template, ...]:
    """All of them, by name."""
    return tuple(_load(path) for path in sorted(SHIPPED.glob("*/template.json")))


def template(name: str) -> Template:
    """One of them. Invalid where there is none of that name."""
    for found in templates():
        if found.name == name:
            return found
    known = ", ".join(item.name for item in templates())
    raise Invalid.field("template", f"There is no template “{name}”. There are: {known}.")


def _load(path: Path) -> Template:
    data = json.loads(path.read_text(encoding="utf-8"))
    return Template(
        name=data["name"],
        title=data["title"],
        description=data["description"],
        entry_point=data["entry_point"],
        inputs=tuple(InputAbout(**item) for item in data["inputs"]),
        hyperparameters=tuple(Hyperparameter(**item) for item in data["hyperparameters"]),
        metrics=data["metrics"],
        example=data["example"],
    )
