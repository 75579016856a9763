"""What all activations share, and the ranges of their parameters.

All of them take any shape and keep it, except GLU, which halves an axis. Pages:
https://docs.pytorch.org/docs/stable/nn.html#non-linear-activations-weighted-sum-nonlinearity
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from builder.shapes import Shape
from builder.spec import LayerSpec

Positive = Annotated[float, Field(gt=0, le=1e6)]
Real = Annotated[float, Field(ge=-1e6, le=1e6)]
NotNegative = Annotated[float, Field(ge=0, le=1e6)]


class _Activation(LayerSpec):
    family = "activation"
    keeps_shape = True
    search: ClassVar[tuple[str, ...]] = ("nonlinearity",)
    example: ClassVar[tuple[Shape, ...]] = ((8,),)
