"""torch.export: the graph with its weights, for PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from builder.exports.formats.conversion import _ConvertedFormat, dynamic_batch

if TYPE_CHECKING:
    from torch import Tensor, nn


class Pt2(_ConvertedFormat):
    """The network as an exported program, loaded and run again."""

    name = "pt2"
    order = 3
    file = "model.pt2"
    title = "torch.export"
    purpose = "The graph with its weights, for PyTorch: torch.export.load loads it without the code."
    runner = "torch.export"

    def convert(
        self,
        module: nn.Module,
        tracing: tuple[Tensor, ...],
        inputs: tuple[Tensor, ...],
        names: list[str],
        ends: list[str],
    ) -> dict[str, Tensor]:
        import torch

        program = torch.export.export(module, tracing, dynamic_shapes=dynamic_batch(module, tracing))
        torch.export.save(program, self.file)
        result = torch.export.load(self.file).module()(*inputs)
        return result if isinstance(result, dict) else {ends[0]: result}
