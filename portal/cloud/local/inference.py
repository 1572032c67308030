"""What files seem to hold: format, columns, types, and how well all rows fit. Runs in the fenced child."""

from collections.abc import Sequence
from typing import Any

from portal.cloud.errors import Rejected
from portal.cloud.local import inference_csv, inference_json, inference_parquet
from portal.cloud.local.sniffing import Sniffed, sniff


def infer(args: dict[str, Any], files: list[str]) -> dict[str, Any]:
    """`args`: `names` of the files for people, `partition_keys` that their folders give. Answers {format, columns:
    [[name, type]], options, rows, bad_rows: {count, examples: [[line, text, what is wrong]]}, evidence}.
    Rejected(EMPTY_FILE, UNREADABLE_FILE, MIXED_SCHEMAS)."""
    sniffed = [sniff(path, name) for path, name in zip(files, args["names"], strict=True)]
    _must_agree(sniffed)
    reader = {"csv": inference_csv.read, "parquet": inference_parquet.read}.get(sniffed[0].format, inference_json.read)
    return reader(sniffed, args.get("partition_keys", []))


def _must_agree(sniffed: Sequence[Sniffed]) -> None:
    first = sniffed[0]
    for other in sniffed[1:]:
        if other.shape != first.shape:
            raise Rejected(
                "MIXED_SCHEMAS",
                f"The files differ: “{first.name}” is {_words(first)}, “{other.name}” is {_words(other)}. "
                "Keep files of one kind in one folder.",
            )


def _words(sniffed: Sniffed) -> str:
    words = [sniffed.format.upper()]
    if sniffed.encoding != "utf-8":
        words.append(f"in {sniffed.encoding.upper()}")
    if sniffed.compression != "none":
        words.append("with gzip")
    return " ".join(words)
