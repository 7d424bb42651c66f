"""Validation rules for input from people and programs: names, texts, paths, numbers. Pure: no database, no clock.

An `ErrorCollector` collects all errors before the input is refused, so that the user can correct them at once.
"""

import json
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from registry import characters
from registry.exceptions import FieldError, ValidationFailedError
from registry.json_text import JsonTextError, parse_json

MAX_INTEGER = 2**53 - 1
"""The largest integer every JSON reader keeps exactly (RFC 7493 section 2.2)."""
MAX_DEPTH = 8
MAX_JSON_BYTES = 256 * 1024
MAX_PATH = 500
MAX_PATH_SEGMENT_BYTES = 255

_SHA256 = re.compile(r"[0-9a-f]{64}")
_MODEL_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?")
_GROUP_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_CHECK_NAME = re.compile(r"[a-z0-9_]+(?:\.[a-z0-9_]+)+")
_RESERVED_SLUGS = frozenset({"new", "compare", "search"})
_ALIAS = re.compile(r"[\w-]{1,255}")
_RESERVED_ALIAS = re.compile(r"(?i:latest|v[0-9]+)")
_EMOJI_STYLE = "\ufe0e\ufe0f"
_DOTS_FIRST = ".."
_DEVICES = frozenset({"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in "0123456789¹²³")})
"""Names that Windows reserves for devices, with any suffix (learn.microsoft.com, Naming files)."""


RESERVED_TAGS = "countersign."
"""Prefix of the tag keys that the MLflow interface computes (`governance.interfaces.mlflow.serializers`)."""


class ErrorCollector:
    """Collects the errors of an input. Each rule adds errors and returns the cleaned value."""

    def __init__(self) -> None:
        self.errors: list[FieldError] = []

    def add(self, pointer: str, code: str, detail: str) -> None:
        self.errors.append(FieldError(pointer, code, detail))

    def raise_if_any(self) -> None:
        """Raise ValidationFailedError with all errors; do nothing if there are none."""
        if self.errors:
            raise ValidationFailedError(self.errors)

    def clean_line(self, pointer: str, value: str, limit: int, *, required: bool = False) -> str:
        """Validate one line of text and return it stripped; at most `limit` characters."""
        text = value.strip()
        unseen = next((character for character in _unseen(text)), None)
        if unseen is not None:
            self.add(
                pointer,
                "invisible_characters",
                f"Use one line of visible characters: {characters.code_point(unseen)} is not one.",
            )
        return self._measured(pointer, text, limit, required=required)

    def name(self, pointer: str, value: str, limit: int) -> str:
        """Validate a display name: one line, only visible characters, one space between words."""
        before = len(self.errors)
        name = self.clean_line(pointer, value, limit, required=True)
        if len(self.errors) == before:
            self._refuse_unseen_parts(pointer, name, "invisible_characters")
        return name

    def clean_text(self, pointer: str, value: str, limit: int, *, required: bool = False) -> str:
        """Validate a text of several lines, returned as written; at most `limit` characters. Characters that
        change the display order are refused, because people sign what they read.
        """
        place = characters.first_unfit(value)
        if place is not None:
            turns = place.character in characters.DIRECTIONAL
            self.add(
                pointer,
                "bidirectional_controls" if turns else "control_characters",
                f"Line {place.line}, character {place.column} is {place.code_point}"
                + (", which shows text in another order than it is written: remove it." if turns else ": remove it."),
            )
        return self._measured(pointer, value, limit, required=required)

    def _refuse_unseen_parts(self, pointer: str, name: str, code: str) -> None:
        """Refuse what makes two names indistinguishable: invisible characters, spaces at an end, and two spaces
        in a row, which pages show as one.
        """
        unfit = next((c for c in name if characters.is_unfit_for_name(c)), None)
        if unfit is not None:
            self.add(pointer, code, f"A name has visible characters only: {characters.code_point(unfit)} is not one.")
        elif name != name.strip() or "  " in name:
            self.add(pointer, code, "A name has no space at its ends, and one space between words.")

    def _measured(self, pointer: str, text: str, limit: int, *, required: bool) -> str:
        if required and not text.strip():
            self.add(pointer, "required", "This must not be empty.")
        if len(text) > limit:
            self.add(pointer, "too_long", f"At most {limit:,} characters; this has {len(text):,}.")
        return text

    def reason(self, value: str, pointer: str = "/reason") -> str:
        """Validate the reason of an action: not empty; kept with the event."""
        if not value.strip():
            self.add(pointer, "required", "Give a reason: it is recorded with the event.")
            return ""
        return self.clean_text(pointer, value.strip(), 5_000)

    def reason_if_given(self, value: str | None) -> str | None:
        """Validate an optional reason."""
        return self.reason(value) if value is not None else None

    def model_slug(self, pointer: str, value: str) -> str:
        if not _MODEL_SLUG.fullmatch(value) or len(value) > 200 or ".." in value:
            self.add(
                pointer,
                "slug",
                "A model's name has 1 to 200 lower-case letters, digits, dots, hyphens and underscores, and begins and "
                "ends with a letter or digit: “credit-risk-pd”.",
            )
        elif value in _RESERVED_SLUGS:
            self.add(pointer, "reserved", f"“{value}” is an address of the product itself: choose another name.")
        return value

    def mlflow_name(self, pointer: str, value: str) -> str:
        """Validate a model name of an MLflow client: visible characters without slashes and colons, and not a
        relative path.
        """
        if not value.strip():
            self.add(pointer, "required", "Registered model name cannot be empty.")
        elif "/" in value or ":" in value:
            self.add(pointer, "name", f"Invalid model name '{value}'. Names cannot contain '/' or ':'.")
        elif value == "." or value.startswith(_DOTS_FIRST):
            self.add(pointer, "name", f"Invalid model name '{value}'. A name is no path to another folder.")
        elif len(value) > 256:
            self.add(pointer, "too_long", f"A model's name has at most 256 characters; this has {len(value):,}.")
        else:
            self._refuse_unseen_parts(pointer, value, "name")
        return value

    def group_slug(self, pointer: str, value: str) -> str:
        if not _GROUP_SLUG.fullmatch(value) or len(value) > 80:
            self.add(
                pointer,
                "slug",
                "A group's slug has 1 to 80 lower-case letters, digits and hyphens: “risk-team”.",
            )
        return value

    def check_name(self, pointer: str, value: str) -> str:
        """Validate the form of the name of a check; whether the check exists is not validated."""
        if not _CHECK_NAME.fullmatch(value) or len(value) > 80:
            self.add(
                pointer,
                "check_name",
                "The name of a check is lower-case words joined by dots, the first of which is your organisation's "
                "namespace: “acme.robustness”.",
            )
        return value

    def alias(self, pointer: str, value: str) -> str:
        if not _ALIAS.fullmatch(value) or any(characters.is_unfit_for_name(c) for c in value):
            self.add(pointer, "alias", "An alias has 1 to 255 letters, digits, hyphens and underscores: “champion”.")
        elif _RESERVED_ALIAS.fullmatch(value):
            self.add(pointer, "reserved", f"“{value}” means a version already: choose another alias.")
        return value

    def sha256(self, pointer: str, value: str) -> str:
        if not _SHA256.fullmatch(value):
            self.add(pointer, "sha256", "A SHA-256 is written as 64 lower-case hexadecimal digits.")
        return value

    def number(self, pointer: str, value: object) -> float:
        """Validate a finite number; booleans and texts are refused."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.add(pointer, "not_a_number", "A metric's value is a JSON number, not text or a boolean.")
            return 0.0
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            self.add(pointer, "not_finite", "A number must be finite: NaN and infinity compare with nothing.")
            return 0.0
        return number

    def clean_json(self, pointer: str, value: Mapping[str, object]) -> dict[str, object]:
        """Validate a JSON object: text keys, finite numbers, at most 8 levels and 256 KiB."""
        self._json(pointer, value, 1)
        if not self.errors and len(json.dumps(value, ensure_ascii=False, default=dict).encode()) > MAX_JSON_BYTES:
            self.add(pointer, "too_large", f"At most {MAX_JSON_BYTES // 1024} KiB of JSON; attach a file instead.")
        return dict(value)

    def json_text(self, pointer: str, value: str) -> None:
        """Apply the rules of a JSON object to JSON in a text; a text that is not JSON is accepted as text.

        Args:
            pointer: JSON pointer of the field with the text.
            value: the text.
        """
        try:
            parsed = parse_json(value, levels=MAX_DEPTH)
        except JsonTextError as fault:
            if fault.code == "too_deep":
                remedy = "use fewer levels, or attach the whole schema as a file."
                self.add(pointer, "too_deep", f"The JSON in this text has at most {MAX_DEPTH} levels: {remedy}")
            elif fault.code == "characters":
                self.add(pointer, "characters", f"The JSON in this text {fault.detail}: remove it.")
            return
        self._json(pointer, parsed, 1)

    def _json(self, pointer: str, value: object, depth: int) -> None:
        if depth > MAX_DEPTH:
            self.add(pointer, "too_deep", f"At most {MAX_DEPTH} levels of nesting.")
        elif isinstance(value, Mapping):
            for key, member in value.items():
                if not isinstance(key, str):
                    self.add(pointer, "key", "Keys are text.")
                    continue
                self._json_text(f"{pointer}/{_step(key)}", key)
                self._json(f"{pointer}/{_step(key)}", member, depth + 1)
        elif isinstance(value, list | tuple):
            for index, member in enumerate(value):
                self._json(f"{pointer}/{index}", member, depth + 1)
        elif isinstance(value, str):
            self._json_text(pointer, value)
        elif isinstance(value, float):
            self.number(pointer, value)
        elif isinstance(value, int):
            if abs(value) > MAX_INTEGER:
                self.add(pointer, "too_large", "Integers go up to 2^53-1; write a larger one as text (RFC 7493).")
        elif value is not None:
            self.add(pointer, "not_json", f"{type(value).__name__} is no JSON type.")

    def _json_text(self, pointer: str, value: str) -> None:
        self.clean_text(pointer, value, len(value))

    def clean_tags(self, pointer: str, value: Mapping[Any, Any]) -> dict[str, str]:
        """Validate tags: at most 100, keys up to 250 characters, values up to 5,000; no reserved prefix."""
        if len(value) > 100:
            self.add(pointer, "too_many", f"At most 100 tags; these are {len(value)}.")
            return {}
        kept = {}
        for key, text in value.items():
            where = f"{pointer}/{_step(str(key))}"
            if not isinstance(key, str) or not isinstance(text, str):
                self.add(where, "not_text", "A tag's key and value are text.")
                continue
            if key.strip().casefold().startswith(RESERVED_TAGS):
                self.add(
                    where,
                    "reserved_tag",
                    f"Tags that begin with {RESERVED_TAGS} are answered by the product: choose another name.",
                )
                continue
            kept[self.clean_line(where, key, 250, required=True)] = self.clean_text(where, text, 5_000)
        self._refuse_alike(pointer, kept)
        return kept

    def _refuse_alike(self, pointer: str, keys: Iterable[str]) -> None:
        """Refuse two keys that look alike."""
        foreign = [key for key in keys if not key.isascii()]
        if not foreign:
            return
        seen: dict[str, str] = {}
        for key in keys:
            first = seen.setdefault(characters.skeleton(key), key)
            if first != key:
                self.add(f"{pointer}/{_step(key)}", "looks_alike", f"This key looks like “{first}”: keep one of them.")

    def path(self, pointer: str, path: str) -> str:
        """Validate the path of a file: relative, with forward slashes."""
        if (fault := _path_fault(path)) is not None:
            self.add(pointer, *fault)
        return path

    def paths(self, pointer: str, paths: Iterable[str]) -> None:
        """Validate the paths of a version's files: each by `path`, and distinct on every file system, including
        those that ignore case or normalise Unicode.
        """
        files: dict[str, str] = {}
        folders: dict[str, str] = {}
        for index, path in enumerate(paths):
            where = f"{pointer}/{index}/path"
            if (fault := _path_fault(path)) is not None:
                self.add(where, *fault)
                continue
            key = _same_name(path)
            if key in files:
                self.add(where, "same_name", f"“{path}” and “{files[key]}” are one name on some systems: rename one.")
                continue
            files[key] = path
            parts = key.split("/")
            for depth in range(1, len(parts)):
                folders.setdefault("/".join(parts[:depth]), where)
        for key in sorted(files.keys() & folders.keys()):
            self.add(folders[key], "file_and_folder", f"“{files[key]}” is a file and a folder at once: rename one.")


def _path_fault(path: str) -> tuple[str, str] | None:
    segments = path.split("/")
    rules = (
        (not path, "required", "A file needs a path."),
        (len(path) > MAX_PATH, "too_long", f"A path has at most {MAX_PATH} characters; this has {len(path)}."),
        (
            "\\" in path,
            "backslash",
            "Separate folders with forward slashes: a backslash means something else elsewhere.",
        ),
        (
            any(characters.is_unseen(character) for character in path),
            "control_characters",
            "A path may not contain control characters or invisible characters.",
        ),
        (
            path.startswith("/") or re.match(r"[A-Za-z]:", path) is not None,
            "absolute",
            "A path is relative to the version's folder: no leading slash, no drive letter.",
        ),
        (".." in segments, "parent_folder", "“..” may not appear in a path: name the file from the version's folder."),
        ("." in segments or "" in segments, "empty_segment", "Every part of a path is a name: no “.”, no “//”."),
    )
    for broken, code, detail in rules:
        if broken:
            return code, detail
    for segment in segments:
        if segment.partition(".")[0].rstrip().upper() in _DEVICES:
            return "reserved_name", f"“{segment}” is a device and no file on Windows: rename it."
        if segment.strip() != segment or segment.endswith("."):
            return (
                "end_of_name",
                f"“{segment}” begins or ends with a space, or ends with a dot: some systems drop that.",
            )
    if any(len(segment.encode()) > MAX_PATH_SEGMENT_BYTES for segment in segments):
        return "too_long", f"Each part of a path has at most {MAX_PATH_SEGMENT_BYTES} bytes of UTF-8."
    return None


def _unseen(line: str) -> Iterable[str]:
    """Yield the invisible characters of a line, except emoji style selectors."""
    if line.isascii() and line.isprintable():
        return
    before = ""
    for character in line:
        styled = character in _EMOJI_STYLE and before != "" and unicodedata.category(before) == "So"
        if not styled and characters.is_unseen(character):
            yield character
        before = character


def _same_name(path: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def _step(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def is_model_slug(value: str) -> bool:
    """Return whether the text is a valid model slug."""
    faults = ErrorCollector()
    faults.model_slug("", value)
    return not faults.errors
