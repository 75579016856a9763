"""predict.py: what a trained network predicts for new files, as a plain script.

It goes into the zip beside model.py, reads raw samples with the functions that training has used, and is tried there on
samples of the test part: what it writes has to be what `run.predict` gives.
"""

from __future__ import annotations

import pprint
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from builder.document import Document
from builder.exports.companions import Absent, Script, Trial
from builder.problems import ExportError, NetloomError
from trainers.binding import bind
from trainers.data.own.predicting import predict_rows
from trainers.job import Job
from trainers.script.answers import standardised
from trainers.script.assembling import whole_script
from trainers.script.sources import print_functions
from trainers.tasks import TASKS

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn

TRIED = 200  # samples
CLOSE = 1e-4  # as exports are compared
USAGE = "`python predict.py {} --out predictions.csv` predicts new samples, from raw files like those of the training."
UNTRIED = " It was not tried on samples of the data set, since that was removed or is another one now."
MAPS = (
    " It writes the class at each place of a sample as an image, too, into the folder that `--maps` names: in the size "
    "of the sample, and in the folder network in it in that of the network."
)

MAIN = '''

def main():
    """Read the files, predict, write a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("files", nargs="+", help="files like those that the network was trained on")
    parser.add_argument("--out", default="predictions.csv", help="the table to write"){ARGUMENTS}
    given = parser.parse_args()
    try:
        about, inputs = read_samples({READ})
        arrays = [standardised(values, figures) for values, figures in zip(inputs, INPUTS, strict=True)]
    except (OSError, ValueError) as error:
        parser.error(str(error))
    if not len(arrays[0]):
        parser.error("There is no sample to predict.")
    tensors = [torch.from_numpy(values) for values in arrays]
    model = load(Path(__file__).with_name("model.safetensors"))
    with torch.inference_mode():
        pieces = [model(*(each[i : i + BATCH] for each in tensors)).float() for i in range(0, len(arrays[0]), BATCH)]
    outputs = torch.cat(pieces)
    table = pd.DataFrame({**about, **{COLUMNS_OF}({VALUES}, ANSWERS, EXPECTS, TARGETS)})
    table.to_csv(given.out, index=False){WRITE_MAPS}
    print(f"{len(table):,} predictions are in {given.out}.")


if __name__ == "__main__":
    main()
'''


SWITCH = """
    parser.add_argument({!r}, action="store_true", help={!r})"""
MAIN_IMPORTS = (
    "import argparse",
    "import pandas as pd",
    "import torch",
    "from pathlib import Path",
    "from model import load",
)
MAPS_ARGUMENT = """
    parser.add_argument("--maps", default="maps", help="the folder for an image of each sample's classes")"""
WRITE_MAPS = """
    write_maps(about["file"], class_maps(outputs, ANSWERS, EXPECTS), Path(given.maps))"""


def predict_files(document: Document, model: nn.Module) -> Mapping[str, str]:
    """{"predict.py": its text} for the zip; an `Absent` with the reason where there can be none."""
    if not document.training:
        return {}
    try:
        job = Job(bind(document))
        if (own := job.paradigm.predict_script(job, model, shown_title(job))) is not None:
            return {"predict.py": own}
        text = predict_script(job, getattr(model, "card", None) or {})
    except NetloomError as error:
        return {"predict.py": Absent(f"{str(error).rstrip('.')}.")}
    usage = USAGE.format("FILE") + (MAPS if "def write_maps(" in text else "")
    if job.dataset.gone:
        return {"predict.py": Script(text, usage + UNTRIED)}
    return {"predict.py": Script(text, usage, _trial(job, model))}


