"""A run says whose code changed since its files were made."""

import json

import pytest

from rs_pipeline.layout import Layout
from rs_pipeline.operations import code as module
from rs_pipeline.operations.code import changed_code, note_code, step_code, words_on_code
from rs_pipeline.operations.journal import Watch
from rs_pipeline.storage.provenance import freeze


def done(settings, verb: str) -> None:
    Watch(Layout(settings.root).journal, verb, verb, 1).write("done")


def test_the_first_run_has_nothing_to_say(make_settings):
    settings = make_settings()
    assert changed_code(settings) == []
    note_code(settings)
    done(settings, "observe")
    assert changed_code(settings) == []


def test_only_the_steps_whose_own_code_changed_are_named(make_settings, monkeypatch):
    settings = make_settings()
    note_code(settings)
    for verb in ("observe", "land-zonal", "mosaic:water"):
        done(settings, verb)
    plain = step_code
    monkeypatch.setattr(module, "code_sha256", lambda: "another state")
    monkeypatch.setattr(module, "step_code", lambda name: "changed" if name in ("land_zonal", "mosaic", "stac") else plain(name))
    changed = changed_code(settings)
    assert changed == ["mosaic", "land_zonal"]  # stac changed as well, and has made no file yet
    told = words_on_code(changed, Layout(settings.root).settings)
    assert "were made: mosaic, land_zonal. The files stay" in told and told.endswith("--forcerun mosaic land_zonal")


def test_a_step_made_again_is_named_no_more(make_settings, monkeypatch):
    settings = make_settings()
    note_code(settings)
    done(settings, "grid")
    for name in (module.__name__, "rs_pipeline.operations.journal"):
        monkeypatch.setattr(f"{name}.code_sha256", lambda: "another state")
    monkeypatch.setattr(module, "step_code", lambda name: "changed")
    assert changed_code(settings) == ["grid"]
    done(settings, "grid")
    assert changed_code(settings) == []


def test_a_step_rests_on_the_kernels_it_reaches_and_on_no_other(monkeypatch):
    """Trends call one kernel and never the detector of black water."""
    seen = {}
    monkeypatch.setattr(module, "_source", lambda name, plain=module._source: seen.setdefault(name, plain(name)))
    step_code.cache_clear()
    module._imports.cache_clear()
    step_code("trend")
    assert "rs_kernels.trends" in seen and not {"rs_pipeline.products.black_odorous.scoring", "rs_pipeline.publish.opened"} & seen.keys()


@pytest.mark.parametrize("content", [b"{", b"\xfb}"])
def test_a_list_that_cannot_be_read_is_begun_anew(make_settings, content):
    settings = make_settings()
    path = Layout(settings.root).code
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    note_code(settings)
    assert len(json.loads(path.read_text())) == 1


def test_a_configuration_with_a_flipped_bit_is_written_anew(make_settings):
    """0xF2 in place of r is no UTF-8."""
    settings = make_settings()
    path = Layout(settings.root).settings
    freeze(settings)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"run", b"\xf2un", 1))
    freeze(settings)
    assert path.read_bytes() == whole
