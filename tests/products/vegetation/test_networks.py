"""The committed networks: what they say of known surfaces and of canopies simulated elsewhere."""

import json
from datetime import UTC, date, datetime
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pytest
from rs_kernels.stack import Stack

from rs_pipeline.config import VegetationSection, parse
from rs_pipeline.errors import ConfigError
from rs_pipeline.model import OPTICAL_BANDS
from rs_pipeline.paths import config_folder
from rs_pipeline.products.vegetation import model as module
from rs_pipeline.products.vegetation import pixels, snap

SOIL = [0.08, 0.11, 0.14, 0.17, 0.23, 0.30, 0.25]
DENSE = [0.02, 0.05, 0.018, 0.08, 0.50, 0.19, 0.07]
CITY = [0.12, 0.13, 0.14, 0.15, 0.18, 0.20, 0.18]
STRAW = [0.06, 0.09, 0.13, 0.17, 0.26, 0.34, 0.26]
CLEAR_WATER = [0.03, 0.04, 0.025, 0.02, 0.012, 0.006, 0.004]
CLOUD = [0.55, 0.56, 0.57, 0.58, 0.60, 0.45, 0.35]


@pytest.fixture(scope="module")
def model():
    return module.load_cover_model(config_folder() / "vegetation.json")


def cover(network, spectrum, sun=50.0):
    found, known = network.estimate_cover(np.array([spectrum]), sun)
    return found[0] if known[0] else np.nan


@pytest.mark.parametrize("name", ["s2_20m", "s2_10m", "landsat_tm", "landsat_oli"])
def test_known_surfaces(model, name):
    network = model.networks[name]
    assert cover(network, DENSE) > 0.85
    assert max(cover(network, s) for s in (SOIL, CITY)) < 0.09
    assert cover(network, STRAW) < 0.16  # its yellow slope is the nearest to leaves of all that is dead
    assert not cover(network, CLEAR_WATER) > 0.10


@pytest.mark.parametrize("name", ["s2_20m", "s2_10m", "landsat_tm", "landsat_oli"])
def test_cover_rises_from_soil_to_leaves(model, name):
    shares = np.linspace(0, 1, 21)[:, None]
    found, known = model.networks[name].estimate_cover((1 - shares) * np.array(SOIL) + shares * np.array(DENSE), 50.0)
    assert known.all() and (np.diff(found) > 0).all()
    assert np.abs(found - shares[:, 0] * found[-1]).max() < 0.12


def test_a_cloud_is_unknown(model):
    assert np.isnan(cover(model.networks["s2_20m"], CLOUD)) and np.isnan(cover(model.networks["landsat_oli"], CLOUD))


def test_bands_that_a_network_does_not_take_may_be_missing(model):
    without = [np.nan, 0.05, 0.018, np.nan, 0.50, np.nan, np.nan]
    assert cover(model.networks["s2_10m"], without) == cover(model.networks["s2_10m"], DENSE)


def test_an_unknown_sun_is_the_mean_of_the_training(model):
    network = model.networks["s2_20m"]
    mean = np.degrees(np.arcsin(network.sun_cos))
    assert cover(network, DENSE, None) == pytest.approx(cover(network, DENSE, mean), abs=1e-12)
    assert cover(network, DENSE, 25.0) != cover(network, DENSE, 65.0)


def test_the_report_is_simulated_and_within_the_stated_bounds(model):
    report = model.report
    assert report["kind"] == "simulated"
    assert all(np.isfinite([n.sigma_model, n.sigma_noise]).all() for n in model.networks.values())
    for name in model.networks:
        known, unknown = report[name]["mixed pixels"], report[name]["mixed pixels, sun unknown"]
        # of the bands of 20 m, half see their surroundings too
        assert (
            known["rmse"] < (0.08 if name == "s2_10m" else 0.072 if name == "s2_20m" else 0.07)
            and abs(known["bias"]) < 0.005
            and unknown["rmse"] - known["rmse"] < 0.01
        )
    assert all(abs(d["bias"]) < 0.01 for d in report["difference to sentinel-2a at 20 m"].values())


def test_canopies_of_the_snap_toolbox(real_data, model):
    """41,472 PROSAIL canopies with the FCOVER of ESA's 20 m network; it sees B06 and B07 besides, and narrow B8A."""
    cases = np.loadtxt(real_data / "fcover_auxdata/3_0/S2A/FCOVER/FCOVER_TestCases", delimiter=",")[::20]
    refl = np.column_stack([np.zeros(len(cases)), cases[:, [0, 1, 2, 5, 6, 7]]])
    found, known = model.networks["s2_20m"].estimate_cover(refl, np.degrees(np.arcsin(cases[:, 9])))
    error = (found - cases[:, -1])[known]
    assert known.mean() > 0.98 and (error**2).mean() ** 0.5 < 0.05 and abs(error.mean()) < 0.03