def predict_script(job: Job, card: Mapping[str, Any]) -> str:
    """The text of predict.py. `card`: that of the trained network. NetloomError: there can be none; it says why."""
    dataset, task = job.dataset, TASKS[job.dataset.task]
    loss, outputs = job.paradigm.loss_for(dataset), [node for node in job.document.nodes if node.role == "output"]
    takes_samples = tuple(job.paradigm.signals(dataset, job.paradigm.networks[0])) == tuple(dataset.signals)
    if not card:
        raise ExportError("the network was not trained on data.")
    if card.get("task") != task.name or task.answer_columns is None or loss is None or not takes_samples:
        raise ExportError(f"what a network trained by “{job.paradigm.label}” gives is no prediction for a new sample.")
    reading = dataset.prediction_source()
    if len(outputs) != 1:
        raise ExportError(f"the network has {len(outputs)} outputs, so none is the prediction of the targets.")
    if len(card["inputs"]) != len(dataset.signals):
        raise ExportError("the network has other inputs than the data.")
    constants = {
        "INPUTS": [figures and _short(figures) for figures in card["inputs"]],
        "TARGETS": _short(card["targets"]) if card.get("targets") else None,
        "ANSWERS": list(dataset.classes or dataset.target_names or ["prediction"]),
        "EXPECTS": loss.expects,
        "BATCH": 1024,
    }
    shown = [f"{name} = {_printed(value)}" for name, value in constants.items()]
    maps = [task.answer_maps] if task.answer_maps is not None else []
    answering: list[Callable[..., Any]] = [standardised, *maps, task.answer_columns]
    answers = print_functions(*((each, {}) for each in answering), constants="\n".join(shown))
    values = loss.script_values("outputs") if loss.expects == "values" else "outputs"
    filled = {"COLUMNS_OF": task.answer_columns.__name__, "VALUES": values}
    switches = "".join(SWITCH.format(f"--{name}", what) for name, what in dataset.reading_options.items())
    filled |= {"ARGUMENTS": switches + (MAPS_ARGUMENT if maps else ""), "WRITE_MAPS": WRITE_MAPS if maps else ""}
    filled["READ"] = ", ".join(["given.files", *(f"given.{name}" for name in dataset.reading_options)])
    main = MAIN
    for name, code in filled.items():
        main = main.replace(f"{{{name}}}", code)
    about = [
        f"Predicts new samples with the network that was trained on {shown_title(job)}.",
        "",
        "python predict.py FILE [FILE …] --out predictions.csv",
        "",
        "The samples are read, encoded and scaled exactly as they were in training.",
    ]
    return whole_script(about, [reading, answers], main, MAIN_IMPORTS)


def shown_title(job: Job) -> str:
    """The title of the data, for a docstring."""
    return " ".join(job.dataset.title.split()).replace("\\", "").replace('"', "'")


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
    dataset = job.dataset

    def prepare(folder: Path) -> list[str]:
        prepared = job.prepare()
        part = next(each for each in (prepared.test, prepared.validation, prepared.training) if len(each))
        try:
            files, samples = dataset.write_samples(np.asarray(part.indices[:TRIED]), folder)
        except ValueError as error:
            raise ExportError(f"It cannot be tried, since {error}.") from None
        expected.append(predict_rows(job, model, samples))
        return [str(file.relative_to(folder)) for file in files]

    def check(folder: Path) -> None:
        _compare(expected[0], folder / "predictions.csv")
        if TASKS[dataset.task].answer_maps is not None:
            _compare_maps(expected[0], dataset.read_maps(sorted((folder / "maps" / "network").iterdir())))

    return Trial(prepare, check)


def _compare_maps(expected: pd.DataFrame, maps: NDArray[Any]) -> None:
    """ExportError: the images that were written show other classes than expected, by their shares of each sample."""
    shares = [(maps == place).mean(axis=(1, 2)) for place in range(len(expected.columns))]
    if not np.allclose(np.stack(shares, axis=1), expected.to_numpy(), atol=CLOSE):
        raise ExportError("It writes images of other classes than the network gives.")


def _compare(expected: pd.DataFrame, path: Path) -> None:
    """ExportError: the file holds other predictions than expected."""
    import pandas as pd

    found = pd.read_csv(path, keep_default_na=False, dtype={expected.index.name or "": "str"})
    if len(found) != len(expected) or not set(expected.columns) <= set(found.columns):
        raise ExportError(f"It predicts {len(found):,} samples of {len(expected):,}, or other columns.")
    if (named := expected.index.name) in found:
        ends = [Path(str(name)).name for name in found[named]]
        if ends != [Path(str(name)).name for name in expected.index]:
            raise ExportError(f"It gives another {named!r} than the network does.")
    for name in expected.columns:
        if pd.api.types.is_numeric_dtype(expected[name]):
            values = pd.to_numeric(found[name], errors="coerce").to_numpy()
            same = np.allclose(values, expected[name].to_numpy(), rtol=CLOSE, atol=CLOSE, equal_nan=True)
        else:
            same = found[name].astype("str").tolist() == expected[name].astype("str").tolist()
        if not same:
            raise ExportError(f"It gives another {name!r} than the network does.")
