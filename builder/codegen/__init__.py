"""From a document to Python source code."""

from builder.codegen.source import code, introduction, to_python

__all__ = ["code", "introduction", "to_python"]
