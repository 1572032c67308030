"""Multi-class text classification, as a script for SageMaker's script mode.

Reads the files under SM_CHANNEL_TRAIN, keeps some rows back, learns from the others epoch by epoch, and leaves
model.joblib and metrics.json in SM_MODEL_DIR, predictions.csv and worst.csv in SM_OUTPUT_DATA_DIR. The model is a
scikit-learn pipeline: `joblib.load("model.joblib").predict(["a text"])`.
"""

import argparse
import json
import os
import re
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import confusion_matrix, f1_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline

READERS = {
    ".parquet": pd.read_parquet,
    ".csv": pd.read_csv,
    ".jsonl": lambda path: pd.read_json(path, lines=True),
    ".json": lambda path: pd.read_json(path, lines=True),
}
BATCH = 1000
WORST = 50


def main() -> None:
    arguments = parse_arguments()
    frame, texts, labels = read_rows(Path(arguments.train), arguments.text.split(","), arguments.label)
    classes, counts = np.unique(labels, return_counts=True)
    rows = np.arange(len(labels))
    learn, test = train_test_split(rows, test_size=arguments.test_share, random_state=arguments.seed, stratify=labels)
    commonest = classes[counts.argmax()]
    baseline = float((labels[test] == commonest).mean())
    log(f"rows={len(labels)} learn={len(learn)} test={len(test)} classes={len(classes)}")
    log(f"baseline={baseline:.4f} (always guessing {commonest})")

    model, probabilities = fit(texts, labels, learn, test, classes, arguments)
    predicted = classes[probabilities.argmax(axis=1)]
    accuracy = float((predicted == labels[test]).mean())
    macro_f1 = float(f1_score(labels[test], predicted, average="macro"))
    log(f"final_accuracy={accuracy:.4f} macro_f1={macro_f1:.4f} baseline={baseline:.4f}")

    facts = {
        "accuracy": accuracy,
        "macro_f1": macro_f1,
        "baseline": baseline,
        "baseline_label": str(commonest),
        "label": arguments.label,
        "labels": [str(name) for name in classes],
        "confusion": confusion_matrix(labels[test], predicted, labels=classes).tolist(),
        "rows": len(labels),
        "test_rows": len(test),
    }
    joblib.dump(model, Path(arguments.model_dir, "model.joblib"), compress=3)
    for folder in (arguments.model_dir, arguments.output_data_dir):
        Path(folder, "metrics.json").write_text(json.dumps(facts, indent=2), "utf-8")
    write_predictions(
        Path(arguments.output_data_dir), frame.iloc[test], texts[test], labels[test], probabilities, classes
    )


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--text", default="title,body")
    parser.add_argument("--label", default="stars")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--alpha", type=float, default=1e-5)
    parser.add_argument("--test-share", type=float, default=0.2)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--train", default=os.environ.get("SM_CHANNEL_TRAIN"))
    parser.add_argument("--model-dir", default=os.environ.get("SM_MODEL_DIR"))
    parser.add_argument("--output-data-dir", default=os.environ.get("SM_OUTPUT_DATA_DIR"))
    arguments = parser.parse_args()
    if not 0 < arguments.test_share < 1 or arguments.epochs < 1:
        sys.exit("test-share must lie between 0 and 1, and epochs must be at least 1.")
    return arguments


def plain(name: str) -> str:
    """A column's name as tables have it: lower-case letters, digits and underscores."""
    return re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")