def test_snap_networks_answer_as_snap_does(real_data, monkeypatch):
    """132 test cases of the 10 m network, each with its own view in place of the mean one."""
    folder = real_data / "fcover_auxdata/3_0"
    for case in np.loadtxt(folder / "S2A_10m/FCOVER/FCOVER_TestCases", delimiter=",")[::6]:
        monkeypatch.setattr(snap, "VIEW_COS", case[3])
        monkeypatch.setattr(snap, "AZIMUTH_COS", case[5])
        network = snap.read_snap(folder).networks["s2_10m"]
        spectrum = np.array([0, case[0], case[1], 0, case[2], 0, 0])
        assert network.estimate_cover(spectrum[None], np.degrees(np.arcsin(case[4])))[0][0] == pytest.approx(case[6], abs=5e-4)


def stack(dn, day):
    """Dates of clear pixels of 10 m, without an offset."""
    n = len(dn)
    return Stack(dn, np.zeros((n, *dn.shape[2:]), "uint16"), 0, np.full(n, 1e-4, "f4"), np.zeros(n, "f4"), np.full(n, 10.0), day)


def test_snap_networks_in_place_of_ours(real_data):
    chips = [SimpleNamespace(scene=scene("sentinel-2a", day=date(2024, month, d))) for month in (7, 8, 9) for d in (1, 11, 21)]
    dn = np.round(np.array([DENSE, SOIL]).T[None, :, None, :].repeat(9, axis=0) * 1e4).astype("uint16")
    chosen = settings("network", networks=str(real_data / "fcover_auxdata/3_0"))
    days = np.array([c.scene.solar_day.toordinal() for c in chips])

    def peak():
        return pixels.vegetation_layers(chosen, chips, stack(dn, days))[0, 0]

    assert peak()[0] > 0.85 and peak()[1] < 0.1
    chips[0].scene.platform = "landsat-7"
    with pytest.raises(ConfigError, match=r"(?s)no cover network for landsat_tm.*dimidiate"):
        peak()


def test_a_folder_without_snap_networks_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"the SNAP network cannot be read: .*FCOVER_Normalisation not found"):
        snap.read_snap(tmp_path)


def test_a_file_that_is_no_model_is_named(tmp_path):
    path = tmp_path / "nets.json"
    path.write_text(json.dumps({"networks": {"s2_20m": {}}, "report": {}}))
    with pytest.raises(ConfigError, match=r"the cover networks cannot be read: 'weights'"):
        module.CoverModel.read(path)


def test_a_model_survives_its_file(model, tmp_path):
    path = tmp_path / "nets.json"
    path.write_text(model.to_json())
    again = module.CoverModel.read(path)
    assert again.to_json() == model.to_json() and again.networks["s2_10m"].high[0] == np.inf


def scene(platform, sensor="earth-search-sentinel-2-l2a", sun=50.0, day=date(2024, 7, 1), bands=OPTICAL_BANDS):
    return SimpleNamespace(
        assets=dict.fromkeys(bands), platform=platform, sensor=sensor, sun_elevation_deg=sun, solar_day=day, datetime=datetime(2024, 7, 1, tzinfo=UTC)
    )


@pytest.mark.parametrize(
    ("platform", "sensor", "red_edge", "name"),
    [
        ("sentinel-2a", "earth-search-sentinel-2-l2a", False, "s2_10m"), ("sentinel-2b", "earth-search-sentinel-2-l2a", True, "s2_20m"),
        ("landsat-5", "planetary-computer-landsat-c2-l2", True, "landsat_tm"),
        ("landsat-9", "planetary-computer-landsat-c2-l2", False, "landsat_oli"),
        ("", "planetary-computer-landsat-c2-l2", True, "landsat_oli"), ("", "earth-search-sentinel-2-l2a", True, "s2_20m"),
        ("sentinel-2a", "hls2-s30", True, "landsat_oli"), ("landsat-8", "hls2-l30", True, "landsat_oli"),
    ],
)  # fmt: skip
def test_a_scene_gets_the_network_of_its_sensor(platform, sensor, red_edge, name):
    assert pixels.network_of(scene(platform, sensor), red_edge=red_edge) == name


def test_a_scene_without_red_edge_is_not_asked_for_it():
    assert pixels.network_of(scene("sentinel-2a", bands=("green", "red", "nir"))) == "s2_10m"


def settings(method, **vegetation):
    return parse(
        {
            "run": "t",
            "units": {"path": "u.gpkg"},
            "periods": [2024],
            "sources": [{"sensor": "earth-search-sentinel-2-l2a", "catalog": "c"}],
            "vegetation": {"method": method, "min_dates": 2, "min_span_days": 10, **vegetation},
        }
    )


