"""Points in the plane, so few that one can watch the decision surface change while a network trains."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from trainers.data.base import DataSet, Kind, Loaded


class _Points(DataSet):
    """Points (x, y), computed when they are loaded: any number of them, with any amount of noise."""

    task: ClassVar[str] = "classification"
    kind: ClassVar[Kind] = "points"
    origin: ClassVar[str] = "computed by Netloom"
    licence: ClassVar[str] = "MIT"

    samples: int = Field(1000, ge=10, le=100_000, description="Number of points, in equal shares for the classes.")
    noise: float = Field(0.1, ge=0.0, le=2.0, description="Standard deviation of the random shift of each point.")
    data_seed: int = Field(0, ge=0, le=2**32 - 1, description="Another seed gives other points of the same form.")

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (2,)

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(f"class {number}" for number in range(self.class_count()))

    @property
    def feature_names(self) -> tuple[str, ...]:
        return ("x", "y")

    def class_count(self) -> int:
        """How many classes there are; two, unless the data set has an option for it."""
        return 2


class Moons(_Points):
    """Two interleaved half circles: no straight line separates them, a small network does."""

    name: ClassVar[str] = "moons"
    title: ClassVar[str] = "Two moons"

    @staticmethod
    def load_data(samples: int, noise: float, data_seed: int) -> Loaded:
        """Points (x, y) on two interleaved half circles, and which half circle each is on."""
        import numpy as np

        random = np.random.default_rng(data_seed)
        targets = np.arange(samples) % 2
        angle = random.uniform(0, np.pi, samples)
        x = np.where(targets == 0, np.cos(angle), 1 - np.cos(angle))
        y = np.where(targets == 0, np.sin(angle), 0.5 - np.sin(angle))
        inputs = np.stack([x, y], axis=1) + random.normal(0, noise, (samples, 2))
        return inputs.astype("float32"), targets


class Circles(_Points):
    """One ring inside another: the decision boundary has to close, which takes at least three hidden units."""

    name: ClassVar[str] = "circles"
    title: ClassVar[str] = "Two circles"

    factor: float = Field(0.5, gt=0.0, lt=1.0, description="Radius of the inner ring; the outer ring's is 1.")

    @staticmethod
    def load_data(samples: int, noise: float, data_seed: int, factor: float) -> Loaded:
        """Points (x, y) on two rings around the origin, and 0 for the outer or 1 for the inner ring."""
        import numpy as np

        random = np.random.default_rng(data_seed)
        targets = np.arange(samples) % 2
        angle = random.uniform(0, 2 * np.pi, samples)
        radius = np.where(targets == 0, 1.0, factor)
        inputs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        inputs += random.normal(0, noise, (samples, 2))
        return inputs.astype("float32"), targets


class Spiral(_Points):
    """Interleaved spiral arms: the hardest of the point sets, for which a second hidden layer helps."""

    name: ClassVar[str] = "spiral"
    title: ClassVar[str] = "Spiral"

    noise: float = Field(0.02, ge=0.0, le=2.0, description="Standard deviation of the random shift of each point.")
    arms: int = Field(2, ge=2, le=8, description="Number of arms; each is a class.")
    turns: float = Field(1.5, ge=0.25, le=4.0, description="Number of turns of each arm around the origin.")

    def class_count(self) -> int:
        return self.arms

    @staticmethod
    def load_data(samples: int, noise: float, data_seed: int, arms: int, turns: float) -> Loaded:
        """Points (x, y) on spiral arms that start near the origin and end at radius 1, and which arm each is on."""
        import numpy as np

        random = np.random.default_rng(data_seed)
        targets = np.arange(samples) % arms
        radius = np.sqrt(random.uniform(0.01, 1, samples))  # the root gives an even density along an arm
        angle = 2 * np.pi * (turns * radius + targets / arms)
        inputs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        inputs += random.normal(0, noise, (samples, 2))
        return inputs.astype("float32"), targets


class Xor(_Points):
    """Four squares of a chessboard: the problem that a network without a hidden layer cannot solve."""

    name: ClassVar[str] = "xor"
    title: ClassVar[str] = "Exclusive or"

    @staticmethod
    def load_data(samples: int, noise: float, data_seed: int) -> Loaded:
        """Points (x, y) in four squares, and 1 where x and y have different signs."""
        import numpy as np

        random = np.random.default_rng(data_seed)
        quarter = np.arange(samples) % 4  # as many points in each square
        signs = np.stack([quarter % 2, quarter // 2], axis=1) * 2 - 1
        targets = (signs[:, 0] != signs[:, 1]).astype("int64")
        inputs = signs * random.uniform(0, 1, (samples, 2)) + random.normal(0, noise, (samples, 2))
        return inputs.astype("float32"), targets


class Gaussians(_Points):
    """Normal distributions around points on a circle: linearly separable unless the noise makes them overlap."""

    name: ClassVar[str] = "gaussians"
    title: ClassVar[str] = "Gaussian clouds"

    noise: float = Field(0.25, ge=0.0, le=2.0, description="Standard deviation of each distribution around its centre.")
    clouds: int = Field(2, ge=2, le=10, description="Number of distributions; each is a class.")

    def class_count(self) -> int:
        return self.clouds

    @staticmethod
    def load_data(samples: int, noise: float, data_seed: int, clouds: int) -> Loaded:
        """Points (x, y) scattered around centres on the unit circle, and which centre each belongs to."""
        import numpy as np

        random = np.random.default_rng(data_seed)
        targets = np.arange(samples) % clouds
        angle = 2 * np.pi * targets / clouds
        inputs = np.stack([np.cos(angle), np.sin(angle)], axis=1) + random.normal(0, noise, (samples, 2))
        return inputs.astype("float32"), targets
