"""Logs a made-up adversarial game: `python examples/log_anything.py`; to a running server with
`NASHBOARD_URL=http://127.0.0.1:8000` before it."""

import math
import random

import nashboard

STEPS, LR = 200, 0.05
run = nashboard.init(project="examples", name="see-saw", config={"steps": STEPS, "lr": LR, "seed": 1})
print(f"run {run.id} in {run.dir}", run.url)

random.seed(1)
angle, speed = 0.8, 0.0  # generator and discriminator as the two ends of a see-saw
for step in range(STEPS):
    speed += -LR * angle + random.gauss(0.0, 0.01)
    angle += LR * speed * 4
    run.log({"loss/gen": 1.0 + angle, "loss/disc": 2.0 - angle, "disc/margin": -angle}, step=step)
    if step % 50 == 0:
        tone = [0.5 * math.sin(2 * math.pi * (440 + 100 * angle) * i / 8000) for i in range(8000)]
        run.audio("audio/tone", tone, rate_hz=8000, caption=f"the angle {angle:.2f} as a tone")
        run.image("image/angle", [[0.5 + 0.4 * math.sin(angle + x / 9) for x in range(64)]] * 16)
    if step == 100:
        run.note("half of it is done")
    if run.stop_requested:
        run.finish("stopped", "asked to")
        break
else:
    run.finish()
