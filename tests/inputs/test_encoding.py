"""The bytes decide."""

import pytest

from rs_pipeline.errors import TableError
from rs_pipeline.inputs.encoding import decoded, encoding_of, text_of


@pytest.mark.parametrize(
    ("raw", "text", "name"),
    [
        ("石家庄".encode(), "石家庄", "utf-8"), ("石家庄".encode("gbk"), "石家庄", "gb18030"), ("a\tb".encode("utf-16"), "a\tb", "utf-16"),
        (b"\xef\xbb\xbfa", "a", "utf-8-sig"), ("省".encode("gbk"), "省", "gb18030"), ("Orléans".encode(), "Orléans", "utf-8"), ("Москва".encode(), "Москва", "utf-8"),
        ("㐂".encode("gb18030"), "㐂", "gb18030"), (b"", "", "utf-8"),
    ],
)  # fmt: skip
def test_texts_are_read_as_they_were_written(raw, text, name):
    assert decoded(raw, where="f") == (text, name)


def test_a_stated_encoding_is_held_to(tmp_path):
    assert decoded("é".encode("latin-1"), "latin-1", where="f") == ("é", "latin-1")
    with pytest.raises(TableError, match=r"not a text in utf-8: byte 2 is 0xbc") as fault:
        decoded("石家庄".encode("gbk"), "utf-8", where="f.csv")
    assert fault.value.where == "f.csv" and "inputs.<key>.encoding" in fault.value.remedy
    with pytest.raises(TableError, match="not a text in UTF-8 or GB18030"):
        decoded(b"\xff\xff", where="f")


@pytest.mark.parametrize(
    ("values", "declared", "name"),
    [
        (["石家庄".encode("gbk"), b"abc"], None, "gb18030"), (["石家庄".encode()], "gbk", "utf-8"), (["石家庄".encode("gbk")[:-1]], "utf-8", "gb18030"),
        (["石家庄".encode()[:-1]], None, "utf-8"), (["é".encode("latin-1")], "iso8859-1", "iso8859-1"), (["東京".encode("shift-jis")], "shift_jis", "shift_jis"),
        ([b"\xff\xff"], None, None), ([], "gbk", "utf-8"),
    ],
)  # fmt: skip
def test_the_encoding_of_cut_values(values, declared, name):
    assert encoding_of(values, declared) == name


def test_a_character_that_was_cut_off_is_left_out():
    assert text_of("石家庄".encode("gbk")[:-1], "gb18030") == "石家"
