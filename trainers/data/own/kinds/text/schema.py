"""The schema of texts: where they are, what divides them into tokens, and how many of them a sample has."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from trainers.data.own.schema import Schema

Form = Literal["folders", "table", "running"]
ENDINGS = (".txt", ".text", ".md", ".rst", ".html", ".htm", ".eml", "")  # of files with a text each


class TextSchema(Schema):
    """Texts. `form`: "folders": files in folders, a class each; "table": two columns; "running": one text, whose next
    token is predicted."""

    unit: ClassVar[str] = "texts"
    newer: ClassVar[tuple[str, ...]] = (*Schema.newer, "other_encoding")

    kind: Literal["text"] = "text"
    form: Form
    classes: tuple[str, ...] = Field((), max_length=100_000)
    text_column: str = Field("", max_length=500)
    label_column: str = Field("", max_length=500)
    tokens: Literal["words", "characters"] = "words"
    lower: bool = True
    length: int = Field(100, ge=2, le=20_000)  # tokens of a sample
    vocabulary_size: int = Field(10_000, ge=5, le=200_000)
    copies: bool = True  # use the same text more than once
    validation: float = Field(0.15, ge=0.0, lt=0.5)
    test: float = Field(0.2, ge=0.0, lt=0.5)
    split_seed: int = Field(0, ge=0, le=2**31)
    given_parts: bool = False  # folders say which part each text is in
    other_encoding: str = Field("cp1252", max_length=40)  # of files that are neither marked nor UTF-8
    form_reason: str = Field("", max_length=500)
    tokens_reason: str = Field("", max_length=500)
    lower_reason: str = Field("", max_length=500)
    length_reason: str = Field("", max_length=500)
    vocabulary_reason: str = Field("", max_length=500)

    @property
    def division(self) -> str:
        if self.given_parts:
            return "as the folders say"
        return "in order" if self.form == "running" else "at random, classes in equal shares"


SCHEMA = TextSchema
