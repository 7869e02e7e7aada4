"""The demo corpus: one voice of eSpeak NG reads sentences of our own; its phoneme events give the durations."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from trainers.kit.demo import SENTENCES, cache_home
from trainers.kit.errors import BadInput
from trainers.kit.reading import read_aloud

VERSION = 1
VOICE, RATE, PITCH = "en-us", 160, 50
SOURCE = "eSpeak NG"
# With those of the other demo they hold every phoneme of English, the rarer ones several times.
MORE = (
    "A vision of azure and beige rose over the garage.",
    "The boy enjoyed his noisy toy but destroyed the coin.",
    "Usually the measure of pleasure is a quiet hour alone.",
    "Do you hear the engine choke near the quarry gate?",
    "Both of them thought the path through the earth was smooth.",
    "How loud the crowd around the town house is now!",
    "The tired choir admired the fire from a higher spire.",
    "Judge Roger changed the large orange badge.",
    "Which child watched each rich merchant catch a peach?",
    "She should push a good book to the woman who looked.",
    "Young Hugh used a few cubes of yellow fuel.",
    "The singer is bringing strong string along.",
    "Our poor old mayor wore a pair of square chairs.",
    "Button your cotton coat, for winter is bitter and sudden.",
    "Little bottles rattle as the metal cattle wagon travels.",
    "Zebras and lizards doze in these hazy deserts.",
    "Four thousand and thirty two words were spoken.",
    "Pay the eight sailors who waited in the rain.",
)
USED = (*SENTENCES, *MORE)


def folder() -> Path:
    """The corpus in LJSpeech's layout at eSpeak NG's own rate, made in a second where it is not there yet.

    Raises:
        BadInput: without eSpeak NG's wheel, or where the cache cannot be written.
    """
    final = cache_home() / "demo" / f"tts-v{VERSION}-{len(USED)}"
    if (final / "metadata.csv").is_file():
        return final
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(prefix=f".{final.name}-", dir=final.parent))
    except OSError as problem:
        raise BadInput(
            f"the demo speech cannot be kept in {final.parent}: {problem.strerror}; "
            "set NASHBOARD_HOME to a folder that can be written"
        ) from problem
    try:
        (making / "wavs").mkdir()
        readings = read_aloud(USED, VOICE, making / "wavs", rate=RATE, pitch=PITCH)
        names = [f"{i:05d}" for i in range(len(USED))]
        said = {n: {"phones": r.phonemes, "seconds": r.seconds} for n, r in zip(names, readings, strict=True)}
        (making / "durations.json").write_text(json.dumps(said, ensure_ascii=False), "utf-8")
        lines = [f"{n}|{text}|{text}\n" for n, text in zip(names, USED, strict=True)]
        (making / "metadata.csv").write_text("".join(lines), "utf-8")
        try:
            making.rename(final)
        except OSError as problem:  # another trainer was first: its folder is as good as ours
            if not (final / "metadata.csv").is_file():
                raise BadInput(f"{final} is no demo speech and stands in its way: remove it") from problem
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return final
