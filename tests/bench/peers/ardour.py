# SPDX-License-Identifier: GPL-3.0-or-later
"""Ardour without a screen: a session made by its Lua shell, rendered by its export command.

The shell makes routes, plugins, sends and levels. It cannot import files, so the stems are put into
the saved session's XML: as sources outside the session, each with one region on its track's playlist.
"""

import math
import shutil
import subprocess
import xml.etree.ElementTree as xml

import song as songs
from peers.common import MIXES, Variant, write

NAME = "ardour"
NEEDS = ("ardour7-lua", "ardour7-export", "/usr/lib/lv2/fil4.lv2", "/usr/lib/lv2/dpl.lv2")
LEAVES_OUT = (
    "the reverb is an algorithm (a-reverb), not a convolution; no report. Starting takes some seconds "
    "of each export"
)
WORKLOADS = MIXES
TICKS = 282240000  # of a second: Ardour's superclock
FIRST_ID = 1000000  # of what is put into the XML
EQUALISER = "http://gareus.org/oss/lv2/fil4#"
COMPRESSOR = "urn:ardour:a-comp"
LIMITER = "http://gareus.org/oss/lv2/dpl#stereo"


def _octaves(q):
    return 2 / math.log(2) * math.asinh(1 / (2 * q))


def _equaliser(track):
    """Numbers of fil4's controls: high pass at 4, low shelf at 10, bells at 14, high shelf at 30."""
    values = {4: 1, 5: track.high_pass_hz, 6: 0.7071, 10: 0, 30: 0}
    for index, bell in enumerate(track.bells):
        first = 14 + 4 * index
        values.update({first: 1, first + 1: bell.freq_hz, first + 2: _octaves(bell.q),
                       first + 3: bell.gain_db})
    return values


def _compressor(settings):
    return {0: settings.attack_ms, 1: settings.release_ms, 2: settings.knee_db,
            3: settings.ratio, 4: settings.threshold_db, 5: settings.makeup_db}


def _plugin(route, uri, values):
    pairs = ", ".join(f"[{number}] = {value:.7g}" for number, value in values.items())
    return f"plug({route}, '{uri}', {{{pairs}}})"


PRELUDE = """
AudioEngine:set_backend('None (Dummy)', '', '')
local s = create_session('%(folder)s', 'mix', %(rate)d)
assert(s, 'no session')
local last = ARDOUR.PresentationInfo.max_order
local none = PBD.GroupControlDisposition.NoGroup
function plug(route, uri, values)
    local made = ARDOUR.LuaAPI.new_plugin(s, uri, ARDOUR.PluginType.LV2, '')
    assert(not made:isnil(), uri)
    assert(route:add_processor_by_index(made, -1, nil, true) == 0, uri)
    for number, value in pairs(values) do
        assert(ARDOUR.LuaAPI.set_processor_param(made, number, value), uri .. ' ' .. number)
    end
end
function bus(name)
    return s:new_audio_route(2, 2, nil, 1, name, ARDOUR.PresentationInfo.Flag.AudioBus, last):front()
end
function track(name, channels)
    return s:new_audio_track(channels, 2, nil, 1, name, last, ARDOUR.TrackMode.Normal, true, false):front()
end
function send(route, number, level)
    route:send_level_controllable(number):set_value(level, none)
end
local reverb = bus('reverb')
local delay = bus('delay')
local all = ARDOUR.RouteListPtr()
local t
"""


