"""What a run tells of the place where it ran: host name, user names, absolute paths. Found, listed, taken out.

A path becomes ``[path]/`` and its last part, so that a data set keeps its name; host and user become ``[host]`` and
``[user]``. Names of series, digests and numbers are never touched.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from nashboard.strict import Json

HOST, USER, PATH = "host name", "user name", "path"
MOST = 1000
_PART = r"[^\s/\\\"'<>|:;,()\[\]{}*?`]"
_POSIX = re.compile(rf"(?<![\w/.\]~-])(?:file://)?/(?:{_PART}+/)+{_PART}*")
_WINDOWS = re.compile(rf"(?<!\w)(?:[A-Za-z]:[\\/]|\\\\)(?:{_PART}+[\\/]+)*{_PART}*")
_WHOLE = re.compile(r"((?:[\w.+~-]+=)?)((?:file://)?(?:/|[A-Za-z]:[\\/]|\\\\)[^\n]*)")
_HOME = re.compile(r"(?:/(?:home|Users)/|[A-Za-z]:[\\/]Users[\\/])([^\\/\s\"']+)")
_IN_URL = re.compile(r"(?<=://)([^/\s:@\"']+)")
_COMMON = {"user", "users", "root", "runner", "shared", "public", "ubuntu", "app", "home"}
_LOCAL = {"[host]", "localhost", "127.0.0.1", "[::1]", "::1"}
_KEPT = {"seq", "time", "kind", "step", "series", "sha256", "ext", "media", "size", "run", "parent", "treats",
         "trainer", "preset", "seed", "edges", "counts", "values", "best", "status", "stream", "level"}  # fmt: skip
_PLACES = {"recipe", "environment", "command", "path", "kept"}


class Scrubber:
    """Takes events as dicts and gives them without what tells of the place; ``found`` counts what there was.

    The first event to come should be ``run_started``: it says the host's name and shows the user's.
    """

    def __init__(self) -> None:
        self.found: Counter[tuple[str, str]] = Counter()
        self._words: dict[str, tuple[str, str]] = {}
        self._pattern: re.Pattern[str] | None = None

    def event(self, data: Json) -> Json:
        """The event's dict, scrubbed; what is no dict comes back as it is."""
        if not isinstance(data, dict):
            return data
        if data.get("kind") == "run_started":
            self._learn(data)
        return {
            name: value if name in _KEPT else self.value(value, whole=name in _PLACES)
            for name, value in data.items()
        }

    def value(self, value: Json, whole: bool = False) -> Json:
        """Any JSON value; ``whole``: a text that begins as a path is one to its end, blanks included."""
        if isinstance(value, str):
            return self.text(value, whole)
        if isinstance(value, dict):
            return {name: self.value(held, whole) for name, held in value.items()}
        if isinstance(value, list):
            return [self.value(held, whole) for held in value]
        return value

    def text(self, text: str, whole: bool = False) -> str:
        """A text without paths, host and user."""
        if whole and (match := _WHOLE.fullmatch(text)):
            return match[1] + self._path(match[2])
        if "/" in text:
            text = _POSIX.sub(lambda m: self._path(m[0]), text)
            if whole and "://" in text:
                text = _IN_URL.sub(self._host, text)
        if "\\" in text or ":/" in text:
            text = _WINDOWS.sub(lambda m: self._path(m[0]), text)
        if self._pattern is not None:
            text = self._pattern.sub(self._word, text)
        return text

    def told(self) -> list[dict[str, Any]]:
        """What was found, as ``{"what", "text", "times"}``, host and users first."""
        order = {HOST: 0, USER: 1, PATH: 2}
        rows = sorted(self.found.items(), key=lambda r: (order[r[0][0]], r[0][1]))
        return [{"what": what, "text": text, "times": times} for (what, text), times in rows]

    def _count(self, what: str, text: str) -> None:
        if (what, text) in self.found or len(self.found) < MOST:
            self.found[(what, text)] += 1

    def _path(self, path: str) -> str:
        for name in _HOME.findall(path):
            if len(name) >= 3 and name.lower() not in _COMMON:
                self._add(name, USER, "[user]")
        self._count(PATH, path)
        last = re.split(r"[\\/]+", path.rstrip("\\/"))[-1]
        if self._pattern is not None:
            last = self._pattern.sub(lambda m: self._words[m[0]][1], last)
        return f"[path]/{last}"

    def _host(self, match: re.Match[str]) -> str:
        if match[1].lower() in _LOCAL:
            return match[1]
        self._count(HOST, match[1])
        return "[host]"

    def _word(self, match: re.Match[str]) -> str:
        what, instead = self._words[match[0]]
        self._count(what, match[0])
        return instead

    def _learn(self, data: dict[str, Any]) -> None:
        environment = data.get("environment")
        host = environment.get("hostname") if isinstance(environment, dict) else None
        if isinstance(host, str) and host and host.lower() not in _LOCAL:
            self._add(host, HOST, "[host]")
            short = host.split(".", 1)[0]
            if len(short) >= 4:
                self._add(short, HOST, "[host]")
        for held in _texts(data.get("recipe"), data.get("environment"), data.get("command")):
            for name in _HOME.findall(held):
                if len(name) >= 3 and name.lower() not in _COMMON:
                    self._add(name, USER, "[user]")

    def _add(self, word: str, what: str, instead: str) -> None:
        if word in self._words or len(self._words) > 100:
            return
        self._words[word] = (what, instead)
        longest = sorted(self._words, key=len, reverse=True)
        self._pattern = re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, longest))})(?![\w-])")


def _texts(*values: Json) -> list[str]:
    found: list[str] = []
    for value in values:
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, dict):
            found += _texts(*value.values())
        elif isinstance(value, list):
            found += _texts(*value)
    return found
