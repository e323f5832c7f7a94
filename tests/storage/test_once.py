"""A warning that holds for the whole process is said once, by whomever."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from rs_pipeline.storage.once import warn_once


def test_many_threads_say_it_once_and_another_folder_anew(tmp_path, caplog):
    together, log = Barrier(16), logging.getLogger("rs_pipeline.test")

    def say(_: int) -> None:
        together.wait()
        warn_once(log, "%s cannot be written", tmp_path / "a")

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(say, range(16)))
    warn_once(log, "%s cannot be written", tmp_path / "b")
    assert [record.getMessage() for record in caplog.records] == [f"{tmp_path / 'a'} cannot be written", f"{tmp_path / 'b'} cannot be written"]
