// The report's sounds: a press on another one of a slot goes on where the one before was. It has no imports, as the
// downloaded file holds it whole.
"use strict";
(function () {
  for (const slot of document.querySelectorAll("[data-slot]")) {
    const sounds = [...slot.querySelectorAll("audio")];
    let last = null;
    for (const sound of sounds) {
      sound.addEventListener("play", () => {
        if (last && last !== sound) {
          const at = last.currentTime;
          if (!last.ended && at > 0 && (!Number.isFinite(sound.duration) || at < sound.duration)) sound.currentTime = at;
          last.pause();
        }
        for (const other of document.querySelectorAll("[data-slot] audio")) if (other !== sound) other.pause();
        last = sound;
      });
    }
  }
})();
