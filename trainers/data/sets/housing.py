"""Houses in California: a table with missing values and a column of words, as many real tables have them."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from builder.spec import Signal
from trainers.data.base import Kind, Loaded
from trainers.data.downloaded import Downloaded
from trainers.data.fetch import RemoteFile

FIGURES = ("housing_median_age", "total_rooms", "total_bedrooms", "population", "households", "median_income")
PLACES = ("<1H OCEAN", "INLAND", "ISLAND", "NEAR BAY", "NEAR OCEAN")


class CaliforniaHousing(Downloaded):
    """20,640 districts of California in 1990: what is the median house worth, in dollars?

    207 districts have no total_bedrooms. It is filled in as a fifth of the same district's total_rooms: a rule that
    uses no other sample, so that no information of the test part reaches the training part.
    """

    name: ClassVar[str] = "california_housing"
    title: ClassVar[str] = "California housing"
    task: ClassVar[str] = "regression"
    kind: ClassVar[Kind] = "table"
    origin: ClassVar[str] = "R. Pace and R. Barry, 1997; https://github.com/ageron/handson-ml"
    licence: ClassVar[str] = "Apache-2.0"
    folder: ClassVar[str] = "california_housing"
    files: ClassVar[tuple[RemoteFile, ...]] = (
        RemoteFile(
            "housing.csv",
            "https://raw.githubusercontent.com/ageron/handson-ml/master/datasets/housing/housing.csv",
            "8a3727f4cf54ac1a327f69b1d5b4db54c5834ea81c6e4efc0d163300022a685e",
            1_423_529,
        ),
    )

    two_inputs: bool = Field(
        False,
        description="Two inputs: location (longitude, latitude, distance from the sea), and the other columns.",
    )

    @property
    def signals(self) -> tuple[Signal, ...]:
        place, figures = 2 + len(PLACES), len(FIGURES)
        return (Signal((place,)), Signal((figures,))) if self.two_inputs else (Signal((place + figures,)),)

    @property
    def input_shape(self) -> tuple[int, ...]:
        return self.signals[0].shape

    @property
    def feature_names(self) -> tuple[str, ...]:
        return ("longitude", "latitude", *PLACES, *FIGURES)

    @property
    def target_names(self) -> tuple[str, ...]:
        return ("median_house_value",)

    @property
    def samples(self) -> int:
        return 20_640

    @staticmethod
    def read_files(paths: list[Path], two_inputs: bool) -> Loaded:
        """Longitude, latitude, 1 for one of five places by the sea, and six numbers; and the value in dollars."""
        import numpy as np
        import pandas as pd

        table = pd.read_csv(paths[0])
        places = ["<1H OCEAN", "INLAND", "ISLAND", "NEAR BAY", "NEAR OCEAN"]
        figures = ["housing_median_age", "total_rooms", "total_bedrooms", "population", "households", "median_income"]
        unknown = set(table["ocean_proximity"]) - set(places)
        if unknown:
            raise ValueError(f"{paths[0]} has the place {min(map(str, unknown))!r}, expected one of {places}")
        # about one room in five is a bedroom; a rule that uses other districts would use the test part
        table["total_bedrooms"] = table["total_bedrooms"].fillna(table["total_rooms"] / 5)
        near = table["ocean_proximity"].to_numpy()[:, None] == np.array(places)
        location = np.concatenate([table[["longitude", "latitude"]].to_numpy(), near], axis=1).astype("float32")
        rest = table[figures].to_numpy("float32")
        targets = table[["median_house_value"]].to_numpy("float32")
        return ((location, rest) if two_inputs else np.concatenate([location, rest], axis=1)), targets
