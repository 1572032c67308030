"""Prices on the local cloud: AWS's list prices, shown and not charged, and the AWS type most like this machine."""

import math
import os
import subprocess
from collections.abc import Sequence
from functools import cache

from portal.cloud.ports import InstanceType, PriceBook
from portal.cloud.price_book import prices_of

_GIB = 1024**3
_NO_CONNECTION = "A price to compare with. To train on it, add a connection to AWS."
_NO_GPU = "No NVIDIA GPU was found on this machine (nvidia-smi finds none)."


class LocalPrices:
    """ports.Prices of this machine, at a region's list prices."""

    charges = False

    def __init__(self, region: str) -> None:
        self._region = region

    def book(self) -> PriceBook:
        """As Prices.book. Rejected(NO_PRICES) for a region that the price book lacks."""
        return prices_of(self._region).book

    def instance_types(self) -> Sequence[InstanceType]:
        """As Prices.instance_types: `local.cpu`, `local.gpu`, then AWS's by price, as prices alone."""
        listed = prices_of(self._region).instances
        on_aws = [_with(instance, about=_NO_CONNECTION) for instance in listed]
        return [_local_cpu(listed), _local_gpu(listed), *on_aws]


def _with(instance: InstanceType, about: str) -> InstanceType:
    return InstanceType(**{**vars(instance), "about": about})


def _local_cpu(listed: Sequence[InstanceType]) -> InstanceType:
    cores, memory = _machine()
    without_gpu = [instance for instance in listed if not instance.gpus]
    like = min(without_gpu, key=lambda it: _distance((cores, it.vcpus), (memory, it.memory_gib)))
    about = f"This machine: {cores} cores, {memory:g} GiB."
    return InstanceType("local.cpu", cores, memory, 0, "", 0.0, True, None, None, like=like.name, about=about)


def _local_gpu(listed: Sequence[InstanceType]) -> InstanceType:
    cores, memory = _machine()
    gpus = _gpus()
    if not gpus:
        return InstanceType("local.gpu", cores, memory, 0, "", 0.0, False, None, None, about=_NO_GPU)
    name, gpu_memory = gpus[0]
    total = len(gpus) * gpu_memory
    with_gpu = [instance for instance in listed if instance.gpus]
    like = min(with_gpu, key=lambda it: _distance((total, it.gpus * it.gpu_memory_gib), (cores, it.vcpus)))
    about = f"This machine: {len(gpus)} × {name}, {gpu_memory:g} GiB each."
    return InstanceType(
        "local.gpu", cores, memory, len(gpus), name, gpu_memory, True, None, None, like=like.name, about=about
    )


def _distance(*pairs: tuple[float, float]) -> float:
    """How unlike two machines are: the ratios of their figures, the first weighing most."""
    return sum(abs(math.log(ours / theirs)) / weight for weight, (ours, theirs) in enumerate(pairs, start=1))


@cache
def _machine() -> tuple[int, float]:
    """Cores that may be used, and GiB of memory."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GIB
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores, round(memory, 1)


@cache
def _gpus() -> tuple[tuple[str, float], ...]:
    """Name and GiB of each NVIDIA GPU. Looked for once: a machine does not grow one while it runs."""
    command = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return ()
    rows = (line.rsplit(",", 1) for line in found.stdout.splitlines() if "," in line)
    return tuple((name.strip(), round(float(mib) / 1024, 1)) for name, mib in rows)
