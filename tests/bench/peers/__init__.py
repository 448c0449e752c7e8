# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs that Nightbus is compared with."""

from peers import ardour, csound, ecasound, ffmpeg, floor, nightbus, plain_loop, sox

ALL = (nightbus, ffmpeg, csound, ecasound, sox, ardour, plain_loop, floor.decode, floor.copy)
BY_NAME = {peer.NAME: peer for peer in ALL}
