"""The tile composite from small chips on disk: lattice, tide window, masks, missing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio

from rs_pipeline.catalog import passes
from rs_pipeline.config import CoastlineSection, InputSection, MaskSection
from rs_pipeline.layout import SHORE_FAMILIES, SHORE_RADAR, Layout
from rs_pipeline.model import OPTICAL_BANDS, Grid, Tile
from rs_pipeline.products.coastline import clear_numbers, composite, date_layers
from rs_pipeline.products.coastline.composite import SHORE_BANDS, native_grid, shore_composite
from rs_pipeline.sensors import load_sensor
from rs_pipeline.storage.raster import MapBand, write_map

CRS = "EPSG:32650"
TILE = Tile("r000c000", 0, 0, Grid(CRS, 10.0, 500_010.0, 4_300_000.0, 16, 16))
FIRST = datetime(2024, 5, 1, 3, tzinfo=UTC)


class FakeChip:
    """Uniform NIR (200 above SWIR1), SWIR1 and green in files of the chips' own kind."""

    family = "optical"

    def __init__(self, folder, day, swir1, green=1500, *, left=499_980.0, resolution_m=10.0, cloudy=(), key=None):
        when = FIRST + timedelta(days=day)
        sensor = "earth-search-sentinel-2-l2a"
        self.scene = SimpleNamespace(
            key=key or f"s{day}", sensor=sensor, platform="sentinel-2a", datetime=when, solar_day=when.date(), scale=1e-4, offset=-0.1, assets={}
        )
        grid = Grid(CRS, resolution_m, left, 4_300_040.0, 32, 32)
        self.cloudy = cloudy
        self.files, self.transforms = {}, {}
        for role, value in (("nir", swir1 + 200), ("swir1", swir1), ("green", green)):
            path = folder / f"{self.scene.key}_{role}.tif"
            write_map(path, grid, {role: np.full(grid.shape, value)}, [MapBand(role, role)], {})
            self.files[role] = (path, 1)

    def has(self, role):
        return role in self.files


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs shore_composite on chips and gives the bands and tags of the Sentinel-2 file."""

    def qa(chip, grid, masks, dn, native):
        out = np.zeros(grid.shape, "uint16")
        for row, col in chip.cloudy:
            out[row, col] = 2
        return out

    def bands_of(chip, grid):
        values = []
        for role in OPTICAL_BANDS:
            if not chip.has(role):
                values.append(np.zeros(grid.shape))
                continue
            with rasterio.open(chip.files[role][0]) as src:
                assert (grid.left - src.transform.c) % grid.resolution_m == 0
                values.append(np.full(grid.shape, src.read(1)[0, 0]))
        return np.array(values, "uint16")

    def go(chips, **coastline):
        settings = SimpleNamespace(
            root=tmp_path / "run",
            stated=lambda key: InputSection(),
            masks=MaskSection(),
            resources=SimpleNamespace(memory_gb=1.0),
            coastline=None if coastline.get("off") else CoastlineSection(**coastline),
        )
        monkeypatch.setattr(composite, "read_tile", lambda s, t: TILE)
        monkeypatch.setattr(composite, "load_chips", lambda s, t, p: chips)
        monkeypatch.setattr(passes, "tile_flags", lambda chips, *_: [None] * len(chips))
        monkeypatch.setattr(passes, "scene_flags", qa)
        monkeypatch.setattr(clear_numbers, "read_bands", bands_of)
        shore_composite(settings, TILE.id, "2024")
        with rasterio.open(Layout(settings.root).shore("2024", TILE.id, "sentinel-2")) as src:
            return dict(zip(src.descriptions, src.read(), strict=True)), src.tags(), src.transform

    go.folder = tmp_path
    return go


def test_median_and_counts_by_hand(run):
    chips = [FakeChip(run.folder, d, v, cloudy=[(0, 0)] if d == 1 else []) for d, v in enumerate((1100, 1500, 1300))]
    bands, tags, transform = run(chips)
    assert tuple(bands) == tuple(b.name for b in SHORE_BANDS)
    assert bands["swir1_refl"][1, 1] == pytest.approx(0.03, abs=1e-6) and bands["swir1_refl"][0, 0] == pytest.approx(0.02, abs=1e-6)
    assert bands["n_dates"][1, 1] == 3 and bands["n_dates"][0, 0] == 2
    assert bands["mndwi"][1, 1] == pytest.approx((0.05 - 0.03) / 0.08, abs=1e-5)
    assert np.isnan(bands["nir_low_tide"]).all() and tags["tide_m"] == "nan"
    assert tags["reference"] == "instantaneous" and tags["scenes"] == "s0 s1 s2"
    assert transform.a == 10 and transform.c % 10 == 0
    assert bands["nir_refl"][1, 1] == pytest.approx(0.05, abs=1e-6)


def test_only_dates_near_mean_sea_level_make_the_median(run):
    table = run.folder / "tide.csv"
    heights = (0.1, 1.0, -1.0, -0.2)
    rows = [f"{(FIRST + timedelta(days=d)).isoformat()},a,117,38.8,{h}" for d, h in enumerate(heights)]
    table.write_text("\n".join(["time_utc,station,lon,lat,height_m", *rows]))
    chips = [FakeChip(run.folder, d, v) for d, v in enumerate((1100, 4000, 5000, 1300, 6000))]
    bands, tags, _ = run(chips, tide_table=table)
    # the range is 2 m, the window 0.5 m: dates 0 and 3; date 4 has no tide
    assert bands["swir1_refl"][2, 2] == pytest.approx(0.02, abs=1e-6) and (bands["n_dates"] == 2).all()
    assert tags["reference"] == "msl" and tags["scenes"] == "s0 s3"
    assert float(tags["tide_m"]) == pytest.approx(-0.05)
    assert tags["tide_low_m"] == "nan" and np.isnan(bands["nir_low_tide"]).all()  # four dates make no thirds


def test_the_shore_is_read_at_mean_sea_level_whatever_the_tides_seen(run):
    table = run.folder / "tide.csv"
    heights = (-0.4, -0.3, -0.2, 0.2, 1.0, -1.0)
    rows = [f"{(FIRST + timedelta(days=d)).isoformat()},a,117,38.8,{h}" for d, h in enumerate(heights)]
    table.write_text("\n".join(["time_utc,station,lon,lat,height_m", *rows]))
    chips = [FakeChip(run.folder, d, v) for d, v in enumerate((3000, 2800, 2600, 1400, 9000, 9000))]
    bands, _, _ = run(chips, tide_table=table)
    # wet at 0.2 m (0.04), dry at -0.2 m (0.16): half of each at mean sea level; the median of the dates is 0.17
    assert bands["swir1_refl"][1, 1] == pytest.approx(0.10, abs=1e-6)
    assert bands["nir_refl"][1, 1] == pytest.approx(0.12, abs=1e-6)
    # the same dates over a field, never as dark as water: the median
    chips = [FakeChip(run.folder, d, v + 1000, key=f"field{d}") for d, v in enumerate((3000, 2800, 2600, 1400, 9000, 9000))]
    bands, _, _ = run(chips, tide_table=table)
    assert bands["swir1_refl"][1, 1] == pytest.approx(0.27, abs=1e-6)


def springs(run, *, seen_m):
    """A tide of springs at 1.4 m, half-hourly for 60 days before the passes; at each pass of a day on, the height in ``seen_m``."""
    start = FIRST - timedelta(days=60)
    hours = np.arange(0, 60 * 24, 0.5)
    height = np.cos(2 * np.pi * hours / 12.4206) + 0.4 * np.cos(2 * np.pi * hours / 12.0)
    rows = [f"{(start + timedelta(hours=h)).isoformat()},a,117,38.8,{m:.3f}" for h, m in zip(hours[:-12], height[:-12], strict=True)]
    rows += [f"{(FIRST + timedelta(days=d)).isoformat()},a,117,38.8,{m}" for d, m in enumerate(seen_m)]
    path = run.folder / "tide.csv"
    path.write_text("\n".join(["time_utc,station,lon,lat,height_m", *rows]))
    return path


def test_the_shore_is_read_at_mean_high_water_springs(run):
    """The range is 2.8 m, the window 0.7 m: passes at 0.9 to 1.6 m lie near 1.4 m, those at 0 m do not. Wet at 1.6 m (0.04), dry from 1.2 m down."""
    heights = (0.9, 1.2, 1.6, 0.0, -0.2)
    chips = [FakeChip(run.folder, d, v) for d, v in enumerate((2600, 2600, 1400, 9000, 9000))]
    bands, tags, _ = run(chips, tide_table=springs(run, seen_m=heights), level="mhws", min_dates=3)
    assert (tags["reference"], tags["scenes"]) == ("mhws", "s0 s1 s2") and float(tags["level_m"]) == pytest.approx(1.4, abs=0.02)
    # half wet at 1.4 m: 0.10; at mean sea level the two lowest dates are all there is
    assert bands["swir1_refl"][1, 1] == pytest.approx(0.10, abs=0.006)
    assert run(chips, tide_table=run.folder / "tide.csv", min_dates=1)[1]["scenes"] == "s3 s4"


def test_a_line_below_mean_high_water_springs_says_so(run, caplog):
    """No pass sees more than 0.6 m: the three highest make a line, which stands for 0.6 m."""
    chips = [FakeChip(run.folder, d, v) for d, v in enumerate((1500, 1600, 1700, 9000))]
    bands, tags, _ = run(chips, tide_table=springs(run, seen_m=(0.6, 0.5, 0.1, -0.9)), level="mhws", min_dates=3)
    assert (tags["reference"], float(tags["level_m"]), tags["scenes"]) == ("below mhws", 0.6, "s0 s1 s2") and (bands["n_dates"] == 3).all()
    assert "passes reach 0.60 m above mean sea level, mean high water springs lie at 1.39 m" in caplog.text


def test_low_and_high_tide_see_their_own_thirds(run):
    table = run.folder / "tide.csv"
    heights = (0.0, 0.1, -0.1, 1.0, 1.2, 1.4, -1.0, -1.2, -1.4)
    rows = [f"{(FIRST + timedelta(days=d)).isoformat()},a,117,38.8,{h}" for d, h in enumerate(heights)]
    table.write_text("\n".join(["time_utc,station,lon,lat,height_m", *rows]))
    chips = [FakeChip(run.folder, d, 2000 if abs(h) < 0.5 else 1200 if h > 0 else 4000) for d, h in enumerate(heights)]
    bands, tags, _ = run(chips, tide_table=table)
    assert [bands[b][3, 3] for b in ("swir1_refl", "nir_low_tide", "nir_high_tide")] == pytest.approx([0.1, 0.32, 0.04], abs=1e-6)
    assert [float(tags[t]) for t in ("tide_m", "tide_low_m", "tide_high_m")] == pytest.approx([0.0, -1.2, 1.2])


def test_granules_of_one_acquisition_are_one_date(run):
    chips = [FakeChip(run.folder, 0, 1100, key="a", cloudy=[(0, 0)]), FakeChip(run.folder, 0, 1300, key="b")]
    bands, _, _ = run(chips)
    assert bands["n_dates"][0, 0] == 0 and (bands["n_dates"].ravel()[1:] == 1).all()  # a cloud that one of them sees is one
    assert np.isnan(bands["swir1_refl"][0, 0]) and bands["swir1_refl"][1, 1] == pytest.approx(0.01, abs=1e-6)


@pytest.mark.parametrize("off", [True, False])
def test_without_chips_the_files_are_there_and_empty(run, off):
    bands, tags, _ = run([], **({"off": True} if off else {}))
    assert np.isnan(bands["swir1_refl"]).all() and (bands["n_dates"] == 0).all() and "scenes" not in tags
    for family in (*SHORE_FAMILIES, SHORE_RADAR):
        assert Layout(run.folder / "run").shore("2024", TILE.id, family).is_file()


def test_the_lattice_is_the_chips_own_and_pixels_belong_to_one_tile(run):
    chips = [FakeChip(run.folder, 0, 1), FakeChip(run.folder, 1, 1), FakeChip(run.folder, 2, 1, left=499_987.0)]
    grid, kept = native_grid(chips, TILE, 10.0)
    assert kept == chips[:2]
    # centres at 499985 + 10 k: the first in [500010, 500170) is 500015, the last 500165
    assert (grid.left, grid.width) == (500_010.0, 16)
    right = Tile("r000c001", 0, 16, TILE.grid.window(0, 16, 16, 16))
    assert native_grid(chips, right, 10.0)[0].left == grid.bounds[2]
    below = Tile("r001c000", 16, 0, TILE.grid.window(16, 0, 16, 16))
    assert native_grid(chips, below, 10.0)[0].top == grid.bounds[1]


def test_families_are_told_by_their_pixel(run):
    chip = FakeChip(run.folder, 0, 1)
    assert load_sensor(chip.scene.sensor).band("nir").resolution_m == 10
    assert composite.in_family(chip, "sentinel-2") and not composite.in_family(chip, "landsat")
    del chip.files["swir1"]
    assert not composite.in_family(chip, "sentinel-2")


def test_dates_are_read_near_the_shore_of_wide_water_alone():
    """Land ends at column 150; a line within 200 m of the shore, which may lie 60 m from the edge of what is dark, is read from columns 123 to 175."""
    swir1, mndwi = np.full((60, 300), 0.2, "float32"), np.full((60, 300), 0.5, "float32")
    swir1[:, 150:] = 0.01
    wanted = date_layers.near_shore(swir1, mndwi, 10.0)
    assert np.flatnonzero(wanted.all(axis=0)).tolist() == np.flatnonzero(wanted.any(axis=0)).tolist() == [*range(123, 176)]
    # mud that is dark on most dates: the threshold decides whether the line runs on its one side or on the other
    swir1[:, 150:180] = 0.05
    assert np.flatnonzero(date_layers.near_shore(swir1, mndwi, 10.0).any(axis=0)).tolist() == [*range(123, 206)]
    # the same where MNDWI says land
    swir1[:, 150:] = 0.01
    mndwi[:, 150:180] = -0.1
    assert np.flatnonzero(date_layers.near_shore(swir1, mndwi, 10.0).any(axis=0)).tolist() == [*range(123, 206)]


def test_water_that_the_edge_cuts_counts_as_wide_and_a_river_does_not():
    mndwi = np.full((60, 200), 0.5, "float32")
    river, strip = np.full((60, 200), 0.2, "float32"), np.full((60, 200), 0.2, "float32")
    river[:, 50:60] = strip[:, 191:] = 0.01
    for nothing in (river, np.full((60, 200), 0.01, "float32"), np.full((60, 200), np.nan, "float32")):
        assert not date_layers.near_shore(nothing, mndwi, 10.0).any()
    assert date_layers.near_shore(strip, mndwi, 10.0).any(axis=0).tolist() == [x >= 164 for x in range(200)]


def test_squares_cover_what_is_wanted_once_and_hold_little_else():
    wanted = np.zeros((1200, 700), bool)
    wanted[100:130, 500:530] = wanted[1100, 3] = True
    found = date_layers.windows_of(wanted, 40)
    assert [inner for _, inner, _ in found] == [(slice(100, 130), slice(500, 512)), (slice(100, 130), slice(512, 530)), (slice(1100, 1101), slice(3, 4))]
    assert [outer for outer, _, _ in found][2] == (slice(1060, 1141), slice(0, 44))
    assert sum(wanted[inner].sum() for _, inner, _ in found) == wanted.sum() and all((wanted[o][w] == wanted[i]).all() for o, i, w in found)


@pytest.mark.parametrize("budget_bytes", [1e9, 1.0], ids=["in one piece", "in blocks"])
def test_each_date_near_the_level_has_its_water_fraction(monkeypatch, budget_bytes):
    """The second date has two columns more of water, the third has a cloud over all of it. Whether the composite's numbers are in memory changes nothing."""
    grid = Grid(CRS, 10.0, 500_000.0, 4_300_000.0, 80, 90)
    first_wet, reads = (50, 48, 50), []

    def read_clear(members, piece, *_):
        for seen in members:
            reads.append(seen.day)
            bands = np.full((len(OPTICAL_BANDS), *piece.shape), 2000, "uint16")
            bands[:, :, max(0, first_wet[seen.day] - round((piece.left - grid.left) / 10)) :] = 100
            bands[OPTICAL_BANDS.index("green")] = 700
            yield seen, bands, np.full(piece.shape, seen.day != 2), None

    monkeypatch.setattr(clear_numbers, "clear_once", read_clear)
    scenes = [SimpleNamespace(scale=1e-4, offset=0.0, solar_day=FIRST + timedelta(days=d)) for d in range(3)]
    numbers = clear_numbers.ClearNumbers([SimpleNamespace(day=d, scene=s) for d, s in enumerate(scenes)], grid, MaskSection(), [[]] * 3)
    blocks = [dn.shape for dn in numbers.by_rows(budget_bytes)]
    assert blocks == ([(3, 3, 90, 80)] if budget_bytes > 1 else [(3, 3, 64, 80), (3, 3, 26, 80)])
    before = len(reads)
    wanted = np.zeros(grid.shape, bool)
    wanted[5:40, 30:70] = True
    dates = date_layers.DateLayers(numbers, wanted, 0.05)
    first, second, cloudy = (dates.layer(t) for t in range(3))
    assert first[15, 45:53].tolist() == [0] * 5 + [1] * 3 and second[15, 45:53].tolist() == [0] * 3 + [1] * 5
    assert np.isnan(cloudy).all() and np.isnan(first[~wanted]).all() and np.isfinite(first[wanted]).all()
    assert reads[before:] == ([] if budget_bytes > 1 else [0, 1, 2]), "what is in memory is not read again"


def test_a_second_pass_of_a_day_is_read_with_the_first(monkeypatch):
    """Where the first is clear the second takes no part, in a date's own numbers as in the composite's."""
    grid = Grid(CRS, 10.0, 500_000.0, 4_300_000.0, 4, 4)
    members = [SimpleNamespace(scene=SimpleNamespace(solar_day=day)) for day in (1, 2, 2)]
    numbers = clear_numbers.ClearNumbers(members, grid, MaskSection(), [["a"], ["b"], ["c"]])
    asked = []

    def read_clear(passes, piece, masks, bits, read, native):
        asked.extend(native)
        for i, seen in enumerate(passes):
            yield seen, np.full((len(OPTICAL_BANDS), *piece.shape), i + 1, "uint16"), np.ones(piece.shape, bool), None

    monkeypatch.setattr(clear_numbers, "clear_once", read_clear)
    assert (numbers.of_pass(2, (slice(0, 2), slice(1, 4))) == np.full((3, 2, 3), 2)).all() and asked == [["b"], ["c"]]
