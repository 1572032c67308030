"""What docs/ must tell: every setting, every kind of operation, every method of a port."""

import inspect
from pathlib import Path
from typing import Protocol

import pytest

from portal import settings
from portal.cloud import ports
from portal.operations.kinds import KINDS

DOCS = Path(__file__).resolve().parents[1] / "docs"
SETTINGS = (DOCS / "settings.md").read_text()
ARCHITECTURE = (DOCS / "architecture.md").read_text()


def port_methods() -> list[str]:
    """`ObjectStore.head` and so on, of every Protocol in ports.py, with what it inherits."""
    found = []
    for name, port in inspect.getmembers(ports, inspect.isclass):
        if Protocol in port.__mro__ and port is not Protocol and name != "Runner":
            methods = inspect.getmembers(port, inspect.isfunction)
            found += [f"{name}.{method}" for method, _ in methods if not method.startswith("_")]
    return found


@pytest.mark.parametrize("name", sorted({*settings.KNOWN, "DATABASE_URL", "REDIS_URL"}))
def test_every_setting_is_told(name: str) -> None:
    assert f"| `{name}` |" in SETTINGS


def test_no_setting_is_told_that_does_not_exist() -> None:
    told = {line.split("`")[1] for line in SETTINGS.splitlines() if line.startswith("| `SKYDECK_")}
    assert told == settings.KNOWN


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_of_operation_is_told(kind: str) -> None:
    assert f"| `{kind}` |" in ARCHITECTURE


@pytest.mark.parametrize("method", port_methods())
def test_every_method_of_a_port_is_told(method: str) -> None:
    port, _, name = method.partition(".")
    paragraph = ARCHITECTURE.split(f"**{port}**")[1].split("\n- ")[0]
    assert f"`{name}`" in paragraph


def test_the_ports_are_found() -> None:
    assert {"ObjectStore.head", "Catalog.infer", "SqlEngine.poll", "Trainer.logs", "Prices.book"} <= set(port_methods())