def _script(job, folder):
    song = job.song
    lines = [PRELUDE % {"folder": folder, "rate": songs.RATE_HZ}]
    for track in song.tracks:
        kind = "stereo" if track.channels == 2 else "mono"
        lines += [
            f"t = track('{track.id}', {track.channels})",
            _plugin("t", EQUALISER + kind, _equaliser(track)),
            _plugin("t", COMPRESSOR + ("#stereo" if track.channels == 2 else ""),
                    _compressor(track.compressor)),
            f"t:gain_control():set_value({songs.gain(track.fader_db):.7f}, none)",
        ]
        if track.channels == 1:
            lines += [f"t:pan_azimuth_control():set_value({(track.pan_percent + 100) / 200:.5f}, none)"]
        lines += ["all:push_back(t)"]
    for bus in ("reverb", "delay"):
        lines += [f"s:add_internal_sends({bus}, ARDOUR.Placement.PostFader, all)"]
    for track in song.tracks:
        lines += [f"t = s:route_by_name('{track.id}')",
                  f"send(t, 0, {songs.gain(track.reverb_db):.7f})",
                  f"send(t, 1, {songs.gain(track.delay_db):.7f})"]
    lines += [
        _plugin("reverb", "urn:ardour:a-reverb", {0: 1, 1: 0.75}),
        _plugin("delay", "urn:ardour:a-delay", {1: 0, 2: songs.DELAY_S * 1000, 4: 100,
                                                5: songs.DELAY_FEEDBACK * 100, 6: 20000}),
        _plugin("s:master_out()", COMPRESSOR + "#stereo", _compressor(song.bus_compressor)),
        _plugin("s:master_out()", LIMITER, {1: song.limiter_gain_db, 2: song.ceiling_db,
                                            3: song.limiter_release_ms / 1000, 4: 1}),
        "assert(s:save_state('') == 0)",
        "quit()",
    ]
    return "\n".join(lines) + "\n"


def _sources(root, job, track, first_id):
    """The track's file as a source for each channel, and the region's words for them."""
    words = {}
    for channel in range(track.channels):
        number = str(first_id + channel)
        xml.SubElement(root.find("Sources"), "Source", {
            "name": job.stem(track), "origin": job.stem(track), "type": "audio", "flags": "",
            "channel": str(channel), "gain": "1", "id": number})
        words[f"source-{channel}"] = words[f"master-source-{channel}"] = number
    return words


def _put_stems(path, job):
    tree = xml.parse(path)
    root = tree.getroot()
    length = f"a{job.song.seconds * TICKS}"
    playlists = {list.get("orig-track-id"): list for list in root.find("Playlists")}
    routes = {route.get("name"): route for route in root.find("Routes")}
    for number, track in enumerate(job.song.tracks):
        first_id = FIRST_ID + 10 * number
        region = {
            "name": track.id, "id": str(first_id + 5), "type": "audio", "start": "a0",
            "length": f"{length}@a0", "channels": str(track.channels), "opaque": "1",
            "whole-file": "0", "fade-in-active": "0", "fade-out-active": "0",
            "default-fade-in": "0", "default-fade-out": "0", "scale-amplitude": "1",
            "layering-index": "0", "first-edit": "nothing",
            **_sources(root, job, track, first_id),
        }
        xml.SubElement(playlists[routes[track.id].get("id")], "Region", region)
    xml.SubElement(root.find("Locations"), "Location", {
        "id": str(FIRST_ID - 1), "name": "session", "start": "a0", "end": length,
        "flags": "IsSessionRange", "locked": "0"})
    root.set("id-counter", str(FIRST_ID + 10 * len(job.song.tracks) + 10))
    tree.write(path)


def prepare(job):
    folder = job.folder / f"session-{job.song.name}"
    shutil.rmtree(folder, ignore_errors=True)
    script = write(job.folder / "session.lua", _script(job, folder))
    made = subprocess.run(["ardour7-lua", str(script)], text=True, check=False, timeout=300,
                          stdin=subprocess.DEVNULL, capture_output=True)
    session = folder / "mix.ardour"
    if made.returncode != 0 or not session.is_file():
        raise RuntimeError(f"ardour7-lua made no session: {made.stdout[-500:]}")
    _put_stems(session, job)
    output = job.folder / "mix.wav"
    return [Variant("", ["ardour7-export", "-b", "24", "-o", str(output), str(folder), "mix"], output)]
