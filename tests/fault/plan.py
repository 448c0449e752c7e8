# SPDX-License-Identifier: GPL-3.0-or-later
"""One plan: people push and write notes while things go wrong, and then the accounts are checked."""

import json
import random
import shutil
import sqlite3
import socket
import subprocess
import threading
import time

import album
import farm as farms
import faults

PATIENCE_S = 60.0  # how soon a command is taken then
QUIET_S = 180.0  # how long all may take to come to rest once nothing goes wrong any more
TASK_OPEN_BELOW = 2  # states of tasks in the ledger: queued, running, done, failed
LEASED = "0, 1"  # states of attempts: live and suspect
WORN_OUT = "went away while they rendered it"  # five attempts lost: the plan's faults and a slow machine's


# What git fsck may say: a crash before the reference moved leaves objects that nothing names.
HARMLESS = ("notice:", "Checking", "dangling", "unreachable")


RESULTS_SURE = 3  # of so many, other faults have not kept each from being doctored


class Wrong(Exception):
    """A promise that was not kept."""


def free_ports():
    sockets = [socket.socket() for _ in range(2)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = tuple(s.getsockname()[1] for s in sockets)
    for s in sockets:
        s.close()
    return ports


class People(threading.Thread):
    """Pushes every revision and leaves notes, trying again until the farm says yes."""

    def __init__(self, farm, folder, draw):
        super().__init__(daemon=True)
        self.farm = farm
        self.folder = folder
        self.draw = draw
        self.pushed = {}  # revision -> commit
        self.notes = []  # (version, text)
        self.asked = 0
        self.healed = None  # since when nothing goes wrong any more
        self.problem = None

    def until_yes(self, *words):
        """Give the command until it is taken. What it says."""
        while True:
            self.asked += 1
            code, said = self.farm.command(*words, cwd=self.folder)
            if code == 0:
                return said
            if code == 3 or (self.healed and time.monotonic() > self.healed + PATIENCE_S):
                raise Wrong(f"{words[0]}: refused ({code}): {said.strip()[-300:]}")
            time.sleep(0.1)

    def note(self, revision):
        song = self.draw.choice(album.SONGS)
        text = f"note {len(self.notes)} of revision {revision}"
        self.until_yes("note", "add", f"{song}@v{revision}", "0:01", text)
        self.notes.append((f"{song}@v{revision}", text))

    def work(self):
        album.write_documents(self.folder, 1)
        self.until_yes("album", "create", "faults")
        for revision in range(1, album.REVISIONS + 1):
            album.write_documents(self.folder, revision)
            said = self.until_yes("push", "--no-wait", "--json", "-m", f"revision {revision}")
            self.pushed[revision] = json.loads(said)["commit"]
            for _ in range(2):
                self.note(revision)
            time.sleep(self.draw.uniform(0.0, 0.8))

    def run(self):
        try:
            self.work()
        except Exception as problem:  # shown by whoever joins
            self.problem = problem


class Plan:
    def __init__(self, seed, settings):
        draw = random.Random(f"plan {seed}")
        self.seed = seed
        self.settings = settings
        self.renderer_count = draw.choice((1, 2, 2, 3, 3))
        self.faults = faults.draw_faults(
            draw, self.renderer_count, settings.lan is not None, settings.can_mount
        )
        disks = {fault.needs_disk for fault in self.faults}
        must_transfer = settings.lan is not None or any(f.needs_transfer for f in self.faults)
        self.options = {
            "coordinator_disk_mb": 400 if "coordinator" in disks else None,
            "renderer_disk_mb": 200 if "renderer" in disks else None,
            "transfer": must_transfer or draw.random() < 0.5,
            "ports": free_ports(),
        }
        self.draw = draw

    def words(self):
        names = "; ".join(fault.words() for fault in self.faults)
        return f"{self.renderer_count} renderer(s): {names or 'nothing goes wrong'}"

    def run(self, folder):
        working = folder / "album"
        shutil.copytree(self.settings.audio, working / "audio", copy_function=_link)
        lan = self.settings.lan
        farm = farms.Farm(
            self.settings.binaries, folder, self.settings.keys, self.settings.server_key, lan,
            self.renderer_count, self.options,
        )
        try:
            farm.make_folders()
            for fault in self.faults:
                fault.prepare(farm)
            farm.start()
            people = People(farm, working, random.Random(f"people {self.seed}"))
            self._disturb(farm, people)
            people.healed = time.monotonic()
            self._come_to_rest(farm, people)
            self._check(farm, people, folder)
        finally:
            farm.close()

    def _disturb(self, farm, people):
        events = sorted(
            (event for fault in self.faults for event in fault.events(farm)), key=lambda e: e[0]
        )
        people.start()
        start = time.monotonic()
        for at, do in events:
            time.sleep(max(0.0, start + at - time.monotonic()))
            do()
        farm.heal()

    def _come_to_rest(self, farm, people):
        people.join(QUIET_S)
        if people.problem:
            raise Wrong(f"people: {people.problem}")
        if people.is_alive():
            raise Wrong("a command that people gave is never taken")
        self._wait_for_jobs(farm)
        for job in self._jobs(farm):
            # Its heartbeats are held up by others than us, too: a person would try again, and so do we.
            if job["state"] == "failed" and WORN_OUT in job["error"]:
                print(f"    {job['song']}@{job['version']}: {job['error']}: tried again")
                code, said = farm.command("retry", str(job["job"]))
                if code != 0:
                    raise Wrong(f"retry: {said.strip()[-300:]}")
        self._wait_for_jobs(farm)

    @staticmethod
    def _jobs(farm):
        until = time.monotonic() + PATIENCE_S
        while True:
            code, said = farm.command("jobs", "-L", "200", "--json")
            if code == 0:
                return json.loads(said)["jobs"]
            if time.monotonic() > until:
                raise Wrong(f"jobs: {said.strip()[-300:]}")
            time.sleep(0.2)

    def _wait_for_jobs(self, farm):
        until = time.monotonic() + QUIET_S
        while True:
            jobs = self._jobs(farm)
            open_jobs = [job for job in jobs if job["state"] not in ("done", "failed")]
            if jobs and not open_jobs:
                return
            if time.monotonic() > until:
                raise Wrong(f"stuck: {open_jobs}")
            time.sleep(0.2)

    # ---- The accounts ----

    def _check(self, farm, people, folder):
        self._check_jobs(farm)
        self._check_history(farm, people)
        self._check_outputs(farm, folder)
        self._check_doctored(farm)
        farm.kill(farm.coordinator)
        self._check_disk(farm)

    def _check_jobs(self, farm):
        failed = [f"{j['song']}@{j['version']}: {j['error']}" for j in self._jobs(farm) if j["state"] == "failed"]
        if failed:
            raise Wrong(f"failed for good: {failed[0]}")

    def _check_history(self, farm, people):
        _, said = farm.command("log", "--json", cwd=people.folder)
        known = {row["commit"] for row in json.loads(said)["revisions"]}
        for revision, commit in people.pushed.items():
            if commit not in known:
                raise Wrong(f"revision {revision} was acknowledged and is lost")
        for version in {version for version, _ in people.notes}:
            _, said = farm.command("note", "list", version, "--json", cwd=people.folder)
            texts = [note["text"] for note in json.loads(said)["notes"]]
            for of, text in people.notes:
                if of == version and texts.count(text) < 1:
                    raise Wrong(f"{version}: '{text}' was acknowledged and is lost")

    def _check_outputs(self, farm, folder):
        out = folder / "fetched"
        for (song, revision), digest in self.settings.undisturbed.items():
            version = f"{song}@v{revision}"
            code, said = farm.command("fetch", version, "-A", "faults", "-o", out)
            if code != 0:
                raise Wrong(f"{version} cannot be fetched: {said.strip()[-300:]}")
            if album.digest_of(out / f"{song}-v{revision}.wav") != digest:
                raise Wrong(f"{version} is not the undisturbed one")

    def _check_doctored(self, farm):
        """Who reports as one must not did so, and other bytes for a known key are an incident, nothing else."""
        _, said = farm.command("incidents", "--json")
        incidents = json.loads(said)["incidents"]
        may = any(isinstance(fault, faults.Different) for fault in self.faults)
        if incidents and not may:
            raise Wrong(f"an incident: {incidents[0]['text']}")
        for fault in self.faults:
            if not isinstance(fault, faults.Doctored):
                continue
            name = f"renderer-{fault.node + 1}"
            log = (farm.folder / f"{name}.log").read_text(errors="replace")
            fault.happened = log.count(fault.sign)
            results = sum(job.get("node") == name for job in self._jobs(farm))
            if results >= RESULTS_SURE and not fault.happened:
                raise Wrong(f"{name} gave {results} results, and never did what it is here for")
            if may and "doctored: said again: taken" in log and not incidents:
                raise Wrong(f"other bytes of {name} were taken, and there is no incident")

    def _check_disk(self, farm):
        checked = subprocess.run(
            ["git", "-c", "safe.directory=*", "-C", farm.data / "albums" / "faults.git", "fsck", "--strict"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )
        bad = [l for l in checked.stdout.decode().splitlines() if l.split()[0] not in HARMLESS]
        if checked.returncode != 0 or bad:
            raise Wrong(f"git fsck: {checked.stdout.decode().strip()[-300:]}")
        for path in (farm.data / "store" / "objects").rglob("*"):
            if path.is_file() and album.digest_of(path) != path.name:
                raise Wrong(f"{path} is not what its name says")
        ledger = sqlite3.connect(farm.data / "ledger.sqlite")
        with ledger:
            if ledger.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
                raise Wrong("the ledger is damaged")
            stuck = ledger.execute(
                "SELECT count(*) FROM tasks WHERE state < ?", (TASK_OPEN_BELOW,)
            ).fetchone()[0]
            if stuck:
                raise Wrong(f"{stuck} tasks are still open in the ledger")
            left = ledger.execute(
                f"SELECT count(*) FROM attempts JOIN tasks ON tasks.id = task WHERE attempts.state IN ({LEASED})"
                " AND tasks.state >= ?", (TASK_OPEN_BELOW,)
            ).fetchone()[0]
            if left:
                raise Wrong(f"{left} leases are left of tasks that are over")
        ledger.close()


def _link(source, target):
    import os

    os.link(source, target)