def read_rows(folder: Path, text_columns: list[str], label: str) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """The rows with a label, each one's text in one piece, and the labels as text."""
    files = sorted(path for path in folder.rglob("*") if path.suffix in READERS)
    if not files:
        sys.exit("The input “train” has no .parquet, .csv, .jsonl or .json file.")
    frame = pd.concat([READERS[path.suffix](path) for path in files], ignore_index=True)
    # A file's “Order ID” is the column order_id of the table over it: either name is understood.
    frame.columns = pd.Index([plain(str(name)) for name in frame.columns])
    text_columns, label = [plain(name) for name in text_columns], plain(label)
    for name in (*text_columns, label):
        if name not in frame.columns:
            sys.exit(f"There is no column “{name}” in the input. It has: {', '.join(map(str, frame.columns))}.")
    unlabelled = int(frame[label].isna().sum())
    if unlabelled:
        log(f"rows without a label, left out: {unlabelled}")
        frame = frame[frame[label].notna()]
    if pd.api.types.is_float_dtype(frame[label]) and (frame[label] % 1 == 0).all():
        frame = frame.assign(
            **{label: frame[label].astype("int64")}
        )  # whole numbers beside missing ones were read as 5.0
    labels = frame[label].astype(str).to_numpy(str)
    names, counts = np.unique(labels, return_counts=True)
    if len(names) < 2 or len(names) > 1000:
        sys.exit(f"The column “{label}” has {len(names)} different values; it takes 2 to 1,000 to classify.")
    rare = names[counts < 5]
    if len(rare):
        log(f"labels with fewer than 5 rows, left out: {', '.join(rare[:20])}")
        keep = ~np.isin(labels, rare)
        frame, labels = frame[keep], labels[keep]
    if len(np.unique(labels)) < 2:
        sys.exit(f"The column “{label}” has fewer than two values with 5 rows or more.")
    columns = [frame[name].fillna("").astype(str).tolist() for name in text_columns]
    texts = np.array([" . ".join(parts) for parts in zip(*columns, strict=True)], dtype=object)
    return frame.reset_index(drop=True), texts, labels


def fit(
    texts: np.ndarray,
    labels: np.ndarray,
    learn: np.ndarray,
    test: np.ndarray,
    classes: np.ndarray,
    arguments: argparse.Namespace,
) -> tuple[Pipeline, np.ndarray]:
    """The pipeline after the last epoch, and the probabilities it gives the rows kept back."""
    words = make_pipeline(
        HashingVectorizer(n_features=2**18, ngram_range=(1, 2), alternate_sign=False, norm=None),
        TfidfTransformer(sublinear_tf=True),
    )
    learn_words, test_words = words.fit_transform(texts[learn]), words.transform(texts[test])
    classifier = SGDClassifier(loss="log_loss", alpha=arguments.alpha, average=True, random_state=arguments.seed)
    draw = np.random.default_rng(arguments.seed)
    probabilities = np.empty((0, 0))
    for epoch in range(1, arguments.epochs + 1):
        order = draw.permutation(len(learn))
        for begin in range(0, len(order), BATCH):
            batch = order[begin : begin + BATCH]
            classifier.partial_fit(learn_words[batch], labels[learn[batch]], classes=classes)
        probabilities = classifier.predict_proba(test_words)
        accuracy = float((classes[probabilities.argmax(axis=1)] == labels[test]).mean())
        log(f"epoch={epoch} accuracy={accuracy:.4f} loss={log_loss(labels[test], probabilities, labels=classes):.4f}")
    return make_pipeline(*words, classifier), probabilities


def write_predictions(
    folder: Path,
    frame: pd.DataFrame,
    texts: np.ndarray,
    labels: np.ndarray,
    probabilities: np.ndarray,
    classes: np.ndarray,
) -> None:
    """predictions.csv has every row kept back; worst.csv those where the model was most sure of a wrong answer."""
    best = probabilities.argmax(axis=1)
    rows = np.arange(len(labels))
    table = frame[[name for name in frame.columns if str(name).endswith("_id")]].copy()
    table["label"] = labels
    table["predicted"] = classes[best]
    table["correct"] = classes[best] == labels
    table["probability"] = probabilities[rows, best].round(4)
    table["probability_of_label"] = probabilities[rows, np.searchsorted(classes, labels)].round(4)
    table["text"] = [text[:500] for text in texts]
    table.to_csv(folder / "predictions.csv", index=False)
    wrong = table[~table["correct"]].sort_values(["probability", "probability_of_label"], ascending=[False, True])
    wrong.head(WORST).to_csv(folder / "worst.csv", index=False)


def log(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
