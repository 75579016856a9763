"""Regularisation: noise in training that keeps a network from learning its samples by heart."""

from __future__ import annotations

from pydantic import Field

from builder.spec import LayerSpec, Probability


class Dropout(LayerSpec):
    """Sets random values to zero in training, so that no unit relies on a single other one.

    Any shape, unchanged; passes everything through in prediction. Srivastava et al. 2014, JMLR 15.
    """

    family = "regularisation"
    target = "torch.nn.Dropout"
    keeps_shape = True
    search = ("regularization", "noise", "overfitting")
    example = ((8,),)

    p: Probability = Field(0.5, description="Share of the values that are set to zero.")


class Dropout2d(LayerSpec):
    """Sets whole random channels of a picture to zero in training.

    (channels, height, width), unchanged. Tompson et al. 2015, https://arxiv.org/abs/1411.4280
    """

    family = "regularisation"
    target = "torch.nn.Dropout2d"
    keeps_shape = True
    ranks = (3,)
    axes = "channels × height × width"
    search = ("regularization", "noise", "overfitting", "spatial")
    example = ((3, 12, 12),)

    p: Probability = Field(0.5, description="Share of the channels that are set to zero.")
