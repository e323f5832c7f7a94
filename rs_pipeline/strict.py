"""Checks YAML files with strict pydantic models: every fault is reported with its line, its key and, for a misspelt word, the known word that is close."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator

from rs_pipeline.errors import ConfigError, PipelineError
from rs_pipeline.paths import did_you_mean
from rs_pipeline.wording import value_fault, yaml_fault


class Strict(BaseModel):
    """A part of a file that people write: refuses unknown keys, true or false where a number is meant, infinite numbers, and paths that are empty or
    begin or end with a blank; ``~`` is the home folder."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _as_people_write(cls, value: Any, info: ValidationInfo) -> Any:
        field = cls.model_fields[str(info.field_name)]
        if isinstance(value, bool) and field.annotation is not bool:
            raise ValueError(f"{str(value).lower()} is neither a number nor a text")
        if isinstance(value, str) and Path in _kinds(field.annotation) and (fault := _no_path(value)):
            raise ValueError(fault)
        return os.path.expanduser(value) if isinstance(value, str) and value.startswith("~") else value


def _kinds(annotation: Any) -> tuple[Any, ...]:
    """The alternatives of a union type; the type itself where it is no union."""
    return get_args(annotation) or (annotation,)


def _no_path(text: str) -> str:
    """Why a text cannot be meant as a path; empty where it can."""
    if not text.strip():
        return "the path is empty; write one, or null for none"
    if text != text.strip():
        return f"{text!r} begins or ends with a blank; write {text.strip()!r}"
    return f"{text!r} would be the name of a file; write null for none" if text.lower() in ("none", "nil", "n/a", "na") else ""


def in_one_line(fault: PipelineError) -> str:
    """An error as one line, to be part of another message: what, where and remedy."""
    return "; ".join(filter(None, (" ".join(fault.what.split()), fault.where and f"in {fault.where}", fault.remedy)))


LONGEST_NAME_BYTES = 255
"""Longest name of a file or folder in common file systems, bytes."""


OF_ADDRESSES = ";!"
"""Characters at which pyogrio splits a path, as in ``zip://a.zip!b.shp``: it would read and write another file."""


def _fit_for_snakemake(path: Path) -> Path:
    text = str(path)
    if "{" in text or "}" in text:
        raise ValueError(f"{text!r} has braces, which are wildcards in Snakemake; leave them out")
    if found := next((c for c in OF_ADDRESSES if c in text), ""):
        raise ValueError(f"{text!r} has {found!r}, at which readers of vector files split a path; leave it out")
    if not all(c.isprintable() for c in text):
        raise ValueError(f"{text!r} has control characters; leave them out")
    if long := next((part for part in path.parts if len(os.fsencode(part)) > LONGEST_NAME_BYTES), ""):
        raise ValueError(f"the name {long[:20]}… takes {len(os.fsencode(long))} bytes, a file system holds {LONGEST_NAME_BYTES}; shorten it")
    return path


MadePath = Annotated[Path, AfterValidator(_fit_for_snakemake)]
"""A file or folder that the chain makes. It may contain blanks, quotes and most special characters of the shell."""

Model = TypeVar("Model", bound=BaseModel)


def read_mapping(path: Path, *, what: str) -> tuple[dict[str, Any], yaml.Node]:
    """A YAML file as a dictionary, and as nodes that carry line numbers.

    Parameters
    ----------
    what : the file's noun for messages, such as ``configuration``.

    Raises
    ------
    ConfigError : the file is missing, not YAML or not a mapping, has a key twice, is nested too deeply, or expands to too much by its aliases.
    """
    text = _text(Path(path), what)
    try:
        node = _composed(text)
        _see_size(node, len(text))
        twice = [f"line {key.start_mark.line + 1}, {key.value}: the key is there already" for key in _repeated(node)]
        values = yaml.SafeLoader("").construct_document(node) if node else None
    except yaml.YAMLError as fault:
        raise ConfigError(f"not valid YAML: {yaml_fault(fault, text)}", where=str(path), remedy="mend this line") from None
    except _Odd as fault:
        raise ConfigError(f"not valid YAML: {fault}", where=str(path), remedy="write it plainly; config/config.yaml is an example") from None
    except ValueError as fault:  # a date such as 2023-02-30
        raise ConfigError(f"not valid YAML: {fault}", where=str(path), remedy="mend the day or number") from None
    if node is None or values is None:
        raise ConfigError(f"the {what} is empty", where=str(path), remedy="write lines of the form `key: value`; config/config.yaml is an example")
    if not isinstance(values, dict):
        raise ConfigError(f"the {what} must be a mapping", where=str(path), remedy="write lines of the form `key: value`")
    if twice:
        raise _refusal(twice, what, str(path), "remove one of them")
    return values, node


