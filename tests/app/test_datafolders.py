"""Folders to suggest: below the roots, with audio, counted, never followed out."""

from __future__ import annotations

from pathlib import Path

from app import datafolders
from app.datafolders import suggested


def put(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"")
    return folder


def test_folders_with_audio_are_suggested_roots_first(tmp_path: Path) -> None:
    root = put(tmp_path / "root", "a.wav", "b.FLAC", "c.txt")
    put(root / "deep/deeper", "x.mp3")
    put(root / "deep/deeper/deepest", "y.wav")
    put(root / "texts", "x.txt")
    put(root / ".hidden", "x.wav")
    (root / "link").symlink_to(put(tmp_path / "elsewhere", "x.wav"))
    found = [(f.path, f.note) for f in suggested([root, tmp_path / "missing"])]
    assert found == [(str(root), "2 audio files"), (str(root / "deep/deeper"), "1 audio files")]


def test_the_number_of_suggestions_and_of_looks_is_bounded(tmp_path: Path) -> None:
    for i in range(datafolders.MOST + 5):
        put(tmp_path / f"d{i:03}", "a.wav")
    assert len(suggested([tmp_path])) == datafolders.MOST
    assert suggested([]) == ()
