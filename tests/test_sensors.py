"""A user's own sensor table: used without an edit of the core, and refused with its line where it is wrong."""

import json

import numpy as np
import pytest

from rs_pipeline.catalog.assign import assign
from rs_pipeline.catalog.chips import load_chips
from rs_pipeline.catalog.fetch import fetch
from rs_pipeline.catalog.ledger import read_ledger
from rs_pipeline.catalog.search import search
from rs_pipeline.config import parse
from rs_pipeline.errors import ConfigError
from rs_pipeline.layout import Layout
from rs_pipeline.paths import config_folder
from rs_pipeline.sensors import load_sensor, sensor_names
from tests.catalog.conftest import World, make_grid

TOY = """\
collection: toy-l2a
family: optical
platforms: [toysat-1]
bands:
  blue: {assets: [blue], resolution_m: 10}
  green: {assets: [green], resolution_m: 10}
  red: {assets: [red], resolution_m: 10}
  nir: {assets: [nir], resolution_m: 10}
  swir1: {assets: [swir16], resolution_m: 20}
  swir2: {assets: [swir22], resolution_m: 20, required: false}
  mask: {assets: [scl], resolution_m: 20}
scale: 0.0002
offset_rule: fixed
nodata: 0
dtype: uint16
valid_min: 1
valid_max: 10000
mask:
  kind: classes
  flags: {3: shadow, 9: cloud}
deduplicate_by: [platform, datetime]
"""


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """Writes the toy table, with a text replaced, to ``my/toy.yaml`` of the start folder and gives its name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my").mkdir()

    def write(old: str = "", new: str = "", name: str = "my/toy.yaml") -> str:
        assert old in TOY
        (tmp_path / name).write_text(TOY.replace(old, new) if old else TOY)
        return name

    return write


def refused(name: str) -> str:
    with pytest.raises(ConfigError) as fault:
        load_sensor(name)
    assert name.split("/")[-1] in fault.value.where and fault.value.remedy
    return str(fault.value)


def test_an_own_table_is_found_by_its_path(toy):
    sensor = load_sensor(toy())
    assert (sensor.name, sensor.collection, sensor.scale, sensor.offset, sensor.georeference) == ("my/toy.yaml", "toy-l2a", 2e-4, 0.0, "grid")
    assert sensor.band("swir1").resolution_m == 20 and not sensor.band("swir2").required and sensor.mask.flags == {3: "shadow", 9: "cloud"}
    assert "my/toy.yaml" not in sensor_names()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("required: false", "requird: false", "line 10, bands.swir2.requird: unknown key; did you mean 'required'?"),
        ("  green:", "  gren:", "line 6, bands.gren: Input should be 'blue', 'green'"),
        ("assets: [red]", "assets: red", "line 7, bands.red.assets: 'red' is one value, where a list is due; write [red]"),
        ("assets: [red]", "assets: []", "line 7, bands.red.assets: List should have at least 1 item"),
        ("resolution_m: 20, required", "resolution_m: -20, required", "line 10, bands.swir2.resolution_m: Input should be greater than 0"),
        ("required: false", "required: perhaps", "line 10, bands.swir2.required: Input should be a valid boolean"),
        ("9: cloud", "9: cluod", "line 20, mask.flags.9: Input should be 'nodata'"),
        ("9: cloud", "9: cluod", "did you mean 'cloud'?"),
        ("9: cloud", "nine: cloud", "line 20, mask.flags.nine: 'nine' is not a whole number"),
        ("  flags:", "  reasons:", "line 20, mask.reasons: unknown key"),
        ("kind: classes", "kind: class", "line 19, mask.kind: Input should be 'classes', 'bits' or 'none'; did you mean 'classes'?"),
        ("offset_rule: fixed", "offset_rule: fixd", "line 13, offset_rule: Input should be 'fixed', 'raster_bands', 'earth_search' or 'baseline'"),
        ("nodata: 0\n", "", "nodata: is missing; write it"),
        ("nodata: 0", "nodata: null", "line 14, nodata: null, where a number is due"),
        ("nodata: 0", "nodata: false", "line 14, nodata: false is neither a number nor a text"),
        ("nodata: 0", "nodata: -9999", "line 14, nodata: uint16 cannot hold -9999"),
        ("scale: 0.0002", "scale: two", "line 12, scale: 'two' is not a number"),
        ("scale: 0.0002", "scale: 0.2", "line 12, scale: valid_max 10000 stands for a reflectance of 2000"),
        ("valid_max: 10000", "valid_max: 65536", "line 17, valid_max: uint16 cannot hold 1 to 65536"),
        ("dtype: uint16", "dtype: unit16", "did you mean 'uint16'?"),
        ("family: optical", "family: optical\nfamily: radar", "line 3, family: the key is there already"),
        ("family: optical", "famly: optical", "line 2, famly: unknown key; did you mean 'family'?"),
        ("[platform, datetime]", "[platform, datetme]", "line 21, deduplicate_by: 'datetme' is not known"),
        ("  red: {assets: [red], resolution_m: 10}\n", "", "line 4, bands: an optical sensor needs the bands red"),
        ("mask:\n  kind", "mask: [\n  kind", "not valid YAML"),
    ],
)  # fmt: skip
def test_a_slip_of_the_pen_is_refused_with_its_line(toy, old, new, told):
    assert told in refused(toy(old, new))


def test_a_wrong_table_stops_the_start(toy):
    source = {"sensor": toy("required: false", "requird: false", "my/slip.yaml"), "catalog": "x"}
    with pytest.raises(ConfigError) as fault:
        parse({"run": "t", "units": {"path": "u"}, "periods": [2023], "sources": [source]})
    assert "sources.0.sensor" in str(fault.value) and "line 10, bands.swir2.requird" in str(fault.value) and "slip.yaml" in str(fault.value)


def test_a_path_without_a_table_is_told(toy):
    with pytest.raises(ConfigError, match=r"no sensor table 'my/none\.yaml'") as fault:
        load_sensor("my/none.yaml")
    assert "started in" in fault.value.remedy and "did you mean" not in fault.value.what


def test_a_toy_sensor_is_searched_and_fetched(toy, tmp_path):
    """The core knows nothing of it: the ledger stores the path, and the jobs find the table again."""
    world = World(tmp_path / "world")
    entry = world.scene("toy-1", "2023-05-01T03:00:00Z", dn=1500, scl=np.full((32, 32), 9, "uint8"), platform="toysat-1")
    (world.items / "000.json").write_text(json.dumps(entry | {"collection": "toy-l2a"}))
    world.scene("s2", "2023-05-01T03:00:00Z")
    settings = world.settings(sources=[{"sensor": toy(), "catalog": str(world.items)}])
    search(settings)
    scene = next(s for s in read_ledger(Layout(settings.root).scenes) if s.scene_id == "toy-1")
    assert (scene.sensor, scene.status, scene.scale, scene.offset) == ("my/toy.yaml", "used", 2e-4, 0.0)
    tile = make_grid(settings)
    assign(settings)
    fetch(settings, tile, "2023")
    chip = load_chips(settings, tile, "2023")[0]
    assert chip.scene.key == scene.key and {"red", "swir1", "mask"} <= set(chip.files)


def test_the_tables_readme_names_every_key():
    text = (config_folder() / "sensors" / "README.md").read_text("utf-8")
    assert "`flags`" in text and "my/sensor.yaml" in text
