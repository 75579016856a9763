"""Photographs of the camera, class by class: name a class, photograph it some times, then the next one."""

from __future__ import annotations

import io
from typing import ClassVar

import streamlit as st

from pages.data_page.adding import Adding
from pages.data_page.ways.base import Way, begin
from pages.parts.document.session import Session, widget
from pages.parts.theme.escaping import escape
from trainers.data.own.bringing.uploads import Upload

LEAST = 2  # classes, and photographs of each
LONGEST = 60  # characters of the name of a class
UNSAFE = '/\\:*?"<>|.'  # in the name of a folder
SHOTS = "camera_shots"  # of the browser's session: {class: {upload: photograph}}


class Camera(Way):
    """A data set of photographs that are taken on the page."""

    name: ClassVar[str] = "camera"
    label: ClassVar[str] = "Camera"
    order: ClassVar[int] = 40

    def draw(self, session: Session) -> None:
        st.fragment(self._camera)(session)  # a photograph draws the camera again, not the whole page

    def _camera(self, session: Session) -> None:
        shots: dict[str, dict[str, bytes]] = st.session_state.setdefault(SHOTS, {})
        name = st.text_input(
            "What you photograph", max_chars=LONGEST, key="camera_class", placeholder="The name of a class, such as cup"
        )
        plain = "".join(char for char in str(name or "").strip() if char not in UNSAFE and char.isprintable())
        number = session.generations.get("camera", 0)
        key = f"camera~{number}"

        def taken() -> None:
            photograph = widget(key)
            if photograph is None or not plain:
                return
            # by its upload: this may be called twice for one photograph, and two photographs may be the same
            shots.setdefault(plain, {})[photograph.file_id] = photograph.getvalue()
            session.generations["camera"] = number + 1  # the camera is ready for the next one

        if plain:
            st.camera_input(f"Photograph {plain}", key=key, on_change=taken)
        else:
            st.caption("Name the first class, photograph it from several sides, then name the next one.")
        self._taken(session, shots)

    @staticmethod
    def _taken(session: Session, shots: dict[str, dict[str, bytes]]) -> None:
        if not shots:
            return
        rows = "".join(f"<li><b>{escape(name)}</b> {len(each)}</li>" for name, each in shots.items())
        st.html(f'<ul class="nl-lines" data-testid="camera-classes">{rows}</ul>')
        few = [name for name, each in shots.items() if len(each) < LEAST]
        ready = len(shots) >= LEAST and not few

        def use() -> None:
            files = [
                Upload(f"photographs/{name}/{number + 1}.jpg", io.BytesIO(content), len(content))
                for name, each in shots.items()
                for number, content in enumerate(each.values())
            ]
            begin(session, Adding("photographs").uploads(files))
            st.session_state[SHOTS] = {}

        with st.container(horizontal=True, gap="small"):
            if st.button("Use the photographs", key="camera_use", type="primary", disabled=not ready):
                use()
                st.rerun()
            st.button("Start over", key="camera_clear", on_click=lambda: st.session_state.update({SHOTS: {}}))
        if not ready:
            missing = f"{few[0]} needs another photograph." if few else "Name another class and photograph it, too."
            st.caption(missing)
