"""The part of train.py that reads sounds of one's own: the functions that training uses, and the schema."""

from __future__ import annotations

import json
import pprint
import re
from typing import Any

from trainers.data.own.bringing.class_folders import class_files
from trainers.data.own.bringing.new_files import files_at, read_files
from trainers.data.own.kinds.sound import encoding
from trainers.data.own.kinds.sound.schema import ENDINGS
from trainers.data.own.library import Stored
from trainers.script.sources import print_functions

WANTED = ("form", "sample_rate", "length", "silence", "mels", "hop")
FUNCTIONS = (
    encoding.resampled,
    encoding.wave_head,
    encoding.wave_values,
    encoding.soundfile_values,
    encoding.read_sound,
    encoding.padded_sound,
    encoding.spectrogram_of,
    encoding.encoded_sound,
)
READ_SAMPLES = '''
def read_samples(paths):
    """The names of the recordings, and what the network gets of them; those that cannot be read are left out."""
    return read_files(files_at(paths, is_sound), new_sample)


def new_sample(path):
    """A recording as the network gets it."""
    sound = read_sound(path, SCHEMA["sample_rate"], SCHEMA["length"] / SCHEMA["sample_rate"])
    return encoded_sound(sound, SCHEMA)
'''
LOAD = '''
def load_all():
    """The samples of the recordings that can be read, their classes, and the parts that folders say."""
    from pathlib import Path

    inputs, targets, parts{seen} = [], [], []{none}
    for name, label, part in class_files(FOLDER, {endings!r}):
        if label not in CLASSES:
            continue
        try:
            sound = read_sound(Path(FOLDER) / name, SCHEMA["sample_rate"], SCHEMA["length"] / SCHEMA["sample_rate"])
        except ValueError:
            continue
        sample = encoded_sound(sound, SCHEMA){without}
        inputs.append(sample)
        targets.append(CLASSES.index(label))
        parts.append(max(part, 0))
    return np.stack(inputs), np.array(targets), np.array(parts)


def load_data():
    """The inputs and the targets."""
    return load_all()[:2]
'''
PARTS = '''

def load_parts():
    """The part of each sample: 0 training, 1 validation, 2 test."""
    return load_all()[2]
'''
WITHOUT = """
        if sample.tobytes() in seen:  # the same recording as one before
            continue
        seen.add(sample.tobytes())"""


def sound_source(data: Stored) -> str:
    """Source of `load_data()`, and of `load_parts()` where folders say which part each recording is in."""
    schema = data.schema
    plain = re.sub(r"\.(tar\.\w+|zip|tar|tgz)$", "", data.source.title)
    constants = [
        f"FOLDER = {json.dumps(plain)}  # unpacked, beside this script",
        f"CLASSES = {pprint.pformat(schema.classes, width=110, compact=True)}",
        _schema(data),
    ]
    some = schema.copies
    load = LOAD.format(
        endings=ENDINGS,
        seen="" if some else ", seen",
        none="" if some else ", set()",
        without="" if some else WITHOUT,
    )
    printed = print_functions(*((each, {}) for each in (class_files, *FUNCTIONS)), constants="\n".join(constants))
    return printed + "\n" + load + (PARTS if schema.given_parts else "")


def new_sounds_source(data: Stored) -> str:
    """Source of `read_samples(paths)`: new recordings as the network's input, before it is scaled."""
    functions: list[tuple[Any, dict[str, str]]] = [
        (each, {}) for each in (files_at, read_files, encoding.is_sound, *FUNCTIONS)
    ]
    return print_functions(*functions, constants=_schema(data)) + "\n" + READ_SAMPLES


def _schema(data: Stored) -> str:
    options = {name: getattr(data.schema, name) for name in WANTED}
    return f"SCHEMA = {pprint.pformat(options, width=110, sort_dicts=False)}"
