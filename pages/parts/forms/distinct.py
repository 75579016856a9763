"""Labels of a list of choices. Streamlit sends the label of what is chosen, so two choices with one label are one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)


def distinct(labels: Mapping[Key, str]) -> dict[Key, str]:
    """The labels; to those that several choices share, the choice itself is added."""
    times = Counter(labels.values())
    return {key: label if times[label] == 1 else f"{label} · {key}" for key, label in labels.items()}
