"""What an addition to model.py is."""

from __future__ import annotations

from builder.codegen.expressions import Invoke, statement
from builder.exports.subject import Subject


class Extra:
    """Base of every extra. Its functions are printed into model.py after `load` and `preprocess`."""

    def fits(self, subject: Subject) -> bool:
        """Whether this model has the extra."""
        raise TypeError(f"{type(self).__name__} must implement fits().")

    def imports(self, subject: Subject) -> tuple[str, ...]:
        """Import lines that its functions need besides torch, json, struct and pathlib."""
        return ()

    def source(self, subject: Subject) -> str:
        """The functions, as Python code that needs only torch."""
        raise TypeError(f"{type(self).__name__} must implement source().")

    def readme(self, subject: Subject) -> str:
        """How to use them, in Markdown, for README.md."""
        return ""


def signature(function: str, *parameters: str, returns: str) -> str:
    """The first line of a function, broken over several lines if it is too long."""
    return "\n".join(statement("def ", Invoke(function, parameters), 0, f" -> {returns}:"))


def filled(template: str, **values: str) -> str:
    """The template with `{name}` replaced by each value; other braces are left unchanged."""
    for name, value in values.items():
        template = template.replace(f"{{{name}}}", value)
    return template
