# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes of one plan: a coordinator, renderers, and the commands that people give."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import links

LEASE_MS = 1500
CONTROL_PORT = 7001
BULK_PORT = 7002
READY_S = 60.0
COMMAND_S = 60.0
PROGRAMS = ("nightbus", "nightbus-coordinator", "nightbus-renderer", "doctored_renderer")


def find_programs(folder):
    """The folder, in full. A plan whose renderers cannot start would show little, and might pass."""
    folder = folder.resolve()
    missing = [name for name in PROGRAMS if not os.access(folder / name, os.X_OK)]
    if missing:
        raise SystemExit(f"no {', '.join(missing)} in {folder}: build it, or name another folder with --binaries")
    return folder


def end_in_order():
    """SIGTERM ends this program as ^C does: processes, mounts and namespaces are taken away."""
    def end(*_):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # `timeout` sends it twice
        sys.exit(1)

    signal.signal(signal.SIGTERM, end)


def make_keys(nightbus, work, renderers):
    """Keys as `nightbus up` makes them, once for all plans."""
    data = work / "keys-farm"
    up = subprocess.Popen(
        [nightbus, "up", "--data", data, "--renderers", str(renderers)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + READY_S
    while not (data / "farm.json").exists():
        if time.monotonic() > until or up.poll() is not None:
            raise RuntimeError("nightbus up did not get ready")
        time.sleep(0.05)
    server_key = json.loads((data / "farm.json").read_text())["server_key"]
    up.terminate()
    up.wait()
    return data / "keys", server_key


class Farm:
    def __init__(self, binaries, folder, keys, server_key, lan, renderers, options):
        self.binaries = binaries
        self.folder = folder
        self.data = folder / "farm"
        self.caches = [folder / f"cache-{n}" for n in range(renderers)]
        self.lan = lan
        self.server_key = server_key
        self.options = options
        self.coordinator = None
        self.renderers = [None] * renderers
        self.doctored = [None] * renderers
        self.mounts = []
        self.fillers = []
        self.keys = keys

    # ---- Disks ----

    def make_folders(self):
        self._mount(self.data, self.options.get("coordinator_disk_mb"))
        for cache in self.caches:
            self._mount(cache, self.options.get("renderer_disk_mb"))
        shutil.copytree(self.keys, self.data / "keys")

    def _mount(self, path, size_mb):
        path.mkdir(parents=True)
        if size_mb:
            self.mounts.append(path)
            subprocess.run(
                ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", path], check=True
            )

    def fill(self, path):
        """Leave nothing free on the disk of `path`."""
        filler = path / "filler"
        self.fillers.append(filler)
        with open(filler, "wb", buffering=0) as file:
            block = bytes(1 << 20)
            try:
                while True:
                    file.write(block)
            except OSError:
                pass

    def make_room(self):
        for filler in self.fillers:
            filler.unlink(missing_ok=True)
        self.fillers = []

    # ---- Processes ----

    def host(self):
        return links.COORDINATOR_IP if self.lan else "127.0.0.1"

    def _start(self, namespace, name, program, *words, **environment):
        command = [str(self.binaries / program), *map(str, words)]
        if self.lan:
            command = ["ip", "netns", "exec", namespace, *command]
        log = open(self.folder / f"{name}.log", "ab")
        with log:
            return subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                env={**os.environ, "OMP_WAIT_POLICY": "passive", **environment},
            )

    def ports(self):
        return (CONTROL_PORT, BULK_PORT) if self.lan else self.options["ports"]

    def start_coordinator(self):
        if self.coordinator and self.coordinator.poll() is None:
            return
        control, bulk = self.ports()
        words = ["--data", self.data, "--lease-ms", LEASE_MS,
                 "--control", f"tcp://{self.host()}:{control}",
                 "--bulk", f"tcp://{self.host()}:{bulk}"]
        if self.options["transfer"]:
            words.append("--transfer")
        self.coordinator = self._start(
            self.lan and self.lan.coordinator, "coordinator", "nightbus-coordinator", *words
        )

    def start_renderer(self, n):
        if self.renderers[n] and self.renderers[n].poll() is None:
            return
        doctor = self.doctored[n]
        words = ["--farm", f"tcp://{self.host()}:{self.ports()[0]}/{self.server_key}",
                 "--key", self.data / "keys" / f"renderer-{n + 1}.key",
                 "--name", f"renderer-{n + 1}", "--cache", self.caches[n], "--threads", 1]
        if self.options["transfer"]:
            words.append("--transfer")
        program = "doctored_renderer" if doctor else "nightbus-renderer"
        environment = {"NIGHTBUS_DOCTOR": doctor} if doctor else {}
        self.renderers[n] = self._start(
            self.lan and self.lan.nodes[n], f"renderer-{n + 1}", program, *words, **environment
        )

    def start(self):
        self.start_coordinator()
        (self.folder / "farm.json").write_text(json.dumps({
            "control": f"tcp://{self.host()}:{self.ports()[0]}",
            "bulk": f"tcp://{self.host()}:{self.ports()[1]}",
            "server_key": self.server_key,
            "key": str(self.data / "keys" / "owner.key"),
        }))
        for n in range(len(self.renderers)):
            self.start_renderer(n)

    @staticmethod
    def signal(process, number):
        if process and process.poll() is None:
            process.send_signal(number)

    def kill(self, process):
        self.signal(process, signal.SIGKILL)
        if process:
            process.wait()

    def heal(self):
        """Whatever was done to it: all run, on links that hold, with room on their disks."""
        self.make_room()
        for n in range(len(self.renderers)):
            if self.lan:
                self.lan.mend(n)
        for process in [self.coordinator, *self.renderers]:
            self.signal(process, signal.SIGCONT)
        self.start_coordinator()
        for n in range(len(self.renderers)):
            self.start_renderer(n)

    def close(self):
        for process in [*self.renderers, self.coordinator]:
            self.signal(process, signal.SIGCONT)
            self.kill(process)
        self.make_room()
        for path in reversed(self.mounts):
            subprocess.run(["umount", "--lazy", path], check=False)

    # ---- People ----

    def command(self, *words, cwd=None, timeout=COMMAND_S):
        """Run nightbus; (exit code, what it said). A command that takes too long is killed."""
        command = [str(self.binaries / "nightbus"), *map(str, words), "--farm", str(self.folder / "farm.json")]
        if self.lan:
            command = ["ip", "netns", "exec", self.lan.coordinator, *command]
        try:
            done = subprocess.run(
                command, cwd=cwd, timeout=timeout, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )
        except subprocess.TimeoutExpired:
            return 124, "timed out"
        return done.returncode, (done.stdout if done.returncode == 0 else done.stderr).decode()
