"""Data sets that can be limited to some of their classes: train on half of the digits, then on the other half."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from trainers.data.base import Arrays, DataSet
from trainers.script.sources import print_functions


def only_classes(inputs: NDArray[Any], targets: NDArray[Any], labels: tuple[int, ...]) -> tuple[Any, NDArray[Any]]:
    """The samples of some classes, with their positions in `labels` as their new labels."""
    import numpy as np

    kept = np.isin(targets, labels)
    places = {label: place for place, label in enumerate(labels)}
    return inputs[kept], np.array([places[label] for label in targets[kept].tolist()], "int64")


class _ClassFilter(DataSet):
    """Classes with known numbers of samples; `keep_classes` keeps some. A subclass gives the names and the numbers."""

    class_names: ClassVar[tuple[str, ...]]
    counts: ClassVar[tuple[int, ...]]  # samples of each class
    test_counts: ClassVar[tuple[int, ...]] = ()  # those of them that are the authors' own test part

    keep_classes: tuple[str, ...] = Field(
        (),
        strict=False,
        json_schema_extra={"choices": "all_classes"},
        description="Keep these classes only, and number them in this order. Empty: all.",
    )

    @field_validator("keep_classes")
    @classmethod
    def known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        """Classes that exist, two or more, each once."""
        missing = [name for name in names if name not in cls.class_names]
        if missing:
            raise ValueError(f"There is no class {missing[0][:40]!r}; there are {', '.join(cls.class_names)}.")
        if len(set(names)) != len(names) or len(names) == 1:
            raise ValueError("Name two classes or more, each once; or none to keep all.")
        return names

    @property
    def classes(self) -> tuple[str, ...]:
        return self.keep_classes or self.class_names

    @property
    def labels(self) -> tuple[int, ...]:
        """The numbers that the kept classes have in the files."""
        return tuple(self.class_names.index(name) for name in self.classes)

    @property
    def samples(self) -> int:
        return sum(self.counts[label] for label in self.labels)

    @property
    def test_samples(self) -> int:
        return sum(self.test_counts[label] for label in self.labels) if self.test_counts else 0

    def checked(self, inputs: Any, targets: NDArray[Any], **facts: Any) -> Arrays:
        if self.keep_classes:
            kept = np.isin(targets, self.labels)
            groups, attributes = facts.get("groups"), facts.get("attributes", {})
            facts["groups"] = None if groups is None else groups[kept]
            facts["attributes"] = {name: values[kept] for name, values in attributes.items()}
            inputs, targets = only_classes(inputs, targets, self.labels)
        return super().checked(inputs, targets, **facts)

    def printed_options(self) -> dict[str, str]:
        return {key: value for key, value in super().printed_options().items() if key != "keep_classes"}

    def source(self) -> str:
        """The code that loads the data set, and where classes are left out a last function that does that."""
        text = super().source()
        if not self.keep_classes:
            return text
        head, _, body = text.partition("\n\n\n")
        added, _, keep = print_functions((only_classes, {})).partition("\n\n\n")
        head = "\n".join(dict.fromkeys([*head.splitlines(), *added.splitlines()]))
        body = body.replace("def load_data(", "def load_every_class(")
        last = (
            f'def load_data():\n    """Inputs and targets of the classes {", ".join(self.keep_classes)}."""\n'
            f"    return only_classes(*load_every_class(), {self.labels})\n"
        )
        return f"{head}\n\n\n{body.rstrip()}\n\n\n{keep.rstrip()}\n\n\n{last}"


ClassFilter = _ClassFilter  # the underscore keeps it out of the data sets that are found: it is none itself
