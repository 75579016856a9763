"""Series to forecast: windows of past steps, and the steps that follow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from numpy.typing import NDArray
from pydantic import Field, field_validator

from trainers.data.base import DataSet, Kind, Loaded, Order
from trainers.data.downloaded import Downloaded
from trainers.data.fetch import RemoteFile


def windows(values: NDArray[Any], window: int, horizon: int, stride: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Windows of rows in time: the past, (N, window, columns), and the steps after it, (N, horizon, columns)."""
    import numpy as np

    whole = np.lib.stride_tricks.sliding_window_view(values, window + horizon, axis=0)[::stride]
    whole = whole.transpose(0, 2, 1)  # (N, window + horizon, columns)
    return whole[:, :window], whole[:, window:]


def overlap(window: int, horizon: int, stride: int) -> int:
    """How many samples after one share a row with it, if each starts `stride` rows after the one before."""
    return -(-(window + horizon) // stride) - 1


class EttH1(Downloaded):
    """The oil temperature of a power transformer, hourly for two years. The naive forecast repeats the last day."""

    name: ClassVar[str] = "ett_h1"
    title: ClassVar[str] = "Transformer temperature (ETTh1)"
    task: ClassVar[str] = "forecasting"
    kind: ClassVar[Kind] = "series"
    origin: ClassVar[str] = "H. Zhou et al., Informer, 2021; https://github.com/zhouhaoyi/ETDataset"
    licence: ClassVar[str] = "CC BY-ND 4.0"
    order: ClassVar[Order] = "time"
    season: ClassVar[int] = 24
    folder: ClassVar[str] = "ett"
    files: ClassVar[tuple[RemoteFile, ...]] = (
        RemoteFile(
            "ETTh1.csv",
            "https://raw.githubusercontent.com/zhouhaoyi/ETDataset/main/ETT-small/ETTh1.csv",
            "f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066",
            2_589_657,
        ),
    )
    helpers: ClassVar[tuple[Callable[..., Any], ...]] = (windows,)
    rows: ClassVar[int] = 17_420
    measured: ClassVar[tuple[str, ...]] = ("HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT")

    window: int = Field(96, ge=1, le=2000, description="Hours that the network sees: 96 are four days.")
    horizon: int = Field(24, ge=1, le=720, description="Hours that it forecasts.")
    stride: int = Field(1, ge=1, le=168, description="Hours from the start of one sample to the start of the next.")
    columns: str = Field(
        "HUFL, HULL, MUFL, MULL, LUFL, LULL, OT",
        max_length=60,
        description="Columns that the network sees: loads (high, middle, low; useful, useless) and oil temperature OT.",
    )
    targets: str = Field("OT", max_length=60, description="Columns that it forecasts.")
    relative: bool = Field(
        False, description="Subtract the last value of the window (NLinear, Zeng et al., 2022): this removes drift."
    )

    @field_validator("columns", "targets")
    @classmethod
    def _known(cls, value: str) -> str:
        names = _names(value)
        wrong = [name for name in names if name not in cls.measured]
        if wrong or not names or len(set(names)) < len(names):
            reason = f"there is no column {wrong[0]!r}" if wrong else "name at least one column, and each once"
            raise ValueError(f"{reason}; the columns are {', '.join(cls.measured)}.")
        return value

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (self.window, len(self.feature_names))

    @property
    def target_shape(self) -> tuple[int, ...]:
        return (self.horizon, len(_names(self.targets)))

    @property
    def target_names(self) -> tuple[str, ...]:
        return _names(self.targets)

    @property
    def feature_names(self) -> tuple[str, ...]:
        return _names(self.columns)

    @property
    def samples(self) -> int:
        return (self.rows - self.window - self.horizon) // self.stride + 1

    @property
    def gap(self) -> int:
        return overlap(self.window, self.horizon, self.stride)

    @staticmethod
    def read_files(
        paths: list[Path], window: int, horizon: int, stride: int, columns: str, targets: str, relative: bool
    ) -> Loaded:
        """Hours seen, of shape (N, window, columns), and hours to forecast, of shape (N, horizon, targets)."""
        import numpy as np
        import pandas as pd

        table = pd.read_csv(paths[0])
        inputs, wanted = ([name.strip() for name in names.split(",") if name.strip()] for names in (columns, targets))
        names = [*inputs, *wanted]
        missing = [name for name in names if name not in table.columns]
        if missing:
            raise ValueError(f"{paths[0]} has no column {missing[0]}")
        values = table[names].to_numpy("float32")
        if len(values) < window + horizon:
            raise ValueError(f"{paths[0]} has {len(values):,} rows, fewer than {window + horizon:,} for one sample")
        if not np.isfinite(values).all():
            row = int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])
            raise ValueError(f"{paths[0]} has no number in row {row + 2}")
        seen, ahead = windows(values, window, horizon, stride)
        if relative:
            seen, ahead = seen - seen[:, -1:], ahead - seen[:, -1:]
        return np.ascontiguousarray(seen[:, :, : len(inputs)]), np.ascontiguousarray(ahead[:, :, len(inputs) :])


