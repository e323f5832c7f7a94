"""What field visits decide of the coast: a visit to a finding decides the transects that it was found on."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import shapely

from rs_pipeline.config import Settings
from rs_pipeline.products.coastline.classes import ARTIFICIAL, MOUTH, NATURAL
from rs_pipeline.products.coastline.transects import newest_shores
from rs_pipeline.products.findings import CONFIRMED, REFUTED
from rs_pipeline.products.visits import decided_findings

NEAR_M = 100.0
"""A transect belongs to a finding that it meets within this distance of its newest shore: the shore moves along the transect between two runs, and further
away the transect may cross another coast."""


def decided_transects(settings: Settings, kind: str, transects: gpd.GeoDataFrame, began: np.ndarray) -> np.ndarray:
    """What visits decide of findings of a kind, str (n, p): CONFIRMED, REFUTED, or empty where nothing is decided or the period is before the finding.

    A finding begins in its first period in the earlier list or in this run, whichever is earlier. Where this run shows no finding, one of the list counts
    only if it was confirmed in some period, from its first period there on. Of several findings on a transect a refuted one decides, as on land.

    Parameters
    ----------
    transects : lines with ``distance_<period>``, metres. began : int (n,), index of the first period in which the satellite shows such a finding, p where it shows none.

    Raises
    ------
    ConfigError : the earlier list cannot be used. TableError : the visits cannot be used.
    """
    labels = [p.label for p in settings.all_periods]
    out = np.full((len(transects), len(labels)), "", object)
    found = decided_findings(settings, [kind]).to_crs(transects.crs)
    near = shapely.intersection(transects.geometry.to_numpy(), shapely.buffer(newest_shores(transects), NEAR_M))
    transect, finding = shapely.STRtree(found.geometry.to_numpy()).query(near, predicate="intersects")
    confirmed = found[[f"confirmed_{label}" for label in labels]].to_numpy(bool)[finding]
    listed = found.first_seen.map({label: k for k, label in enumerate(labels)}).fillna(len(labels)).to_numpy("int64")[finding]
    shown = began[transect]
    first = np.where((shown < len(labels)) | confirmed.any(axis=1), np.minimum(shown, listed), len(labels))
    since = np.arange(len(labels)) >= first[:, None]
    for word, where in ((CONFIRMED, confirmed), (REFUTED, ~confirmed)):
        row, period = np.nonzero(since & where)
        out[transect[row], period] = word
    return out


def decided_classes(classes: np.ndarray, natural: np.ndarray, field: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Classes of coast units and probability that they are natural, (n, p), after visits to converted coast (`decided_transects`): confirmed coast is artificial
    and refuted coast natural, beyond doubt. A river mouth stays one.

    >>> classes, field = np.array([["artificial", "uncertain", "river mouth"]]), np.array([["refuted", "confirmed", "confirmed"]])
    >>> [v.tolist() for v in decided_classes(classes, np.array([[0.1, 0.5, 0.5]]), field)]
    [[['natural', 'artificial', 'river mouth']], [[1.0, 0.0, 0.5]]]
    """
    which = [(field == word) & (classes != MOUTH) for word in (CONFIRMED, REFUTED)]
    return np.select(which, [ARTIFICIAL, NATURAL], classes), np.select(which, [0.0, 1.0], natural)


def decided_built(built: np.ndarray, field: Sequence[str] | np.ndarray, field_step: Sequence[str] | np.ndarray) -> np.ndarray:
    """Whether each shore is built, bool (n,), after visits to its conversion and to its reclamation: what was refuted is not, what was confirmed is.

    >>> decided_built(np.array([True, True, False, False]), ["refuted", "", "confirmed", ""], ["", "refuted", "", "confirmed"]).tolist()
    [False, False, True, True]
    >>> decided_built(np.array([False]), ["refuted"], ["confirmed"]).tolist()
    [True]
    """
    out = built
    for decided in (np.asarray(field), np.asarray(field_step)):
        out = np.select([decided == CONFIRMED, decided == REFUTED], [True, False], out)
    return out