@pytest.mark.parametrize("method", ["network", "dimidiate"])
def test_both_methods_find_leaves_and_soil(method):
    days = [date(2024, 6, 20), date(2024, 7, 10), date(2024, 7, 30), date(2024, 8, 19)]
    chips = [SimpleNamespace(scene=scene("sentinel-2a", day=d)) for d in days]
    dn = np.round(np.array([DENSE, SOIL]).T[None, :, None, :].repeat(4, axis=0) * 1e4).astype("uint16")
    out = pixels.vegetation_layers(settings(method), chips, stack(dn, np.array([170, 190, 210, 230])))
    peak, growing, sigma, n_peak, n_growing, unknown, spring, summer = out[:, 0, :]
    assert np.isnan(spring).all() and summer[0] == pytest.approx(peak[0], abs=0.02) and summer[1] < 0.1
    assert peak[0] > 0.85 and growing[0] > 0.85 and peak[1] < 0.1 and growing[1] < 0.1
    assert (0 < sigma).all() and (sigma < 0.15).all() and n_peak.tolist() == n_growing.tolist() == [4, 4] and not unknown.any()


def test_lines_are_worked_out_on_days_of_the_windows_of_every_year():
    days = [date(2023, 6, 1), date(2024, 12, 1)]
    lines, (peak, growing, spring, summer) = pixels.line_days(days, np.array([100, 649]), VegetationSection())
    # 1 May to 30 September is 122 days of the first year and 153 of the second, every fourth; 10 April comes before
    assert lines[0] == 100 and np.diff(lines).min() == 4 and not peak[0] and growing[0] and not growing.all()
    assert peak.sum() == 2 * 22  # 88 days a year
    assert spring.sum() in (10, 11) and summer.sum() in (20, 21, 22) and not (spring & summer).any()


def test_double_cropped_land_has_two_peaks():
    days = [date(2024, 4, 12), date(2024, 5, 2), date(2024, 5, 18), date(2024, 6, 20), date(2024, 7, 22), date(2024, 8, 8), date(2024, 8, 30)]
    green = [1, 1, 1, 0, 1, 1, 0]
    chips = [SimpleNamespace(scene=scene("sentinel-2a", day=d)) for d in days]
    spectra = np.array([DENSE if g else SOIL for g in green])
    dn = np.round(spectra[:, :, None, None] * 1e4).astype("uint16")
    day = np.array([(d - days[0]).days for d in days])
    out = pixels.vegetation_layers(settings("network"), chips, stack(dn, day))
    *_, spring, summer = out[:, 0, 0]
    assert spring > 0.85 and summer > 0.80


def test_endmembers_of_the_default_reflectances():
    # soil (0.16, 0.22), vegetation (0.03, 0.45): NDVI 0.1579 and 0.875, K = 0.48/0.38
    assert pixels.endmembers(VegetationSection()) == pytest.approx((0.157895, 0.875, 1.263158), abs=1e-6)


def test_bands_of_20_m_see_their_surroundings():
    """Half of a cell around is like the neighbour: red edge is the mean of both, SWIR that times the pixel's NIR over the cell's."""
    from rs_pipeline.training.canopies import in_cells

    own, neighbour = np.array([DENSE]), np.array([SOIL])
    seen = in_cells(own, neighbour, np.array([0.5]))[0]
    assert seen[[0, 1, 2, 4]].tolist() == own[0, [0, 1, 2, 4]].tolist()
    assert seen[3] == pytest.approx((0.08 + 0.17) / 2)
    gain = 0.50 / ((0.50 + 0.23) / 2)
    assert seen[5:] == pytest.approx([gain * (0.19 + 0.30) / 2, gain * (0.07 + 0.25) / 2])
    assert in_cells(own, neighbour, np.array([0.0])).tolist() == own.tolist()


def test_coarse_dates_weigh_little_beside_fine_ones():
    # by area, (10 / 30) ** 2; without a finer sensor all weigh the same
    assert pixels.date_worth(np.array([10, 30], "f4")) == pytest.approx([1, 1 / 9])
    assert pixels.date_worth(np.array([30, 30], "f4")).tolist() == [1, 1]


@pytest.mark.skipif(find_spec("prosail") is None, reason="the simulation needs prosail, which only the training uses")
def test_training_learns_and_is_repeatable():
    from rs_pipeline.training.vegetation import train_cover_model

    first, second = train_cover_model(120, seed=5, iterations=80), train_cover_model(120, seed=5, iterations=80)
    assert first.to_json() == second.to_json() and first.report["s2_20m"]["mixed pixels"]["rmse"] < 0.12
