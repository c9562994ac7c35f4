# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Which address of a pool takes a recipient: by weight, the same one for a while, and none that may not. Pure."""

from __future__ import annotations

import hashlib
import math
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from mailfleet.pace import Allowance, Rate, parse_rate

TRANSACTIONAL = "transactional"
_TWO_64 = float(1 << 64)


class Lane(NamedTuple):
    name: str
    ip: str
    isp: str
    connections: int
    weight: int


class Pool(NamedTuple):
    name: str
    transactional: bool
    lanes: Mapping[str, Sequence[Lane]]  # by ISP profile
    instance: str = ""


class Pause(Protocol):
    @property
    def kind(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def reason(self) -> str: ...

    @property
    def until(self) -> float: ...


class Snapshot(Protocol):
    """What holds lanes back just now (mailfleet.state.State)."""

    def paused(self, pool: str, ip: str, isp: str, transactional: bool, now: float) -> Pause | None: ...

    def allowed(self, pool: str, ip: str, isp: str, now: float) -> int | None: ...

    def why(self, pool: str, ip: str, isp: str, now: float) -> str: ...


class Standing(NamedTuple):
    """How an address stands: no words when nothing holds it back."""

    allowance: Allowance
    words: str = ""

    @property
    def closed(self) -> bool:
        return self.allowance.connections == 0


class Choice(NamedTuple):
    lane: Lane | None
    refused: Sequence[tuple[Lane, str]]  # preferred addresses that could not take it, and why


def pools(view: Mapping[str, Any]) -> dict[str, Pool]:
    """The pools of the host's view. Addresses with weight 0 take nothing new."""
    found = {}
    for pool in view["pools"]:
        weights = {ip["address"]: int(ip["weight"]) for ip in pool["ips"]}
        lanes: dict[str, list[Lane]] = {}
        for lane in pool["lanes"]:
            weight = weights.get(lane["bind4"], 0)
            made = Lane(lane["name"], lane["bind4"], lane["isp"], int(lane["connections"]), weight)
            lanes.setdefault(made.isp, []).append(made)
        found[pool["name"]] = Pool(pool["name"], pool["traffic"] == TRANSACTIONAL, lanes, pool["instance"])
    return found


def served(view: Mapping[str, Any], names: Callable[[str], set[str] | None]) -> dict[str, Any]:
    """The view with those lanes only that Postfix has: names gives them for an instance, None where it has none yet.

    A new lane is offered once Postfix knows it, and one that leaves is offered no more before Postfix forgets it.
    """
    pools = []
    for pool in view["pools"]:
        known = names(pool["instance"])
        kept = [lane for lane in pool["lanes"] if known is None or lane["name"] in known]
        pools.append({**pool, "lanes": kept})
    return {**view, "pools": pools}


def rates(view: Mapping[str, Any]) -> dict[str, Rate]:
    """By ISP profile, for those with a message_rate of more than one a second. Slower ones are kept by Postfix, which
    spaces the messages of a lane by whole seconds and forgets nothing when we start anew."""
    found = {isp["name"]: parse_rate(str(isp.get("message_rate") or "")) for isp in view["isps"]}
    return {name: rate for name, rate in found.items() if rate and rate.messages > rate.seconds}


def window(subject: str, now: float, seconds: float) -> tuple[int, float]:
    """The number of the subject's current window and when that ends. Windows of subjects end at different times."""
    offset = zlib.crc32(subject.encode("utf-8", "surrogateescape")) % max(1, int(seconds))
    number = math.floor((now + offset) / seconds)
    return number, (number + 1) * seconds - offset


def ranked(lanes: Sequence[Lane], seed: str) -> Iterator[Lane]:
    """By weighted rendezvous hashing: each lane comes first for its share of the seeds, and when one is left out
    the others keep theirs."""
    open_lanes = [lane for lane in lanes if lane.weight > 0]
    if len(open_lanes) < 2:
        return iter(open_lanes)
    start = hashlib.blake2b(seed.encode("utf-8", "surrogateescape"), digest_size=8)
    scored = sorted(((_score(start.copy(), lane), lane.name, lane) for lane in open_lanes), reverse=True)
    return (lane for _score_, _name, lane in scored)


def _score(digest: Any, lane: Lane) -> float:
    digest.update(lane.ip.encode())
    return -lane.weight / math.log((int.from_bytes(digest.digest(), "big") + 0.5) / _TWO_64)


def standing(pool: Pool, lane: Lane, rate: Rate | None, state: Snapshot, now: float) -> Standing:
    pause = state.paused(pool.name, lane.ip, lane.isp, pool.transactional, now)
    if pause:
        words = f"{pause.kind} {pause.name} is paused{_until(pause.until)}: {pause.reason}"
        return Standing(Allowance(0, rate), words)
    allowed = state.allowed(pool.name, lane.ip, lane.isp, now)
    if allowed is None:
        return Standing(Allowance(None, rate))
    why = state.why(pool.name, lane.ip, lane.isp, now)
    words = "stopped" if allowed == 0 else f"probing with {allowed} of {lane.connections} connections"
    return Standing(Allowance(allowed, rate), f"{words} after: {why}" if why else words)


def _until(moment: float) -> str:
    return f" until {time.strftime('%Y-%m-%d %H:%M:%S UTC', time.gmtime(moment))}" if moment else ""


def choose(
    lanes: Sequence[Lane], seed: str, stand: Callable[[Lane], Standing], take: Callable[[Lane, Allowance], bool]
) -> Choice:
    """The first lane that may take one message more."""
    refused: list[tuple[Lane, str]] = []
    for lane in ranked(lanes, seed):
        how = stand(lane)
        if not how.closed and take(lane, how.allowance):
            return Choice(lane, refused)
        refused.append((lane, how.words or "its message rate is used up for the moment"))
    return Choice(None, refused)