def _names(text: str) -> tuple[str, ...]:
    """The names in a list with commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


class _Computed(DataSet):
    """Series that are computed when they are loaded, any number of them."""

    task: ClassVar[str] = "forecasting"
    kind: ClassVar[Kind] = "series"
    origin: ClassVar[str] = "computed by Netloom"
    licence: ClassVar[str] = "MIT"
    value_names: ClassVar[tuple[str, ...]] = ("value",)

    samples: int = Field(1000, ge=10, le=50_000, description="Number of windows.")
    window: int = Field(50, ge=2, le=1000, description="Steps that the network sees.")
    horizon: int = Field(10, ge=1, le=500, description="Steps that it forecasts.")
    noise: float = Field(
        0.1, ge=0.0, le=2.0, description="Standard deviation of the noise that is added to each value."
    )
    data_seed: int = Field(0, ge=0, le=2**32 - 1, description="Another seed gives other series of the same kind.")

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (self.window, len(self.value_names))

    @property
    def target_shape(self) -> tuple[int, ...]:
        return (self.horizon, len(self.value_names))

    @property
    def target_names(self) -> tuple[str, ...]:
        return self.value_names

    @property
    def feature_names(self) -> tuple[str, ...]:
        return self.value_names


class Sines(_Computed):
    """The sum of two sine waves, other ones in each sample: regular, so easy to forecast."""

    name: ClassVar[str] = "sines"
    title: ClassVar[str] = "Sines"

    @staticmethod
    def load_data(samples: int, window: int, horizon: int, noise: float, data_seed: int) -> Loaded:
        """Sums of two sines, (N, window, 1), with noise, and their next steps, (N, horizon, 1), without."""
        import numpy as np

        random = np.random.default_rng(data_seed)
        time = np.arange(window + horizon)
        period = random.uniform(8, 40, (samples, 2, 1))
        phase = random.uniform(0, 2 * np.pi, (samples, 2, 1))
        size = random.uniform(0.3, 1, (samples, 2, 1))
        values = (size * np.sin(2 * np.pi * time / period + phase)).sum(axis=1)[:, :, None]
        seen = values[:, :window] + random.normal(0, noise, (samples, window, 1))
        return seen.astype("float32"), values[:, window:].astype("float32")


class RandomWalk(_Computed):
    """Each step is random: no network forecasts it better than by repeating the last value."""

    name: ClassVar[str] = "random_walk"
    title: ClassVar[str] = "Random walk"

    noise: float = Field(0.3, ge=0.0, le=2.0, description="Standard deviation of a step.")

    @staticmethod
    def load_data(samples: int, window: int, horizon: int, noise: float, data_seed: int) -> Loaded:
        """Sums of independent steps, (N, window, 1), and their next steps, (N, horizon, 1)."""
        import numpy as np

        random = np.random.default_rng(data_seed)
        values = random.normal(0, noise, (samples, window + horizon, 1)).cumsum(axis=1).astype("float32")
        return values[:, :window], values[:, window:]


class Lorenz(_Computed):
    """Lorenz's model of convection, one long trajectory in three columns: deterministic, but chaotic."""

    name: ClassVar[str] = "lorenz"
    title: ClassVar[str] = "Lorenz attractor"
    origin: ClassVar[str] = "E. Lorenz, Deterministic Nonperiodic Flow, 1963; computed by Netloom"
    order: ClassVar[Order] = "time"
    value_names: ClassVar[tuple[str, ...]] = ("x", "y", "z")
    helpers: ClassVar[tuple[Callable[..., Any], ...]] = (windows,)

    samples: int = Field(2000, ge=200, le=50_000, description="Number of windows of the trajectory.")
    noise: float = Field(
        0.0, ge=0.0, le=2.0, description="Standard deviation of the noise that is added to the inputs."
    )
    stride: int = Field(2, ge=1, le=100, description="Steps from the start of one window to the start of the next.")

    @property
    def gap(self) -> int:
        return overlap(self.window, self.horizon, self.stride)

    @staticmethod
    def load_data(samples: int, window: int, horizon: int, noise: float, data_seed: int, stride: int) -> Loaded:
        """Windows of a trajectory of the Lorenz system, (N, window, 3), and their next steps, (N, horizon, 3)."""
        import numpy as np

        def slope(x: float, y: float, z: float) -> tuple[float, float, float]:
            return 10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z

        random = np.random.default_rng(data_seed)
        x, y, z = (float(random.normal(centre, 1)) for centre in (1.0, 1.0, 25.0))
        step, skipped = 0.025, 500  # until the trajectory is on the attractor
        path = []
        for _ in range(skipped + (samples - 1) * stride + window + horizon):
            # Heun's method: the mean of the slopes here and at the next point
            dx, dy, dz = slope(x, y, z)
            ex, ey, ez = slope(x + step * dx, y + step * dy, z + step * dz)
            x, y, z = x + step * (dx + ex) / 2, y + step * (dy + ey) / 2, z + step * (dz + ez) / 2
            path.append((x, y, z))
        seen, ahead = windows(np.array(path[skipped:]), window, horizon, stride)
        seen = seen + random.normal(0, noise, seen.shape)
        return seen.astype("float32"), ahead.astype("float32")
