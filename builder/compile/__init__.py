"""The compiler: from a document to a torch.nn.Module."""

from builder.compile.network import build, compile, layers

__all__ = ["build", "compile", "layers"]
