"""Another province is another table."""

import geopandas as gpd
import pytest
from typer.testing import CliRunner

from rs_pipeline.cli import app
from rs_pipeline.config import parse
from rs_pipeline.errors import ConfigError
from rs_pipeline.indicators.table import Judge
from rs_pipeline.paths import config_folder
from rs_pipeline.provinces import load_province

TOY = """\
name: {en: Beijing, zh: 北京市}
adcode: 110000
area_km2: 16410
units: {code_prefix: 11, file: data/beijing.gpkg}
targets: targets.csv
"""


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """Writes the toy table, with a text replaced, and gives its path."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "targets.csv").write_text((config_folder() / "targets.csv").read_text("utf-8"))

    def write(old: str = "", new: str = "") -> str:
        (tmp_path / "toy.yaml").write_text(TOY.replace(old, new) if old else TOY)
        return "./toy.yaml"

    yield write
    from rs_pipeline import provinces

    provinces._read.cache_clear()


def settings(**changes):
    source = {"sensor": "hls2-s30", "catalog": "x"}
    return parse({"run": "t", "units": {"path": "u.gpkg"}, "periods": [2023, 2024], "sources": [source], **changes})


def test_hebei_is_the_province_that_is_shipped():
    hebei = load_province("hebei")
    assert (hebei.name.zh, hebei.adcode, hebei.area_km2, hebei.units.code_prefix) == ("河北省", "130000", 188_800, "13")
    assert settings().targets_path == hebei.targets == config_folder() / "targets.csv"


def test_a_toy_province_decides_targets_and_totals(toy, tmp_path):
    s = settings(province=toy())
    assert s.targets_path == tmp_path / "targets.csv"
    # 97 % of 16410 km2 is 15917.7: of that the run is the whole province, of Hebei a part.
    assert Judge(s, 15_918.0).is_province and not Judge(s, 15_917.0).is_province
    assert not Judge(settings(), 15_918.0).is_province and Judge(settings(), 183_136.0).is_province
    assert settings(province=toy(), indicators={"targets": "mine.csv"}).targets_path.name == "mine.csv"


def test_the_verb_makes_the_counties_of_any_table(toy, tmp_path):
    done = CliRunner().invoke(app, ["units", toy(), str(tmp_path / "u.gpkg")])
    assert done.exit_code == 0, done.output
    frame = gpd.read_file(tmp_path / "u.gpkg")
    assert len(frame) == 16 and set(frame.adcode.str[:2]) == {"11"} and "东城区" in set(frame.name)
    # Beijing covers 16,410 km2 by the statistical yearbook.
    assert frame.to_crs(6933).area.sum() / 1e6 == pytest.approx(16_410, rel=5e-3)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("area_km2: 16410", "area_km2: 0", "line 3, area_km2: Input should be greater than 0"),
        ("area_km2", "area", "line 3, area: unknown key; did you mean 'area_km2'?"),
        ("adcode: 110000", "adcode: 11", "line 2, adcode: 11 does not have the pattern asked for: Administrative code, six digits"),
        ("code_prefix: 11", "code_prefix: 13", "line 4, units.code_prefix: 110000 does not begin with 13"),
        ("targets: targets.csv", "targets: none.csv", "line 5, targets: "),
        ("zh: 北京市", "cn: 北京市", "line 1, name.cn: unknown key"),
    ],
)  # fmt: skip
def test_a_slip_of_the_pen_is_refused_with_its_line(toy, old, new, told):
    with pytest.raises(ConfigError) as fault:
        load_province(toy(old, new))
    assert told in str(fault.value) and "toy.yaml" in fault.value.where and fault.value.remedy
    with pytest.raises(ConfigError, match="province: "):
        settings(province="./toy.yaml")
