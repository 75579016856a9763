"""predict.py: what a trained network predicts for new files, as a plain script.

It goes into the zip beside model.py, reads raw samples with the functions that training has used, and is tried there on
samples of the test part: what it writes has to be what `run.predict` gives.
"""

from __future__ import annotations

import pprint
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from builder.document import Document
from builder.exports.companions import Script, Trial
from builder.problems import ExportError, NetloomError
from trainers.binding import bind
from trainers.data.own.predicting import predict_rows
from trainers.job import Job
from trainers.script.answers import standardised
from trainers.script.sources import print_functions
from trainers.tasks import TASKS

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn

TRIED = 200  # samples
CLOSE = 1e-4  # as exports are compared
USAGE = "`python predict.py {} --out predictions.csv` predicts new samples, from raw files like those of the training."

MAIN = '''

def main():
    """Read the files, predict, write a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("files", nargs="+", help="files like those that the network was trained on")
    parser.add_argument("--out", default="predictions.csv", help="the table to write")
    given = parser.parse_args()
    try:
        about, inputs = read_samples(given.files)
        arrays = [standardised(values, figures) for values, figures in zip(inputs, INPUTS, strict=True)]
    except (OSError, ValueError) as error:
        parser.error(str(error))
    if not len(arrays[0]):
        parser.error("There is no sample to predict.")
    tensors = [torch.from_numpy(values) for values in arrays]
    model = load(Path(__file__).with_name("model.safetensors"))
    with torch.inference_mode():
        pieces = [model(*(each[i : i + SIZE] for each in tensors)).float() for i in range(0, len(arrays[0]), SIZE)]
    outputs = torch.cat(pieces)
    table = pd.DataFrame({**about, **{COLUMNS_OF}({VALUES}, ANSWERS, EXPECTS, TARGETS)})
    table.to_csv(given.out, index=False)
    print(f"{len(table):,} predictions are in {given.out}.")


if __name__ == "__main__":
    main()
'''


def predict_files(document: Document, model: nn.Module) -> Mapping[str, str]:
    """{"predict.py": its text} for the zip; nothing where new samples cannot be read, or are not what it predicts."""
    try:
        job = Job(bind(document))
        text = predict_script(job, getattr(model, "card", None) or {})
    except NetloomError:
        return {}
    return {"predict.py": Script(text, USAGE.format("FILE"), _trial(job, model))} if text else {}


def predict_script(job: Job, card: Mapping[str, Any]) -> str:
    """The text of predict.py; empty: there can be none. `card`: that of the trained network."""
    dataset, task = job.dataset, TASKS[job.dataset.task]
    loss, outputs = job.paradigm.loss_for(dataset), [node for node in job.document.nodes if node.role == "output"]
    takes_samples = tuple(job.paradigm.signals(dataset, job.paradigm.networks[0])) == tuple(dataset.signals)
    if card.get("task") != task.name or task.answer_columns is None or loss is None or not takes_samples:
        return ""
    reading = dataset.prediction_source()
    if not reading or len(outputs) != 1 or len(card["inputs"]) != len(dataset.signals):
        return ""
    constants = {
        "INPUTS": [figures and _short(figures) for figures in card["inputs"]],
        "TARGETS": _short(card["targets"]) if card.get("targets") else None,
        "ANSWERS": list(dataset.classes or dataset.target_names or ["prediction"]),
        "EXPECTS": loss.expects,
        "SIZE": 1024,
    }
    shown = [f"{name} = {_printed(value)}" for name, value in constants.items()]
    answers = print_functions((standardised, {}), (task.answer_columns, {}), constants="\n".join(shown))
    imports, bodies = [], []
    for source in (reading, answers):
        head, _, body = source.partition("\n\n\n")
        imports += head.splitlines()
        bodies.append(body.strip("\n"))
    values = loss.script_values("outputs") if loss.expects == "values" else "outputs"
    main = MAIN.replace("{COLUMNS_OF}", task.answer_columns.__name__).replace("{VALUES}", values)
    return "\n".join([_head(job, imports), "", *"\n\n\n".join(bodies).splitlines(), main.rstrip("\n"), ""])


def _head(job: Job, imports: list[str]) -> str:
    wanted = {*imports, "import argparse", "import pandas as pd", "import torch", "from pathlib import Path"} - {""}
    standard = sorted((line for line in wanted if _is_standard(line)), key=_order)
    others = sorted((line for line in wanted if not _is_standard(line)), key=_order)
    title = " ".join(job.dataset.title.split()).replace("\\", "").replace('"""', "")
    lines = [
        f'"""Predicts new samples with the network that was trained on {title}.',
        "",
        "python predict.py FILE [FILE …] --out predictions.csv",
        "",
        "The samples are read, encoded and scaled exactly as they were in training.",
        '"""',
        "",
        *standard,
        "",
        *others,
        "",
        "from model import load",
        "",
    ]
    return "\n".join(lines)


def _is_standard(line: str) -> bool:
    import sys

    return line.split()[1].split(".")[0] in sys.stdlib_module_names


def _order(line: str) -> tuple[bool, str]:
    return line.startswith("from "), line


def _short(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Figures of float32, each with the fewest digits that give the same float32."""

    def short(value: Any) -> Any:
        return [short(each) for each in value] if isinstance(value, list) else float(str(np.float32(value)))

    return {name: short(value) for name, value in figures.items()}


def _printed(value: Any) -> str:
    return pprint.pformat(value, width=110, sort_dicts=False, compact=True)


def _trial(job: Job, model: nn.Module) -> Trial:
    """Predict samples of the test part, and compare what is written with what `run.predict` gives."""
    expected: list[pd.DataFrame] = []

    def prepare(folder: Path) -> list[str]:
        prepared = job.prepare()
        part = next(each for each in (prepared.test, prepared.validation, prepared.training) if len(each))
        try:
            files, samples = job.dataset.write_samples(np.asarray(part.indices[:TRIED]), folder)
        except ValueError as error:
            raise ExportError(f"It cannot be tried, since {error}.") from None
        expected.append(predict_rows(job, model, samples))
        return [str(file.relative_to(folder)) for file in files]

    return Trial(prepare, lambda folder: _compare(expected[0], folder / "predictions.csv"))


def _compare(expected: pd.DataFrame, path: Path) -> None:
    """ExportError: the file holds other predictions than expected."""
    import pandas as pd

    found = pd.read_csv(path, keep_default_na=False)
    if len(found) != len(expected) or not set(expected.columns) <= set(found.columns):
        raise ExportError(f"It predicts {len(found):,} samples of {len(expected):,}, or other columns.")
    for name in expected.columns:
        if pd.api.types.is_numeric_dtype(expected[name]):
            values = pd.to_numeric(found[name], errors="coerce").to_numpy()
            same = np.allclose(values, expected[name].to_numpy(), rtol=CLOSE, atol=CLOSE, equal_nan=True)
        else:
            same = found[name].astype("str").tolist() == expected[name].astype("str").tolist()
        if not same:
            raise ExportError(f"It gives another {name!r} than the network does.")
