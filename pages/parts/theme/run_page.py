"""What the pages about runs share: their style sheet, and errors that are shown in place of the part that failed."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import ParamSpec

import streamlit as st

from builder.foreign_text import in_words
from builder.problems import NetloomError
from pages.parts.theme import charts, theme, torch_import
from pages.parts.theme.escaping import escape

Arguments = ParamSpec("Arguments")


def prepare(wait_for_torch: bool = True) -> None:
    """Import torch, and put the style sheet of these pages on the page, with the colours of the theme in use."""
    torch_import.start()
    if wait_for_torch:
        with st.spinner("Loading torch …", show_time=False):
            torch_import.ready(60)
    look = charts.look()
    colours = f"--nl-ground: {look.ground}; --nl-accent: {look.training}; --nl-orange: {look.validation};"
    st.html(f"<style>.stApp {{ {colours} }}{theme.sheet('train.css')}</style>")


def shows_errors(draw: Callable[Arguments, None]) -> Callable[Arguments, None]:
    """Decorates a function that draws a part of a page: an error in it is shown as a message in its place."""

    @functools.wraps(draw)
    def guarded(*arguments: Arguments.args, **options: Arguments.kwargs) -> None:
        try:
            draw(*arguments, **options)
        except (NetloomError, OSError) as error:
            show_error(str(error))
        except MemoryError:
            show_error(
                "There is not enough memory to draw this part of the page. Close other programs, then reload it."
            )
        except Exception as error:
            logging.getLogger("netloom").exception("A part of the page could not be drawn")
            show_error(
                f"This part of the page could not be drawn ({type(error).__name__}: {in_words(error).rstrip('.')}). "
                "Reload the page."
            )

    return guarded


def show_error(message: str) -> None:
    st.html(f'<div class="nl-alert">{escape(message)}</div>')
