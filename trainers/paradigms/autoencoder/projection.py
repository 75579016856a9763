"""Codes of many numbers as points of the plane: by their principal components (PCA) or by their neighbours (t-SNE)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float32]
MOST = 1500  # codes that t-SNE places within seconds


def project(codes: NDArray[np.floating], second: NDArray[np.floating], before: Points | None) -> tuple[Points, float]:
    """Codes (N, d) as points (N, 2), and the share of their variance that the plane shows.

    A code of two numbers is the point itself; one number has `second` beside it; of more, the two principal components
    are taken. These may swap or change their sign from one snapshot to the next, so they are rotated to lie as close as
    possible to where they were `before` (Schönemann 1966).
    """
    codes = np.nan_to_num(np.asarray(codes, np.float32))
    if codes.shape[1] == 2:
        return codes, 1.0
    if codes.shape[1] < 2:
        return np.column_stack([codes.reshape(len(second), -1)[:, :1], second]).astype(np.float32), 1.0
    points, explained = principal_components(codes)
    if before is not None and before.shape == points.shape:
        left, _, right = np.linalg.svd(points.T @ (before - before.mean(axis=0)))
        points = (points @ left @ right).astype(np.float32)
    return points, explained


def principal_components(codes: NDArray[np.floating]) -> tuple[Points, float]:
    """The first two principal components of codes, and the share of their variance that they explain."""
    from sklearn.decomposition import PCA

    count = min(2, *codes.shape)
    if len(codes) < 2 or not float(np.ptp(codes, axis=0).max()):
        return np.zeros((len(codes), 2), np.float32), 0.0
    pca = PCA(count, svd_solver="covariance_eigh" if codes.shape[1] <= 500 else "randomized", random_state=0)
    points = pca.fit_transform(codes.astype(np.float64))
    return _two_columns(points), float(pca.explained_variance_ratio_.sum())


def preload() -> None:
    """Import what projections need. It takes a second, better spent before a run begins than in its first snapshots."""
    codes = np.random.default_rng(0).normal(size=(200, 60)).astype(np.float32)
    points, _ = project(codes, codes[:, 0], None)
    project(codes, codes[:, 0], points)


def tsne(codes: NDArray[np.floating], seed: int = 0) -> Points:
    """Points at which similar codes are neighbours; large distances mean nothing (van der Maaten and Hinton 2008)."""
    from sklearn.manifold import TSNE

    if len(codes) < 4 or codes.shape[1] < 2 or not float(np.ptp(codes, axis=0).max()):
        return principal_components(codes)[0]
    perplexity = min(30.0, (len(codes) - 1) / 3)
    points = TSNE(2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(codes.astype(np.float32))
    return _two_columns(points)


def _two_columns(points: NDArray[np.floating]) -> Points:
    wide = np.zeros((len(points), 2), np.float32)
    wide[:, : points.shape[1]] = points
    return wide
