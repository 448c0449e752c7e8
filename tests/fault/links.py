# SPDX-License-Identifier: GPL-3.0-or-later
"""A small LAN: a network namespace for the coordinator and one for each renderer.

Cuts and losses are rules of nft in the renderer's namespace, the rate is tbf's. Needs root.
"""

import os
import shutil
import subprocess

COORDINATOR_IP = "10.77.0.1"


def run(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def why_not():
    """Why no namespaces can be made here; None where they can."""
    if os.geteuid() != 0:
        return "not root"
    for program in ("ip", "nft", "tc"):
        if not shutil.which(program):
            return f"{program} is not here"
    name = f"nbf-try-{os.getpid()}"
    try:
        run("ip", "netns", "add", name)
    except subprocess.CalledProcessError as error:
        return error.stderr.decode().strip() or "ip netns add failed"
    try:
        run("ip", "netns", "exec", name, "nft", "add", "table", "inet", "try")
    except subprocess.CalledProcessError as error:
        return error.stderr.decode().strip() or "nft failed"
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False)
    return None


class Lan:
    def __init__(self, renderers):
        tag = os.getpid() % 100000
        self.coordinator = f"nbf-{tag}-c"
        self.nodes = [f"nbf-{tag}-{n}" for n in range(renderers)]
        self.made = []
        self._add(self.coordinator)
        self._in(self.coordinator, "ip", "link", "add", "br0", "type", "bridge")
        self._in(self.coordinator, "ip", "addr", "add", COORDINATOR_IP + "/24", "dev", "br0")
        self._in(self.coordinator, "ip", "link", "set", "br0", "up")
        for n, node in enumerate(self.nodes):
            self._join(n, node, f"nv{tag}{n}")

    def _add(self, name):
        run("ip", "netns", "add", name)
        self.made.append(name)
        self._in(name, "ip", "link", "set", "lo", "up")

    @staticmethod
    def _in(name, *words):
        run("ip", "netns", "exec", name, *words)

    def _join(self, n, node, end):
        self._add(node)
        self._in(self.coordinator, "ip", "link", "add", end, "type", "veth", "peer", "name", "eth0", "netns", node)
        self._in(self.coordinator, "ip", "link", "set", end, "master", "br0")
        self._in(self.coordinator, "ip", "link", "set", end, "up")
        self._in(node, "ip", "addr", "add", f"10.77.0.{10 + n}/24", "dev", "eth0")
        self._in(node, "ip", "link", "set", "eth0", "up")
        self._in(node, "nft", "add", "table", "inet", "fault")
        self._in(node, "nft", "add chain inet fault in { type filter hook input priority 0 ; }")
        self._in(node, "nft", "add chain inet fault out { type filter hook output priority 0 ; }")

    def lose(self, n, chain, percent):
        """Of what comes in ("in") or goes out ("out") of renderer n, lose so much."""
        what = "drop" if percent >= 100 else f"numgen random mod 100 < {percent} drop"
        self._in(self.nodes[n], "nft", f"add rule inet fault {chain} {what}")

    def limit(self, n, kbit):
        for where, device in ((self.nodes[n], "eth0"), (self.coordinator, self._end(n))):
            self._in(
                where, "tc", "qdisc", "replace", "dev", device, "root", "tbf",
                "rate", f"{kbit}kbit", "burst", "32kbit", "latency", "200ms",
            )

    def _end(self, n):
        return f"nv{os.getpid() % 100000}{n}"

    def mend(self, n):
        self._in(self.nodes[n], "nft", "flush", "table", "inet", "fault")
        for where, device in ((self.nodes[n], "eth0"), (self.coordinator, self._end(n))):
            subprocess.run(
                ["ip", "netns", "exec", where, "tc", "qdisc", "del", "dev", device, "root"],
                check=False, stderr=subprocess.DEVNULL,
            )

    def close(self):
        for name in reversed(self.made):
            subprocess.run(["ip", "netns", "del", name], check=False)
        self.made = []
