# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong. Each kind draws its details from the plan's random numbers and gives a list of
(time in seconds, what to do) and its name in words."""

import os
import random
import signal


STOP_S = 60.0  # a coordinator that is asked to stop ends by then


class Fault:
    needs_lan = False
    needs_disk = None  # "coordinator" or "renderer": that side is put on a small disk
    needs_transfer = False
    attempts = 0  # that it may cost a task, of the five it has
    wants_others = False  # at least two renderers

    def __init__(self, draw, renderers):
        self.at = draw.uniform(0.2, 3.0)
        self.lasts = draw.uniform(0.3, 3.0)
        self.node = draw.randrange(renderers)
        self.amount = draw.random()

    def words(self):
        return f"{self.name} renderer-{self.node + 1} at {self.at:.1f} s for {self.lasts:.1f} s"

    def prepare(self, farm):
        pass

    def events(self, farm):
        return [(self.at, lambda: self.begin(farm)), (self.at + self.lasts, lambda: self.end(farm))]


class KillRenderer(Fault):
    name = "kill"
    attempts = 1

    def begin(self, farm):
        farm.kill(farm.renderers[self.node])

    def end(self, farm):
        farm.start_renderer(self.node)


class StopRenderer(Fault):
    name = "stop"
    attempts = 1

    def begin(self, farm):
        farm.signal(farm.renderers[self.node], signal.SIGSTOP)

    def end(self, farm):
        farm.signal(farm.renderers[self.node], signal.SIGCONT)


class SlowRenderer(Fault):
    """Runs a tenth of the time."""

    name = "slow down"
    attempts = 1

    def events(self, farm):
        events = []
        at = self.at
        while at < self.at + self.lasts:
            events.append((at, lambda: farm.signal(farm.renderers[self.node], signal.SIGSTOP)))
            events.append((at + 0.18, lambda: farm.signal(farm.renderers[self.node], signal.SIGCONT)))
            at += 0.2
        return events


class KillCoordinator(Fault):
    name = "kill the coordinator"

    def words(self):
        return f"{self.name} at {self.at:.1f} s for {self.lasts:.1f} s"

    def begin(self, farm):
        farm.kill(farm.coordinator)

    def end(self, farm):
        farm.start_coordinator()


class KillCoordinatorTwice(KillCoordinator):
    name = "kill the coordinator, and again while it starts"

    def events(self, farm):
        again = self.at + self.lasts
        return [*super().events(farm), (again + 0.05, lambda: self.begin(farm)),
                (again + 0.1, lambda: self.end(farm))]


class StopCoordinator(KillCoordinator):
    name = "stop the coordinator"
    attempts = 1

    def begin(self, farm):
        farm.signal(farm.coordinator, signal.SIGSTOP)

    def end(self, farm):
        farm.signal(farm.coordinator, signal.SIGCONT)


class RestartCoordinator(KillCoordinator):
    name = "restart the coordinator"

    def begin(self, farm):
        farm.signal(farm.coordinator, signal.SIGTERM)
        farm.signal(farm.coordinator, signal.SIGCONT)  # another fault may have stopped it
        farm.coordinator.wait(STOP_S)


class CutLink(Fault):
    name = "cut both ways"
    needs_lan = True
    attempts = 1
    chains = ("in", "out")

    def begin(self, farm):
        for chain in self.chains:
            farm.lan.lose(self.node, chain, 100)

    def end(self, farm):
        farm.lan.mend(self.node)


class CutIn(CutLink):
    name = "cut what comes to"
    chains = ("in",)


class CutOut(CutLink):
    name = "cut what comes from"
    chains = ("out",)


class LossyLink(CutLink):
    name = "make lossy"

    def begin(self, farm):
        for chain in self.chains:
            farm.lan.lose(self.node, chain, 2 + int(self.amount * 20))


class SlowLink(CutLink):
    name = "make slow"
    needs_transfer = True

    def begin(self, farm):
        farm.lan.limit(self.node, 2000 + int(self.amount * 20000))


class MostGone(Fault):
    name = "kill all but one"
    attempts = 1
    wants_others = True

    def words(self):
        return f"{self.name} at {self.at:.1f} s for {self.lasts:.1f} s"

    def begin(self, farm):
        for n in range(len(farm.renderers)):
            if n != self.node:
                farm.kill(farm.renderers[n])

    def end(self, farm):
        for n in range(len(farm.renderers)):
            farm.start_renderer(n)


class FullCoordinator(KillCoordinator):
    name = "fill the coordinator's disk"
    needs_disk = "coordinator"
    attempts = 1

    def begin(self, farm):
        farm.fill(farm.data)

    def end(self, farm):
        farm.make_room()


class FullRenderer(Fault):
    name = "fill the disk of"
    needs_disk = "renderer"
    needs_transfer = True
    attempts = 1

    def begin(self, farm):
        farm.fill(farm.caches[self.node])

    def end(self, farm):
        farm.make_room()


class DamagedCache(Fault):
    """Half of what the renderer has fetched is gone, or has other bytes."""

    name = "damage the cache of"
    needs_transfer = True
    attempts = 1

    def words(self):
        return f"{self.name} renderer-{self.node + 1} at {self.at:.1f} s"

    def events(self, farm):
        return [(self.at, lambda: self.begin(farm))]

    def begin(self, farm):
        draw = random.Random(self.amount)
        for folder, _, files in os.walk(farm.caches[self.node] / "blobs"):
            for name in files:
                path = os.path.join(folder, name)
                try:
                    if draw.random() < 0.25:
                        os.unlink(path)
                    elif draw.random() < 0.4:
                        os.chmod(path, 0o600)
                        with open(path, "r+b") as file:
                            file.seek(os.path.getsize(path) // 2)
                            file.write(b"\x55\xaa\x55\xaa")
                except OSError:
                    pass  # it took its name, or went, meanwhile


class Doctored(Fault):
    """A renderer that reports as one must not."""

    needs_transfer = True
    mode = None
    sign = "doctored: said again"  # in its log, each time
    happened = 0  # how often, by its own log

    def words(self):
        return f"renderer-{self.node + 1} {self.name}" + (f" ({self.happened} times)" if self.happened else "")

    def prepare(self, farm):
        farm.doctored[self.node] = self.mode

    def events(self, farm):
        return []


class Twice(Doctored):
    name = "delivers twice"
    mode = "twice"


class Late(Doctored):
    name = "delivers after its lease"
    mode = "late"
    sign = "doctored: silent"
    attempts = 1
    wants_others = True


class Different(Doctored):
    name = "delivers again, with other bytes"
    mode = "different"


KINDS = (
    KillRenderer, StopRenderer, SlowRenderer, KillCoordinator, KillCoordinatorTwice, StopCoordinator,
    RestartCoordinator, CutLink, CutIn, CutOut, LossyLink, SlowLink, MostGone, FullCoordinator,
    FullRenderer, DamagedCache, Twice, Late, Different,
)


def draw_faults(draw, renderers, with_lan, with_disks):
    """One to four that can be together, of which the last could be survived by any task."""
    chosen = []
    attempts = 0
    wanted = draw.choice((1, 2, 2, 3, 4))
    for kind in draw.sample(KINDS, len(KINDS)):
        if len(chosen) == wanted:
            break
        if (kind.needs_lan and not with_lan) or (kind.needs_disk and not with_disks):
            continue
        if kind.wants_others and renderers < 2:
            continue
        if attempts + kind.attempts > 3:
            continue  # five attempts fail a task for good, as they must
        if issubclass(kind, Doctored) and any(isinstance(fault, Doctored) for fault in chosen):
            continue
        attempts += kind.attempts
        chosen.append(kind(draw, renderers))
    return chosen
