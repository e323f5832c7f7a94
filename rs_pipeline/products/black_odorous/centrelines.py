"""Centrelines of a water mask: skeleton, branches, pruning, smooth lines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from scipy import ndimage
from skimage.morphology import skeletonize

from rs_pipeline.model import Grid
from rs_pipeline.storage.raster import EIGHT_NEIGHBOURS

_STEPS = ((0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1))
"""Straight neighbours first, so that a walk does not cut corners."""

_RING = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))

MAX_PRUNINGS = 8


@dataclass(frozen=True)
class Branch:
    """A path of skeleton pixels between junctions or ends."""

    path: np.ndarray
    """int (n, 2), rows and columns in walking order; junction pixels are its ends where it meets one."""
    free: tuple[bool, bool]
    """Whether the first and the last pixel are ends of the water rather than junctions."""


def junctions(skeleton: np.ndarray) -> np.ndarray:
    """Pixels (bool) where three or more branches meet: the ring around them changes from off to on at least three times.

    The crossing number (Rutovitz 1966); counting neighbours would take the corners of a staircase for junctions.
    """
    padded = np.pad(skeleton, 1)
    h, w = skeleton.shape
    ring = np.stack([padded[1 + r : 1 + r + h, 1 + c : 1 + c + w] for r, c in _RING]).astype("int8")
    rises = (np.diff(np.concatenate([ring, ring[:1]]), axis=0) == 1).sum(axis=0)
    return skeleton & (rises >= 3)


def branches(skeleton: np.ndarray) -> list[Branch]:
    """All branches of a skeleton (bool (h, w), one pixel thin)."""
    meeting = junctions(skeleton)
    parts, _ = ndimage.label(skeleton & ~ndimage.binary_dilation(meeting, EIGHT_NEIGHBOURS), EIGHT_NEIGHBOURS)
    near = {(int(r), int(c)) for r, c in np.argwhere(meeting)}
    found = []
    for index, window in enumerate(ndimage.find_objects(parts), start=1):
        rows, cols = np.nonzero(parts[window] == index)
        path = _walk({(int(r) + window[0].start, int(c) + window[1].start) for r, c in zip(rows, cols, strict=True)})
        first, last = _junction_at(path[0], near), _junction_at(path[-1], near)
        whole = [*([first] if first else []), *path, *([last] if last else [])]
        found.append(Branch(np.array(whole), (first is None, last is None)))
    return found


def _walk(pixels: set[tuple[int, int]]) -> list[tuple[int, int]]:
    """The pixels in order from one end; a closed loop starts at its first pixel."""

    def around(p: tuple[int, int]) -> list[tuple[int, int]]:
        return [(p[0] + a, p[1] + b) for a, b in _STEPS if (p[0] + a, p[1] + b) in pixels]

    current = next((p for p in sorted(pixels) if len(around(p)) <= 1), min(pixels))
    path = [current]
    pixels.discard(current)
    while nearby := around(current):
        current = nearby[0]
        pixels.discard(current)
        path.append(current)
    return path


def _junction_at(end: tuple[int, int], near: set[tuple[int, int]]) -> tuple[int, int] | None:
    """The closest junction pixel at most two pixels away."""
    around = [(abs(a) + abs(b), (end[0] + a, end[1] + b)) for a in range(-2, 3) for b in range(-2, 3)]
    return min(((d, p) for d, p in around if p in near), default=(0, None))[1]


def pruned_branches(water: np.ndarray, depth_px: np.ndarray) -> list[Branch]:
    """Branches of the skeleton of ``water`` without spurs: dead ends no longer than the water is wide where they leave.

    ``depth_px`` is the distance of each water pixel to land, in pixels.
    """
    skeleton = skeletonize(water)
    for _ in range(MAX_PRUNINGS):
        found = branches(skeleton)
        spurs = [b for b in found if b.free[0] != b.free[1] and len(b.path) <= 2 * depth_px[tuple(b.path.T)].max()]
        if not spurs:
            break
        for spur in spurs:
            keep = spur.path[0] if not spur.free[0] else spur.path[-1]
            skeleton[tuple(spur.path.T)] = False
            skeleton[tuple(keep)] = True
        skeleton = skeletonize(skeleton)
    return branches(skeleton)


def smooth_line(branch: Branch, grid: Grid, depth_px: np.ndarray, *, window: int = 5) -> shapely.LineString | None:
    """The branch in map coordinates, smoothed so that stairs of pixels do not lengthen it, and extended to the bank at free ends.

    None where the branch is a single pixel without direction.
    """
    if len(branch.path) < 2:
        return None
    xy = np.column_stack([grid.left + (branch.path[:, 1] + 0.5) * grid.resolution_m, grid.top - (branch.path[:, 0] + 0.5) * grid.resolution_m])
    smooth = ndimage.uniform_filter1d(xy, window, axis=0, mode="nearest") if len(xy) > window else xy.copy()
    smooth[0], smooth[-1] = xy[0], xy[-1]
    for end, free in ((0, branch.free[0]), (-1, branch.free[1])):
        if free:
            back = smooth[min(window, len(smooth) - 1)] if end == 0 else smooth[max(-window - 1, -len(smooth))]
            direction = smooth[end] - back
            ahead = max(depth_px[tuple(branch.path[end])] - 0.5, 0.0) * grid.resolution_m
            point = smooth[end] + direction / max(np.hypot(*direction), 1e-9) * ahead
            smooth = np.concatenate([[point], smooth] if end == 0 else [smooth, [point]])
    return shapely.LineString(smooth)
