"""Runs the tasks that read people's files in this very process: for tests of what they find."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from portal.cloud.local.inspect import TASKS


class InProcess:
    def inspect(self, task: str, files: Sequence[Path], args: Mapping[str, Any]) -> dict[str, Any]:
        result = TASKS[task](json.loads(json.dumps(args)), [str(file) for file in files])
        answer: dict[str, Any] = json.loads(json.dumps(result))
        return answer