_MOST_DEPTH, _LONGEST_NUMBER = 50, 100
"""Deepest nesting of sections and lists (a configuration has five levels); longest number, characters."""
_MOST_SIGNS, _MOST_SHARE = 1_000_000, 10
"""Limit of the size of a file with its aliases (``*name``) expanded: this many characters, or this many times the file's length if that is more."""


class _Odd(Exception):
    """YAML that is valid but refused: nested too deeply, expanding too much, or with keys or numbers that nobody would write."""


def _composed(text: str) -> yaml.Node | None:
    """The nodes of a YAML text. Parsed by libyaml where it is installed: it is ten times as fast, and every job reads YAML. Faulty text is parsed again by
    PyYAML, whose messages say more."""
    try:
        return _nodes(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError:
        return _nodes(text, yaml.SafeLoader)


def _nodes(text: str, loader: Any) -> yaml.Node | None:
    """The nodes of a text, whose depth is checked first: both parsers compose nodes recursively, and deep nesting crashes the process in libyaml."""
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MOST_DEPTH:
            line = event.start_mark.line + 1 if event.start_mark else 0
            raise _Odd(f"line {line}: more than {_MOST_DEPTH} lists or sections in each other")
    return yaml.compose(text, Loader=loader)


def _see_size(top: yaml.Node | None, length: int) -> None:
    """Check the size of a text with its aliases (``*name``) expanded; each node is measured once.

    Raises
    ------
    _Odd : a node contains itself, nesting is too deep, the expanded size is too large, a number is too long, or a key is a list or section.
    """
    known: dict[int, tuple[int, int]] = {}

    def measured(node: yaml.Node) -> tuple[int, int]:
        """Characters of a node, and its depth of nested lists and sections."""
        if id(node) not in known:
            known[id(node)] = (0, _MOST_DEPTH)  # until it is measured, so that a node that contains itself is too deep
            inner = [measured(part) for part in _parts(node)] or [(len(node.value), 0)]
            signs, depth = 1 + sum(n for n, _ in inner), 1 + max(d for _, d in inner)
            if depth > _MOST_DEPTH:
                raise _Odd(f"line {node.start_mark.line + 1}: it contains itself, or more than {_MOST_DEPTH} lists or sections in each other")
            if signs > max(_MOST_SIGNS, _MOST_SHARE * length):
                raise _Odd(f"line {node.start_mark.line + 1}: it expands to much more than is written, by repeated aliases (*name)")
            known[id(node)] = signs, depth
        return known[id(node)]

    if top is not None:
        measured(top)


def _parts(node: yaml.Node) -> list[yaml.Node]:
    """The child nodes of a node.

    Raises
    ------
    _Odd : a key is a list or section, or a number is too long.
    """
    if isinstance(node, yaml.MappingNode):
        if odd := next((key for key, _ in node.value if not isinstance(key, yaml.ScalarNode)), None):
            raise _Odd(f"line {odd.start_mark.line + 1}: a list or section where a key is due")
        return [part for pair in node.value for part in pair]
    if isinstance(node, yaml.SequenceNode):
        return node.value
    if node.tag.endswith((":int", ":float")) and len(node.value) > _LONGEST_NUMBER:
        raise _Odd(f"line {node.start_mark.line + 1}: a number of {len(node.value)} signs")
    return []


def _text(path: Path, what: str) -> str:
    """The text of a file in UTF-8, with a byte order mark or without."""
    try:
        raw = path.read_bytes()
    except OSError as fault:
        raise ConfigError(f"cannot read the {what}: {fault.strerror}", where=str(path), remedy="check the path") from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = raw[: fault.start].count(b"\n") + 1
        kind = "a zip file or workbook" if raw.startswith(b"PK") else "UTF-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "GBK of a Chinese Windows, perhaps"
        raise ConfigError(
            f"the {what} is not UTF-8 ({kind}): {fault.reason} in line {line}, byte {fault.start}", where=str(path), remedy="save it as UTF-8"
        ) from None


def check(model: type[Model], values: dict[str, Any], *, what: str, where: str, remedy: str, node: yaml.Node | None = None) -> Model:
    """The model made of a dictionary.

    Parameters
    ----------
    what : noun for messages. where : file or other origin of the values. remedy : remedy of the error.
    node : from `read_mapping`, for the line numbers.

    Raises
    ------
    ConfigError : names every wrong key with its line and place, and what was expected.
    """
    try:
        return model.model_validate(values)
    except ValidationError as fault:
        faults = fault.errors()
        unknown = {e["loc"] for e in faults if e["type"] == "extra_forbidden"}
        told = [e for e in faults if not (e["type"] == "missing" and _misspelt(e["loc"], unknown))]
        lines = [_in_words(model, e, node) for e in told]
        raise _refusal(lines, what, where, remedy) from None


def _misspelt(place: tuple[str | int, ...], unknown: Iterable[tuple[str | int, ...]]) -> bool:
    """Whether a missing key is present under a similar unknown name, which is reported instead."""
    return any(other[:-1] == place[:-1] and did_you_mean(str(other[-1]), [str(place[-1])]) for other in unknown)


def line_of(node: yaml.Node | None, place: Sequence[str | int]) -> int | None:
    """Line, from 1, of a key path; that of its nearest parent key where the path is not in the file; None without a file."""
    if node is None:
        return None
    line = node.start_mark.line + 1
    for part in place:
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == str(part)), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            found = (node.value[part],) * 2
        else:
            found = None
        if found:
            line, node = found[0].start_mark.line + 1, found[1]
    return line


