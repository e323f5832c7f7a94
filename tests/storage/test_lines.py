"""Lines that jobs add to a file of a run."""

import pytest

from rs_pipeline.storage.lines import append_line
from rs_pipeline.storage.record import note_job, read_record


def test_a_line_is_added_to_what_is_there(tmp_path):
    for value in ({"a": "海"}, [1]):
        append_line(tmp_path / "new" / "lines.jsonl", value)
    assert (tmp_path / "new" / "lines.jsonl").read_text("utf-8") == '{"a": "海"}\n[1]\n'


@pytest.mark.parametrize("torn", [b'{"job": "b", "fil', b'{"job": "\xe6'])
def test_a_torn_line_costs_no_other(tmp_path, torn):
    record = tmp_path / "checksums.jsonl"
    note_job(record, tmp_path, "a", {})
    with record.open("ab") as file:
        file.write(torn)
    (tmp_path / "c.txt").write_text("c")
    from rs_pipeline.storage.atomic import content_of

    note_job(record, tmp_path, "c", {tmp_path / "c.txt": content_of(tmp_path / "c.txt")})
    assert [r.job for r in read_record(record, tmp_path).values()] == ["c"] and record.read_bytes().count(b"\n") == 3
