"""Small tables that come with scikit-learn: rows of measurements, a class or a number to predict for each."""

from __future__ import annotations

from typing import ClassVar

from trainers.data.base import DataSet, Kind, Loaded


class _Table(DataSet):
    """A table of a fixed size whose columns and classes are known without loading it."""

    kind: ClassVar[Kind] = "table"
    licence: ClassVar[str] = "CC BY 4.0"
    rows: ClassVar[int]
    columns: ClassVar[tuple[str, ...]]
    class_names: ClassVar[tuple[str, ...]] = ()

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (len(self.columns),)

    @property
    def classes(self) -> tuple[str, ...]:
        return self.class_names

    @property
    def feature_names(self) -> tuple[str, ...]:
        return self.columns

    @property
    def samples(self) -> int:
        return self.rows


class Iris(_Table):
    """150 flowers of three species with four measurements each: the smallest of the classic data sets."""

    name: ClassVar[str] = "iris"
    title: ClassVar[str] = "Iris flowers"
    task: ClassVar[str] = "classification"
    origin: ClassVar[str] = "R. A. Fisher, 1936; https://doi.org/10.24432/C56C76 (with scikit-learn)"
    rows: ClassVar[int] = 150
    columns: ClassVar[tuple[str, ...]] = (
        "sepal length (cm)",
        "sepal width (cm)",
        "petal length (cm)",
        "petal width (cm)",
    )
    class_names: ClassVar[tuple[str, ...]] = ("setosa", "versicolor", "virginica")

    @staticmethod
    def load_data() -> Loaded:
        """150 irises: four lengths in centimetres, and the species of each."""
        from sklearn.datasets import load_iris

        inputs, targets = load_iris(return_X_y=True)
        return inputs.astype("float32"), targets


class Wine(_Table):
    """178 wines from three growers with 13 chemical measurements on very different scales."""

    name: ClassVar[str] = "wine"
    title: ClassVar[str] = "Wines"
    task: ClassVar[str] = "classification"
    origin: ClassVar[str] = "S. Aeberhard and M. Forina, 1992; https://doi.org/10.24432/C5PC7J (with scikit-learn)"
    rows: ClassVar[int] = 178
    columns: ClassVar[tuple[str, ...]] = (
        "alcohol",
        "malic_acid",
        "ash",
        "alcalinity_of_ash",
        "magnesium",
        "total_phenols",
        "flavanoids",
        "nonflavanoid_phenols",
        "proanthocyanins",
        "color_intensity",
        "hue",
        "od280/od315_of_diluted_wines",
        "proline",
    )
    class_names: ClassVar[tuple[str, ...]] = ("class_0", "class_1", "class_2")

    @staticmethod
    def load_data() -> Loaded:
        """178 wines: 13 chemical measurements, and the grower of each."""
        from sklearn.datasets import load_wine

        inputs, targets = load_wine(return_X_y=True)
        return inputs.astype("float32"), targets


class BreastCancer(_Table):
    """569 tumours, malignant or benign, from 30 measurements of the cell nuclei in a microscope image."""

    name: ClassVar[str] = "breast_cancer"
    title: ClassVar[str] = "Breast cancer (Wisconsin)"
    task: ClassVar[str] = "classification"
    origin: ClassVar[str] = "W. Wolberg et al., 1995; https://doi.org/10.24432/C5DW2B (with scikit-learn)"
    rows: ClassVar[int] = 569
    columns: ClassVar[tuple[str, ...]] = tuple(
        name
        for quantity in ("mean {}", "{} error", "worst {}")
        for name in (
            quantity.format(feature)
            for feature in (
                "radius",
                "texture",
                "perimeter",
                "area",
                "smoothness",
                "compactness",
                "concavity",
                "concave points",
                "symmetry",
                "fractal dimension",
            )
        )
    )
    class_names: ClassVar[tuple[str, ...]] = ("malignant", "benign")

    @staticmethod
    def load_data() -> Loaded:
        """569 tumours: 30 measurements of cell nuclei, and 0 for malignant or 1 for benign."""
        from sklearn.datasets import load_breast_cancer

        inputs, targets = load_breast_cancer(return_X_y=True)
        return inputs.astype("float32"), targets


class Diabetes(_Table):
    """The progression of diabetes within a year, from ten measurements of 442 patients: an R2 of 0.5 is very good."""

    name: ClassVar[str] = "diabetes"
    title: ClassVar[str] = "Diabetes progression"
    task: ClassVar[str] = "regression"
    origin: ClassVar[str] = "B. Efron et al., Least Angle Regression, 2004 (with scikit-learn)"
    licence: ClassVar[str] = "none stated"
    rows: ClassVar[int] = 442
    columns: ClassVar[tuple[str, ...]] = ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")

    @property
    def target_names(self) -> tuple[str, ...]:
        return ("disease progression",)

    @staticmethod
    def load_data() -> Loaded:
        """442 patients: ten measurements, and the progression of the disease in the year after."""
        from sklearn.datasets import load_diabetes

        inputs, targets = load_diabetes(return_X_y=True)
        return inputs.astype("float32"), targets.astype("float32").reshape(-1, 1)