def wrong(place: str, fault: str, *, node: yaml.Node, what: str, where: str, remedy: str) -> ConfigError:
    """The error for one fault that is found after `check`, at a dotted key path such as ``mask.flags.3``."""
    return _refusal([f"line {line_of(node, place.split('.'))}, {place}: {fault}"], what, where, remedy)


def _refusal(lines: list[str], what: str, where: str, remedy: str) -> ConfigError:
    return ConfigError(f"the {what} cannot be used:\n    " + "\n    ".join(lines), where=where, remedy=remedy)


def _in_words(model: type[BaseModel], error: Any, node: yaml.Node | None) -> str:
    """One fault as one line. Parts of its place in brackets are not keys: they name an alternative of a union, or say that a key itself is wrong."""
    place = [part for part in error["loc"] if not str(part).startswith(("[", "("))]
    line = line_of(node, place)
    lead = "" if line is None else f"line {line}, "
    return f"{lead}{'.'.join(map(str, place)) or '(top level)'}: {_message(model, error)}"


def _message(model: type[BaseModel], error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "unknown key" + (did_you_mean(str(error["loc"][-1]), _keys_at(model, error["loc"][:-1])) or _elsewhere(model, str(error["loc"][-1])))
    message = value_fault(error)
    if error["type"] == "missing" and (meaning := _meaning(model, error["loc"])):
        message += f": {meaning}"
    if error["type"] == "string_pattern_mismatch":
        message = f"{error['input']!r} does not have the pattern asked for: {_meaning(model, error['loc'])}"
    if error["type"] == "literal_error":
        message += did_you_mean(str(error["input"]), re.findall(r"'([^']*)'", error["ctx"]["expected"]))
    return message


def _elsewhere(model: type[BaseModel], name: str) -> str:
    """Sections that know a key, as people forget the section or the indentation."""
    places = [f"{section}.{name}" for section, field in model.model_fields.items() for m in _models_in(field.annotation) if name in m.model_fields]
    return f"; it belongs elsewhere: {' or '.join(dict.fromkeys(places))}" if places else ""


def _meaning(model: type[BaseModel], place: Sequence[str | int]) -> str:
    """The description of the field at a place: what may be written there, in words."""
    names = [part for part in place if isinstance(part, str) and not part.startswith(("[", "("))]
    models, words = [model], ""
    for name in names:
        fields = [m.model_fields[name] for m in models if name in m.model_fields]
        words = next((f.description for f in fields if f.description), words)
        models = [inner for f in fields for inner in _models_in(f.annotation)] or models
    return words


def _keys_at(model: type[BaseModel], place: Sequence[str | int]) -> set[str]:
    """Keys that a model has at a place."""
    models = [model]
    for part in place:
        fields = [m.model_fields[part] for m in models if part in m.model_fields]
        models = [inner for f in fields for inner in _models_in(f.annotation)] or models
    return {key for m in models for key in m.model_fields}


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def _repeated(top: yaml.Node | None) -> Iterator[yaml.Node]:
    """Keys that a mapping has twice: YAML would silently take the last. A node with several aliases is visited once."""
    left, visited = [top], set()
    while left:
        node = left.pop()
        if id(node) in visited or not isinstance(node, yaml.CollectionNode):
            continue
        visited.add(id(node))
        if isinstance(node, yaml.MappingNode):
            first = {key.value: key for key, _ in reversed(node.value)}
            yield from (key for key, _ in node.value if first[key.value] is not key)
            left.extend(value for _, value in reversed(node.value))
        else:
            left.extend(reversed(node.value))
