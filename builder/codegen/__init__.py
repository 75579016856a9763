"""Code generation: from a document to Python source."""

from builder.codegen.source import code, introduction, to_python

__all__ = ["code", "introduction", "to_python"]
