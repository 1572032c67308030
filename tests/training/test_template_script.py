"""The template's script on files as people have them."""

from pathlib import Path

from portal.training.shipped.text_classifier.train import read_rows


def test_columns_are_understood_by_the_files_names_and_by_the_tables(tmp_path: Path) -> None:
    lines = [f"{number},{'' if number == 7 else number % 2 + 1},text {number}" for number in range(20)]
    (tmp_path / "a.csv").write_text("Order ID,Stars (1–5),Comment\n" + "\n".join(lines))
    for text, label in (("Comment", "Stars (1–5)"), ("comment", "stars_1_5")):
        frame, texts, labels = read_rows(tmp_path, [text], label)
        assert list(frame.columns) == ["order_id", "stars_1_5", "comment"]
        assert len(texts) == 19, "a row without a label is left out"
        assert set(labels) == {"1", "2"}, "whole numbers stay whole beside a missing one"
