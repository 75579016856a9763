"""The engine: documents, layers, shapes, problems, modules, code. Knows nothing of training, data or pages.

    document = builder.load("lenet.json")
    builder.check(document)                  # problems, in words
    model = builder.compile(document)        # a torch.nn.Module
    print(builder.to_python(document))       # the code a person would have written

No module here imports torch when it is imported itself, so that the first page stands quickly. All of them are imported
here at once: a later first import of `builder.compile`, say, would put the module in the place of the function.
"""

from __future__ import annotations

from builder import spec as _spec

CATALOGUE: dict[str, type[_spec.LayerSpec]] = _spec.catalogue()

from builder.checks import check  # noqa: E402  (checks and edits read CATALOGUE)
from builder.codegen import to_python  # noqa: E402
from builder.compile import compile  # noqa: E402
from builder.document import Block, Document, Edge, Node, dump, load  # noqa: E402
from builder.edits import apply_all  # noqa: E402
from builder.export import export  # noqa: E402
from builder.infer import infer  # noqa: E402
from builder.problems import (  # noqa: E402
    DocumentError,
    EditError,
    ExportError,
    GraphError,
    NetloomError,
    NodeError,
    Problem,
)
from builder.summary import summary  # noqa: E402
from builder.templates import template, templates  # noqa: E402

__all__ = [
    "CATALOGUE", "Block", "Document", "DocumentError", "Edge", "EditError", "ExportError", "GraphError", "NetloomError",
    "Node", "NodeError", "Problem", "apply_all", "check", "compile", "dump", "export", "infer", "load", "summary",
    "template", "templates", "to_python",
]  # fmt: skip
