"""The table of watched places, and the zones that it makes; what people write wrongly is told with feature and remedy."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from rs_pipeline.errors import ConfigError
from rs_pipeline.products.baselines import target_ids
from rs_pipeline.products.places.table import PLACE_INDICATORS
from rs_pipeline.products.watch import ANSWERS, WATCHED_KINDS, load_watched, watched_kinds, watched_zones
from rs_pipeline.region import load_units, with_unions

SQUARES = [shapely.box(115.2, 38.2, 115.4, 38.4), shapely.box(115.3, 38.2, 115.5, 38.4), shapely.box(115.9, 38.2, 116.1, 38.4)]
"""In the first unit (115 to 116 E) the two overlap by half; the third lies half in the second one."""


@pytest.fixture
def watched(fake_run, tmp_path):
    """Settings of a run of two units whose places are SQUARES, or others, with columns."""

    def watched(shapes=tuple(SQUARES), **columns):
        plain = {"kind": ["village"] * len(shapes), "name": [f"V{i}" for i in range(len(shapes))]}
        gpd.GeoDataFrame(plain | columns, geometry=list(shapes), crs=4326).to_file(tmp_path / "places.gpkg")
        return fake_run(tables={"places": str(tmp_path / "places.gpkg")}).settings

    return watched


def zones_of(settings, period="2024"):
    return pd.concat(list(watched_zones(settings, with_unions(load_units(settings)), period)), ignore_index=True)


def test_kinds_are_read_in_english_and_chinese_and_ids_are_made_where_there_are_none(watched):
    got = load_watched(watched(kind=["village", "村庄", "Water source"]))
    assert got.kind.tolist() == ["village", "village", "water_source"] and got.place_id.tolist() == ["village-1", "village-2", "water_source-3"]
    assert got.cleared.isna().all() and got.name.tolist() == ["V0", "V1", "V2"]


def test_every_kind_answers_a_sentence_and_has_a_chief_indicator(watched):
    known = target_ids(watched())
    assert set(ANSWERS) == set(WATCHED_KINDS)
    assert all(set(answer.targets) <= known and answer.chief in PLACE_INDICATORS for answer in ANSWERS.values())


def test_every_kind_may_be_written_in_either_language(watched):
    both = [*WATCHED_KINDS, *WATCHED_KINDS.values()]
    assert load_watched(watched([SQUARES[0]] * len(both), kind=both)).kind.tolist() == [*WATCHED_KINDS] * 2


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"kind": ["village", "vilage", "habitat"]}, "'vilage' is no kind of place; did you mean 'village'?"),
        ({"kind": ["village", None, "habitat"]}, "'' is no kind of place"),
        ({"place_id": ["a", "b", "a"]}, "column place_id: a are there twice"),
        ({"place_id": ["a", "", "c"]}, "column place_id: empty in feature 2"),
        ({"cleared": ["2024", "soon", ""]}, "'soon' is not a year"),
        ({"cleared": [2024, 20240, 2025]}, "'20240' is not a year"),
    ],
)
def test_what_cannot_be_used_is_told(watched, columns, told):
    with pytest.raises(ConfigError) as fault:
        load_watched(watched(**columns))
    assert told in str(fault.value) and "places.gpkg" in str(fault.value)


def test_an_unknown_kind_is_told_with_its_feature_and_all_kinds(watched):
    with pytest.raises(ConfigError) as fault:
        load_watched(watched(kind=["village", "vilage", "habitat"]))
    assert "feature 2" in fault.value.where and all(kind in fault.value.remedy for kind in WATCHED_KINDS)


def test_an_empty_table_is_refused(watched):
    with pytest.raises(ConfigError, match="no features"):
        load_watched(watched([]))


def test_a_column_that_is_missing_is_told(fake_run, tmp_path):
    gpd.GeoDataFrame({"kinds": ["village"], "name": ["V"]}, geometry=SQUARES[:1], crs=4326).to_file(tmp_path / "places.gpkg")
    with pytest.raises(ConfigError, match=r"columns not found: \['kind'\]") as fault:
        load_watched(fake_run(tables={"places": str(tmp_path / "places.gpkg")}).settings)
    assert "did you mean 'kinds'?" in fault.value.remedy


def test_overlapping_places_of_a_kind_count_once_in_a_unit_and_in_full_by_themselves(watched):
    got = zones_of(watched())
    kind = got[got.zone == "place:village"].set_index("adcode").geometry.area
    assert kind.to_dict() == pytest.approx({"130001": 0.06 + 0.02, "130002": 0.02})
    single = got[got.zone.str.startswith("watched:")]
    assert single.zone.tolist() == ["watched:village-1", "watched:village-2", "watched:village-3"] and single.geometry.area.tolist() == pytest.approx(
        [0.04] * 3
    )
    assert (single.adcode == "").all() and not single.in_region.any()


def test_a_place_outside_all_units_is_in_none_and_stays_a_place(watched):
    got = zones_of(watched([shapely.box(120, 38, 120.1, 38.1)]))
    assert got.zone.tolist() == ["watched:village-1"]


def test_a_plot_that_is_cleared_is_no_longer_held_against_its_kind(watched):
    """Cleared in 2024: held to the end of 2023. Without a year it always is."""
    settings = watched(kind=["contaminated_plot"] * 3, cleared=pd.array([2024, None, None], "Int64"))
    area = {period: zones_of(settings, period).set_index(["zone", "adcode"]).geometry.area for period in ("2023", "2024")}
    assert area["2023"]["place:contaminated_plot", "130001"] == pytest.approx(0.08) and area["2024"]["place:contaminated_plot", "130001"] == pytest.approx(0.06)
    assert np.isclose(area["2024"]["watched:contaminated_plot-1", ""], 0.04), "the place itself stays watched"


def test_a_year_in_that_column_says_nothing_of_other_kinds(watched):
    got = zones_of(watched(kind=["habitat"] * 3, cleared=pd.array([2023, 2023, 2023], "Int64")), "2024")
    assert "place:habitat" in set(got.zone)


def test_without_the_table_there_are_no_zones_and_no_kinds(fake_run):
    settings = fake_run().settings
    assert list(watched_zones(settings, load_units(settings), "2024")) == [] and watched_kinds(settings) == frozenset()
