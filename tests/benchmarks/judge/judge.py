# Copyright (c) 2026, autoscale.proxmox contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replay judge for vertical sizers of Proxmox LXC containers (standard library and numpy only).

  judge.py run  --traces DIR [--sizers a,b,...] [--external 'CMD'] [--name NAME] [options] --out DIR
  judge.py list

See README.md beside this file for the model, the metrics, the cost and the line protocol.
"""

from __future__ import annotations

import argparse
import collections
import json
import math
import multiprocessing
import os
import shlex
import subprocess
import sys
import threading
import time

import numpy as np

PHI = 0.2  # share of a step spent at `cpu_cores_peak` when that column exists
W_UNMET = 10.0  # cost: 1 % of CPU demand unmet  == 10 % of the provisioned cores idle
W_OOM = 0.1  # cost: 1 OOM per 1000 h         == 10 % of the provisioned memory idle
W_RESIZE = 0.001  # cost: 1 resize per day         == 0.1 % of the provisioned capacity idle


# --------------------------------------------------------------------------- traces
def hash_name(s):
    h = 0
    for ch in s:
        h = (h * 131 + ord(ch)) % 2147483647
    return h


class Trace:
    """One container: demand arrays plus its provisioned maxima."""

    def __init__(self, path, active_mem="envelope", resolution=0):
        self.path = path
        self.name = os.path.basename(path)[:-4]
        self.source = self.name.split("-")[0]
        h = {}
        rows = []
        with open(path) as fh:
            for l in fh:
                if l.startswith("#"):
                    k, dummy, v = l[1:].partition(":")
                    h[k.strip()] = v.strip()
                elif l[0].isdigit():
                    rows.append(l.rstrip("\n").split(","))
        self.h = h
        self.step = int(h["step_s"])
        n = self.n = len(rows)
        self.t = np.array([float(r[0]) for r in rows])
        self.has_cpu = rows[0][1] != ""
        self.has_mem = rows[0][2] != ""
        self.d = np.array([float(r[1]) for r in rows]) if self.has_cpu else np.zeros(n)
        self.m = np.array([float(r[2]) for r in rows]) if self.has_mem else np.zeros(n)
        self.p = np.array([float(r[3]) for r in rows]) if len(rows[0]) > 3 else self.d
        self.has_peak = len(rows[0]) > 3
        self.max_cores = float(h["max_cores"] or 1)
        self.max_mem = float(h["max_mem_mb"] or 1024)
        self.mem_kind = "active" if self.source == "bitbrains" else "resident"
        if self.has_mem and self.mem_kind == "active" and active_mem == "envelope":
            k = max(1, int(3600 / self.step))  # trailing 1-h maximum of VMware ACTIVE memory
            self.m = np.array([self.m[max(0, i - k + 1) : i + 1].max() for i in range(n)])
        self.m = np.minimum(self.m, self.max_mem)
        self.d = np.minimum(self.d, self.max_cores)
        self.p = np.minimum(np.maximum(self.p, self.d), self.max_cores)
        if resolution and resolution < self.step:  # zero-order hold; the peak minute gets a fixed pseudo-random place
            f = self.step // resolution
            n = self.n
            pk = self.p.copy()
            d0 = self.d.copy()
            self.d = np.repeat(self.d, f)
            self.m = np.repeat(self.m, f)
            self.t = (self.t[:, None] + np.arange(f) * resolution).ravel()
            if self.has_peak:
                rng = np.random.default_rng(abs(hash_name(self.name)))
                pos = rng.integers(0, f, n)
                rest = np.maximum((d0 * f - pk) / (f - 1), 0.0)
                first = np.minimum(pk, d0 * f)
                self.d = np.repeat(rest, f)
                self.d[np.arange(n) * f + pos] = first
            self.p = self.d
            self.has_peak = False
            self.step = resolution
            self.n = n * f
        day = int(86400 / self.step)
        self.warm = day if n >= 4 * day else n // 4


def load(d, active_mem):
    return [Trace(os.path.join(d, f), active_mem) for f in sorted(os.listdir(d)) if f.endswith(".csv") and f != "MANIFEST.csv"]


class Cfg:
    """Actuation granularity and judge options."""

    def __init__(self, cpu_mode="cpulimit", cpu_gran=0.1, mem_gran=32, backlog=0.0, swap_mb=0, local=False, warmup=True, resolution=0):
        self.cpu_mode = cpu_mode
        self.cpu_gran = 1.0 if cpu_mode == "cores" else cpu_gran
        self.mem_gran = mem_gran
        self.backlog = backlog
        self.swap_mb = swap_mb
        self.local = local
        self.warmup = warmup
        self.resolution = resolution

    def qc(self, x, tr):
        g = self.cpu_gran
        return min(max(math.ceil(x / g - 1e-6) * g, g), math.ceil(tr.max_cores / g - 1e-9) * g)

    def qm(self, x, tr):
        g = self.mem_gran
        return min(max(math.ceil(x / g - 1e-6) * g, 2 * g), math.ceil(tr.max_mem / g - 1e-9) * g)


# --------------------------------------------------------------------------- model
def cpu_step(d, p, L):
    """-> (used, unmet, used_max, share of the step with unmet demand): two-level demand with mean d, level p for a share PHI of the step."""
    if p <= d:
        un = d - L if d > L else 0.0
        return d - un, un, d - un, float(d > L)
    f = min(PHI, d / p) if p > 0 else 0.0
    b = (d - f * p) / (1 - f) if f < 1 else d
    un = f * max(0.0, p - L) + (1 - f) * max(0.0, b - L)
    return d - un, un, min(p, L), f * (p > L) + (1 - f) * (b > L)


def mem_psi(m, M):
    x = (m / M - 0.90) / 0.10 if M > 0 else 1.0
    return round(10.0 * min(max(x, 0.0), 1.0) ** 2, 2)


def simulate(tr, sizer, cfg, vmid=100):
    """Closed loop. -> dict of arrays (one entry per step)."""
    n = tr.n
    L = cfg.qc(tr.max_cores, tr)
    M = cfg.qm(tr.max_mem, tr)
    aL = np.empty(n)
    aM = np.empty(n)
    aU = np.empty(n)
    aX = np.empty(n)
    aD = np.empty(n)
    aMu = np.empty(n)
    oom = np.zeros(n, bool)
    swp = np.zeros(n)
    warm = tr.warm if cfg.warmup else 0
    carry = 0.0
    meta = {
        "max_cores": tr.max_cores if tr.has_cpu else None,
        "max_memory_mb": tr.max_mem if tr.has_mem else None,
        "cpu_mode": cfg.cpu_mode,
        "cpu_granularity": cfg.cpu_gran,
        "mem_granularity_mb": cfg.mem_gran,
        "swap_mb": cfg.swap_mb,
    }
    sizer.start(vmid, tr, cfg, meta)
    for k in range(n):
        d = tr.d[k] + carry
        p = tr.p[k] + carry
        used, un, umax, some = cpu_step(d, p, L)
        carry = cfg.backlog * un
        m = tr.m[k]
        o = False
        if tr.has_mem and m > M:
            if m > M + cfg.swap_mb:
                o = True
            else:
                swp[k] = m - M
        mu = min(m, M)
        aL[k] = L
        aM[k] = M
        aU[k] = used
        aX[k] = un
        aD[k] = d
        aMu[k] = mu
        oom[k] = o
        obs = {
            "t": tr.t[k],
            "vmid": vmid,
            "step_s": tr.step,
            "phase": "warmup" if k < warm else "live",
            "cores": round(L, 3) if tr.has_cpu else None,
            "memory_mb": M if tr.has_mem else None,
            "cpu_fraction": round(used / L, 4) if tr.has_cpu else None,
            "cpu_fraction_max": round(umax / L, 4) if tr.has_cpu else None,
            "mem_mb": round(mu) if tr.has_mem else None,
            "maxmem_mb": M if tr.has_mem else None,
            "limits": meta,
            "psi": {"cpu_some": round(100 * some, 2), "mem_some": (50.0 if o else mem_psi(m, M)) if tr.has_mem else 0.0, "mem_full": (25.0 if o else 0.0)},
        }
        if swp[k] > 0:
            obs["swap_mb_used"] = round(float(swp[k]))
        if cfg.local:
            obs["oom_kill"] = int(o)
        c, mm = sizer.step(obs, o)
        if k + 1 >= warm:
            if tr.has_cpu and c is not None:
                L = cfg.qc(c, tr)
            if tr.has_mem and mm is not None:
                M = cfg.qm(mm, tr)
    return dict(L=aL, M=aM, U=aU, X=aX, D=aD, Mu=aMu, oom=oom, swp=swp, warm=warm)


def metrics(tr, r):
    w = r["warm"]
    dt = tr.step / 3600.0
    s = slice(w, tr.n)
    hours = (tr.n - w) * dt
    o = {"name": tr.name, "source": tr.source, "hours": hours}
    chg = np.zeros(tr.n - w, bool)
    rev = 0

    def reversals(a):
        v = 0
        last = 0
        lt = -1e9
        dd = np.diff(a)
        for i in np.nonzero(np.abs(dd) > 1e-9)[0]:
            sg = 1 if dd[i] > 0 else -1
            if last and sg != last and (i - lt) * tr.step <= 3600:
                v += 1
            last = sg
            lt = i
        return v

    # limits at step w are the first scored ones; the change from w-1 to w counts as a resize
    lo = max(w - 1, 0)
    if tr.has_cpu:
        L = r["L"][s]
        U = r["U"][s]
        X = r["X"][s]
        D = r["D"][s]
        o.update(
            cpu_slack_h=float((L - U).sum() * dt),
            cpu_limit_h=float(L.sum() * dt),
            cpu_unmet_h=float(X.sum() * dt),
            cpu_demand_h=float(D.sum() * dt),
            cpu_prov_h=tr.max_cores * hours,
            cpu_thr_steps=float((X > 0.02 * np.maximum(D, 1e-9)).mean()),
        )
        o["cpu_unmet"] = o["cpu_unmet_h"] / max(o["cpu_demand_h"], 1e-9)
        o["cpu_slack_prov"] = o["cpu_slack_h"] / o["cpu_prov_h"]
        o["cpu_slack_rel"] = o["cpu_slack_h"] / max(o["cpu_limit_h"], 1e-9)
        a = np.abs(np.diff(r["L"][lo:])) > 1e-9
        o["cpu_resizes"] = int(a.sum())
        chg[-len(a) :] |= a
        rev += reversals(r["L"][lo:])
    if tr.has_mem:
        M = r["M"][s]
        Mu = r["Mu"][s]
        o.update(
            mem_slack_gbh=float((M - Mu).sum() * dt / 1024),
            mem_limit_gbh=float(M.sum() * dt / 1024),
            mem_prov_gbh=tr.max_mem / 1024 * hours,
            mem_demand_gbh=float(np.sum(tr.m[s]) * dt / 1024),
            oom=int(r["oom"][s].sum()),
            swap_gbh=float(r["swp"][s].sum() * dt / 1024),
        )
        o["mem_slack_prov"] = o["mem_slack_gbh"] / o["mem_prov_gbh"]
        o["mem_slack_rel"] = o["mem_slack_gbh"] / max(o["mem_limit_gbh"], 1e-9)
        o["oom_kh"] = o["oom"] / hours * 1000
        q = r["oom"][s].astype(int)
        o["oom_episodes"] = int((np.diff(np.concatenate([[0], q])) == 1).sum())
        a = np.abs(np.diff(r["M"][lo:])) > 1e-9
        o["mem_resizes"] = int(a.sum())
        chg[-len(a) :] |= a
        rev += reversals(r["M"][lo:])
    days = hours / 24
    o["resizes_day"] = float(chg.sum() / days)
    o["osc_day"] = rev / days
    parts = []
    if tr.has_cpu:
        parts.append(o["cpu_slack_prov"] + W_UNMET * o["cpu_unmet"])
    if tr.has_mem:
        parts.append(o["mem_slack_prov"] + W_OOM * o["oom"] / max(hours, 240.0) * 1000)  # short traces: rate over at least 10 days
    o["cost"] = sum(parts) / len(parts) + W_RESIZE * o["resizes_day"]
    if tr.has_cpu:
        o["cost_cpu"] = parts[0]
    if tr.has_mem:
        o["cost_mem"] = parts[-1]
    return o


def aggregate(ms):
    def pool(a, b):
        x = sum(m[a] for m in ms if a in m)
        y = sum(m[b] for m in ms if b in m)
        return x / y if y else float("nan")

    def mean(a):
        v = [m[a] for m in ms if a in m]
        return float(np.mean(v)) if v else float("nan")

    c = [m for m in ms if "cpu_unmet" in m]
    g = [m for m in ms if "oom" in m]
    return dict(
        n=len(ms),
        n_cpu=len(c),
        n_mem=len(g),
        cost=mean("cost"),
        cost_cpu=mean("cost_cpu"),
        cost_mem=mean("cost_mem"),
        cpu_slack_prov=mean("cpu_slack_prov"),
        cpu_slack_rel_pool=pool("cpu_slack_h", "cpu_limit_h"),
        cpu_slack_rel=mean("cpu_slack_rel"),
        cpu_slack_h=sum(m["cpu_slack_h"] for m in c),
        cpu_unmet_pool=pool("cpu_unmet_h", "cpu_demand_h"),
        cpu_unmet=mean("cpu_unmet"),
        cpu_unmet_p95=float(np.percentile([m["cpu_unmet"] for m in c], 95)) if c else float("nan"),
        cpu_thr_steps=mean("cpu_thr_steps"),
        mem_slack_prov=mean("mem_slack_prov"),
        mem_slack_rel_pool=pool("mem_slack_gbh", "mem_limit_gbh"),
        mem_slack_rel=mean("mem_slack_rel"),
        mem_slack_gbh=sum(m["mem_slack_gbh"] for m in g),
        oom=sum(m["oom"] for m in g),
        oom_episodes=sum(m["oom_episodes"] for m in g),
        oom_kh=1000 * sum(m["oom"] for m in g) / max(sum(m["hours"] for m in g), 1e-9),
        oom_traces=float(np.mean([m["oom"] > 0 for m in g])) if g else float("nan"),
        resizes_day=mean("resizes_day"),
        osc_day=mean("osc_day"),
    )


# --------------------------------------------------------------------------- sizers
class Sizer:
    """Base class: start() once per trace, step(obs, oom) -> (cores, memory_mb)."""

    def start(self, vmid, tr, cfg, meta):
        self.tr = tr
        self.cfg = cfg
        self.meta = meta
        self.init()

    def init(self):
        pass

    def step(self, obs, oom):
        return obs["cores"], obs["memory_mb"]

    def close(self):
        pass


class StaticMax(Sizer):
    pass


class StaticQ(Sizer):
    """Oracle: a static limit at the q-quantile of the whole scored trace."""

    def __init__(self, q):
        self.q = q

    def init(self):
        w = self.tr.warm
        src = self.tr.p if self.q >= 1 else self.tr.d
        self.c = float(np.quantile(src[w:], self.q))
        self.m = float(np.quantile(self.tr.m[w:], self.q))

    def step(self, obs, oom):
        return self.c, self.m


class Oracle(Sizer):
    """Perfect knowledge: each window of `win` seconds is given its own maximum (CPU peak, memory)."""

    def __init__(self, win):
        self.win = win

    def init(self):
        self.k = 0
        self.w = max(1, int(self.win / self.tr.step)) if self.win else 1
        self.o = self.tr.warm % self.w

    def step(self, obs, oom):
        self.k += 1
        k = self.k
        tr = self.tr
        if k >= tr.n:
            return obs["cores"], obs["memory_mb"]
        a = k - ((k - self.o) % self.w)
        b = min(a + self.w, tr.n)
        a = max(a, 0)
        return float(tr.p[a:b].max()), float(tr.m[a:b].max())


class Upstream(Sizer):
    """fabriziosalmi/proxmox-lxc-autoscale @879a849 threshold mode, exact arithmetic of scaling_manager.adjust_resources.
    `code` = DefaultsConfig defaults, `yaml` = the shipped lxc_autoscale.yaml. max_cores is set to the container's own maximum
    (upstream's default 4 otherwise); host head-room never binds here. CPU% is usage/cores as pvesh reports it; the poll is the trace step
    (300 s = upstream's default poll_interval)."""

    CODE = dict(cu=80, cl=20, mu=80, ml=20, min_cores=1, min_mem=512, cmin=1, cmax=2, minc=256, mdec=128, div=2.0, msf=1.5)
    YAML = dict(CODE, mu=70, min_mem=256, mdec=256)

    def __init__(self, behaviour="normal", conf="code", energy=False):
        self.b = behaviour
        self.c = dict(self.CODE if conf == "code" else self.YAML)
        self.energy = energy

    def mult(self, hour):
        base = {"normal": 1.0, "conservative": 0.5, "aggressive": 2.0}[self.b]
        if hour >= 22 or hour < 6:
            base *= 0.8
        return base

    @staticmethod
    def dec(cur, lower, alloc, mind, mina, div):
        dyn = max(1, int((lower - cur) / div))
        return max(min(alloc - mina, dyn), mind)

    def step(self, obs, oom):
        c = self.c
        hour = int(obs["t"] // 3600) % 24
        cores = mem = None
        if obs["cores"] is not None:
            cores = int(math.ceil(obs["cores"] - 1e-9))
            cpu = round(obs["cpu_fraction"] * obs["cores"] / cores * 100, 2)
            maxc = int(math.ceil(self.tr.max_cores))
            if cpu > c["cu"]:
                inc = min(max(c["cmin"], int((cpu - c["cu"]) / c["div"])), c["cmax"])
                if cores + inc <= maxc:
                    cores += inc
            elif cpu < c["cl"] and cores > c["min_cores"]:
                cores = max(c["min_cores"], cores - self.dec(cpu, c["cl"], cores, c["cmin"], c["min_cores"], c["div"]))
        if obs["memory_mb"] is not None:
            mem = int(obs["memory_mb"])
            pct = round(obs["mem_mb"] / mem * 100, 2)
            mu = self.mult(hour)
            if pct > c["mu"]:
                mem += max(int(c["minc"] * mu), int((pct - c["mu"]) * c["minc"] / c["msf"]))
            elif pct < c["ml"] and mem > c["min_mem"]:
                d = self.dec(pct, c["ml"], mem, int(c["mdec"] * mu), c["min_mem"], c["div"])
                if d > 0:
                    mem -= d
            mem = max(mem, 16)
        if self.energy and (hour >= 22 or hour < 6):
            if cores is not None and int(math.ceil(obs["cores"])) > c["min_cores"]:
                cores = c["min_cores"]
            if mem is not None and obs["memory_mb"] > c["min_mem"]:
                mem = c["min_mem"]
        return cores, mem


class UpstreamBoost(Sizer):
    """Upstream boost mode: x1.5 (fallback x1.25) after 3 consecutive polls >= 95 %, reverted after 120 s (so after one 300-s poll).
    Baseline (an operator's number, not upstream's): the 95th percentile of usage during the warm-up."""

    def init(self):
        self.u = []
        self.mm = []
        self.base = None
        self.cnt = [0, 0]
        self.boost = [None, None]

    def step(self, obs, oom):
        if obs["phase"] == "warmup" or self.base is None:
            if obs["cores"] is not None:
                self.u.append(obs["cpu_fraction"] * obs["cores"])
            if obs["mem_mb"] is not None:
                self.mm.append(obs["mem_mb"])
            self.base = [math.ceil(np.quantile(self.u, 0.95)) if self.u else None, float(np.quantile(self.mm, 0.95)) if self.mm else None]
            return self.base[0], self.base[1]
        out = []
        for i, (fr, cur, mx) in enumerate(
            [
                (obs["cpu_fraction"], obs["cores"], self.tr.max_cores),
                (obs["mem_mb"] / obs["memory_mb"] if obs["mem_mb"] is not None else None, obs["memory_mb"], self.tr.max_mem),
            ]
        ):
            if cur is None:
                out.append(None)
                continue
            val = cur
            if self.boost[i] is not None and obs["t"] - self.boost[i][1] >= 120:
                val = self.boost[i][0]
                self.boost[i] = None
                self.cnt[i] = 0
            if self.boost[i] is None:
                self.cnt[i] = self.cnt[i] + 1 if fr >= 0.95 else 0
                if self.cnt[i] >= 3:
                    for f in (1.5, 1.25):
                        c = math.ceil(cur * f)
                        if c <= mx:
                            self.boost[i] = (val, obs["t"])
                            val = c
                            self.cnt[i] = 0
                            break
            out.append(val)
        return out[0], out[1]


class DecHist:
    """VPA decayingHistogram (exponential buckets, 5 % growth, epsilon 1e-4)."""

    def __init__(self, mx, first, ratio=1.05, hl=86400.0, eps=1e-4):
        self.first = first
        self.r = ratio
        self.hl = hl
        self.eps = eps
        self.n = int(math.ceil(math.log(mx * (ratio - 1) / first + 1) / math.log(ratio))) + 1
        self.w = np.zeros(self.n)
        self.tot = 0.0
        self.minb = self.n - 1
        self.maxb = 0
        self.ref = None
        self.start = first * (ratio ** np.arange(self.n) - 1) / (ratio - 1)

    def bucket(self, v):
        if v < self.first:
            return 0
        return min(int(math.log(v * (self.r - 1) / self.first + 1) / math.log(self.r)), self.n - 1)

    def factor(self, t):
        if self.ref is None:
            self.ref = math.floor(t / self.hl + 0.5) * self.hl
        if t > self.ref + 100 * self.hl:
            nr = math.floor(t / self.hl + 0.5) * self.hl
            f = 2.0 ** ((self.ref - nr) / self.hl)
            self.w *= f
            self.tot *= f
            self.ref = nr
        return 2.0 ** ((t - self.ref) / self.hl)

    def add(self, v, wt, t):
        b = self.bucket(v)
        wt *= self.factor(t)
        self.w[b] += wt
        self.tot += wt
        if self.w[b] >= self.eps:
            self.minb = min(self.minb, b)
            self.maxb = max(self.maxb, b)

    def sub(self, v, wt, t):
        b = self.bucket(v)
        wt *= self.factor(t)
        self.tot = self.tot - wt if self.tot - wt >= self.eps else 0.0
        self.w[b] = self.w[b] - wt if self.w[b] - wt >= self.eps else 0.0
        while self.w[self.minb] < self.eps and self.minb < self.n - 1:
            self.minb += 1
        while self.w[self.maxb] < self.eps and self.maxb > 0:
            self.maxb -= 1

    def pct(self, q):
        if self.w[self.minb] < self.eps:
            return 0.0
        c = np.cumsum(self.w[self.minb : self.maxb])
        b = self.minb + int(np.searchsorted(c, q * self.tot - 1e-15, side="left")) if len(c) else self.minb
        return float(self.start[b + 1] if b < self.n - 1 else self.start[b])


class VPA(Sizer):
    """kubernetes/autoscaler @55c37cd vertical-pod-autoscaler: recommender + updater with all defaults.
    inplace=False: UpdateMode Recreate (each update restarts and so resets the 12-h lifetime); True: InPlaceOrRecreate.
    ratio: container limit = ratio x target (Kubernetes keeps the limit:request ratio). Recommendations are capped at the container's maxima.
    5-minute steps are fed as 1-minute samples; VPA is told of OOM kills, as in Kubernetes."""

    MB = 1048576.0

    def __init__(self, inplace=False, ratio=1.0):
        self.inplace = inplace
        self.ratio = ratio

    def init(self):
        self.cpu = DecHist(1000.0, 0.01)
        self.memh = DecHist(1e12, 1e7)
        self.first = self.last = None
        self.cnt = 0
        self.wend = None
        self.peak = 0.0
        self.oompeak = 0.0
        self.born = None
        self.cstart = None
        self.lastm = None
        self.req = None

    def mem_sample(self, t, b, oom):
        if self.wend is None:
            self.wend = t
        new = False
        if t < self.wend:
            old = max(self.peak, self.oompeak)
            if old and b > old:
                self.memh.sub(old, 1.0, self.wend)
                new = True
        else:
            self.wend += math.floor((t - self.wend) / 86400) * 86400 + 86400
            self.peak = self.oompeak = 0.0
            new = True
        if new:
            self.memh.add(b, 1.0, self.wend)
            if oom:
                self.oompeak = b
            else:
                self.peak = b

    def step(self, obs, oom):
        t = obs["t"]
        n = max(1, round(obs["step_s"] / 60))
        dt = obs["step_s"] / n
        if self.born is None:
            self.born = self.cstart = t
        L = obs["cores"]
        M = obs["memory_mb"]
        quick = False
        if L is not None:
            u = obs["cpu_fraction"] * L
            ux = obs["cpu_fraction_max"] * L
            rest = (u * n - ux) / (n - 1) if n > 1 else u
            for i in range(n):
                v = (ux if i == 0 else max(rest, 0.0)) if n > 1 else u
                ts = t + i * dt
                self.cpu.add(v, 0.1, ts)
                self.cnt += 1
                if self.first is None:
                    self.first = ts
                self.last = ts
        if M is not None:
            if L is None:
                self.cnt += n
                self.last = t + (n - 1) * dt
                self.first = t if self.first is None else self.first
            self.mem_sample(t, obs["mem_mb"] * self.MB, False)
            if oom:
                used = max(M / self.ratio * self.MB, self.peak)
                self.mem_sample(t, max(used + 100 * self.MB, used * 1.2), True)
                if t - self.cstart < 600:
                    quick = True
                self.cstart = t
        if obs["phase"] == "warmup":
            self.req = None
        conf = max(min((self.last - self.first) / 86400.0, self.cnt / 1440.0), 1e-9)
        up = 1 + 1.0 / conf
        lo = (1 + 0.001 / conf) ** -2.0
        cap = {"c": self.tr.max_cores, "m": self.tr.max_mem}
        rec = {}
        if L is not None:
            rec["c"] = [min(max(x, 0.025), cap["c"]) for x in (self.cpu.pct(0.9) * 1.15, self.cpu.pct(0.5) * 1.15 * lo, self.cpu.pct(0.95) * 1.15 * up)]
        if M is not None:
            rec["m"] = [
                min(max(x / self.MB, 250.0), cap["m"]) for x in (self.memh.pct(0.9) * 1.15, self.memh.pct(0.5) * 1.15 * lo, self.memh.pct(0.95) * 1.15 * up)
            ]
        if self.req is None:
            self.req = {"c": L, "m": M}
        outside = any(self.req[k] < rec[k][1] or self.req[k] > rec[k][2] for k in rec)
        diff = sum(abs(self.req[k] - rec[k][0]) / max(self.req[k], 1e-3) for k in rec)
        if outside or (quick and diff > 0) or (t - self.born >= 43200 and diff >= 0.1):
            for k in rec:
                self.req[k] = rec[k][0]
            if not self.inplace:
                self.born = self.cstart = t
        c = self.req["c"] * self.ratio if L is not None else None
        m = self.req["m"] * self.ratio if M is not None else None
        return c, m


class Autopilot(Sizer):
    """Google Autopilot moving-window recommenders (EuroSys 2020 s.3.2): half-life 12 h CPU / 48 h memory, load-adjusted percentiles,
    15 % margin, then the maximum recommendation of the last hour. kind: 'avg' (batch: S-bar CPU, max(S_p60, 0.5 S_max) memory),
    'p95' (serving: S_p95 CPU, S_p98 memory), 'max' (S_p95 CPU, S_max memory over 7 days)."""

    NB = 400

    def __init__(self, kind):
        self.kind = kind

    def init(self):
        tr = self.tr
        self.bc = (np.arange(self.NB) + 1) * tr.max_cores / self.NB
        self.bm = (np.arange(self.NB) + 1) * tr.max_mem / self.NB
        self.wc = np.zeros(self.NB)
        self.wm = np.zeros(self.NB)
        self.sc = self.sn = 0.0
        self.win = collections.deque()
        self.hist = collections.deque()
        self.m5 = 0.0
        self.t5 = None
        self.fc = 0.5 ** (tr.step / 43200.0)
        self.fm = 0.5 ** (tr.step / 172800.0)

    @staticmethod
    def pj(w, b, q):
        h = np.cumsum(w * b)
        return float(b[min(int(np.searchsorted(h, q * h[-1] - 1e-12)), len(b) - 1)]) if h[-1] > 0 else 0.0

    def step(self, obs, oom):
        t = obs["t"]
        c = m = None
        if obs["cores"] is not None:
            L = obs["cores"]
            u = obs["cpu_fraction"] * L
            ux = obs["cpu_fraction_max"] * L
            self.wc *= self.fc
            self.sc = self.sc * self.fc + u
            self.sn = self.sn * self.fc + 1

            def ib(v):
                return min(max(int(math.ceil(v / self.tr.max_cores * self.NB)) - 1, 0), self.NB - 1)

            if ux > u:
                self.wc[ib(ux)] += PHI
                self.wc[ib(max((u - PHI * ux) / (1 - PHI), 0))] += 1 - PHI
            else:
                self.wc[ib(u)] += 1
            c = (self.sc / self.sn if self.kind == "avg" else self.pj(self.wc, self.bc, 0.95)) * 1.15
        if obs["mem_mb"] is not None:
            v = obs["mem_mb"]
            self.wm *= self.fm
            self.wm[min(max(int(math.ceil(v / self.tr.max_mem * self.NB)) - 1, 0), self.NB - 1)] += 1
            while self.win and self.win[-1][1] <= v:
                self.win.pop()
            self.win.append((t, v))
            while self.win[0][0] < t - 7 * 86400:
                self.win.popleft()
            smax = self.win[0][1]
            m = {"avg": max(self.pj(self.wm, self.bm, 0.60), 0.5 * smax), "p95": self.pj(self.wm, self.bm, 0.98), "max": smax}[self.kind] * 1.15
        self.hist.append((t, c, m))
        while self.hist[0][0] < t - 3600:
            self.hist.popleft()
        if c is not None:
            c = max(x[1] for x in self.hist)
        if m is not None:
            m = max(x[2] for x in self.hist)
        return c, m


class External(Sizer):
    """A sizer behind a line protocol (one JSON line in, one JSON line out)."""

    def __init__(self, cmd, timeout=30):
        self.p = subprocess.Popen(cmd if isinstance(cmd, list) else shlex.split(cmd), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.timeout = timeout
        self.first = True

    def init(self):
        self.first = True

    def step(self, obs, oom):
        if self.first:
            obs = dict(obs, reset=True)
            self.first = False
        self.p.stdin.write(json.dumps(obs, separators=(",", ":")) + "\n")
        self.p.stdin.flush()
        l = self.p.stdout.readline()
        if not l:
            raise SystemExit("external sizer ended (rc %s)" % self.p.poll())
        r = json.loads(l)
        return r.get("cores"), r.get("memory_mb")

    def close(self):
        try:
            self.p.stdin.close()
            self.p.wait(10)
        except Exception:
            self.p.kill()


SIZERS = collections.OrderedDict(
    [
        ("static-max", StaticMax),
        ("static-p95-oracle", lambda: StaticQ(0.95)),
        ("static-peak-oracle", lambda: StaticQ(1.0)),
        ("upstream", Upstream),
        ("upstream-conservative", lambda: Upstream("conservative")),
        ("upstream-aggressive", lambda: Upstream("aggressive")),
        ("upstream-yaml", lambda: Upstream(conf="yaml")),
        ("upstream-energy", lambda: Upstream(energy=True)),
        ("upstream-boost", UpstreamBoost),
        ("vpa-recreate", lambda: VPA(False)),
        ("vpa-inplace", lambda: VPA(True)),
        ("vpa-limit2x", lambda: VPA(True, 2.0)),
        ("autopilot-avg", lambda: Autopilot("avg")),
        ("autopilot-p95", lambda: Autopilot("p95")),
        ("autopilot-max", lambda: Autopilot("max")),
        ("oracle-24h", lambda: Oracle(86400)),
        ("oracle-1h", lambda: Oracle(3600)),
        ("oracle-step", lambda: Oracle(0)),
    ]
)


# --------------------------------------------------------------------------- running
def _job(a):
    path, name, cfgd, active, keep = a
    tr = Trace(path, active, cfgd.get("resolution", 0))
    r = simulate(tr, SIZERS[name](), Cfg(**cfgd))
    m = metrics(tr, r)
    m["sizer"] = name
    return m


def run_builtin(paths, names, cfgd, active, jobs):
    work = [(p, n, cfgd, active, False) for n in names for p in paths]
    if jobs <= 1:
        return [_job(w) for w in work]
    with multiprocessing.Pool(jobs) as p:
        return p.map(_job, work, chunksize=4)


def run_external(paths, cmd, name, cfgd, active, jobs):
    """`jobs` processes, each run once over its share of the trace set."""
    out = []
    lock = threading.Lock()
    q = collections.deque(enumerate(paths))
    cfg = Cfg(**cfgd)
    err = []

    def worker():
        s = External(cmd)
        try:
            while True:
                with lock:
                    if not q:
                        break
                    i, p = q.popleft()
                tr = Trace(p, active, cfgd.get("resolution", 0))
                r = simulate(tr, s, cfg, 100 + i)
                m = metrics(tr, r)
                m["sizer"] = name
                with lock:
                    out.append(m)
        except BaseException as e:
            err.append(e)
        finally:
            s.close()

    th = [threading.Thread(target=worker) for dummy in range(jobs)]
    [x.start() for x in th]
    [x.join() for x in th]
    if err:
        raise SystemExit("external sizer failed: %r" % (err[0],))
    return out


def pareto(rows, x, y):
    return {r["sizer"] for r in rows if not any((o[x] <= r[x] and o[y] <= r[y]) and (o[x] < r[x] - 1e-12 or o[y] < r[y] - 1e-12) for o in rows)}


def table(res, order, title):
    by = collections.defaultdict(list)
    for m in res:
        by[m["sizer"]].append(m)
    rows = [dict(aggregate(by[s]), sizer=s) for s in order if s in by]
    real = [r for r in rows if not r["sizer"].startswith(("oracle", "static-p", "static-peak"))]
    pc = pareto(real, "cpu_slack_prov", "cpu_unmet")
    pm = pareto(real, "mem_slack_prov", "oom_kh")
    L = [
        "### " + title,
        "",
        "| sizer | cost | CPU slack / prov. | CPU slack / limit (pooled) | CPU unmet (mean) | unmet p95 trace | throttled steps "
        "| mem slack / prov. | mem slack / limit (pooled) | OOM / 1000 h | traces with OOM | resizes / day | oscill. / day | Pareto |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]

    def f(v, s):
        return "–" if math.isnan(v) else s % v

    for r in rows:
        L.append(
            "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |"
            % (
                r["sizer"],
                f(r["cost"], "%.3f"),
                f(100 * r["cpu_slack_prov"], "%.1f %%"),
                f(100 * r["cpu_slack_rel_pool"], "%.1f %%"),
                f(100 * r["cpu_unmet"], "%.3f %%"),
                f(100 * r["cpu_unmet_p95"], "%.2f %%"),
                f(100 * r["cpu_thr_steps"], "%.2f %%"),
                f(100 * r["mem_slack_prov"], "%.1f %%"),
                f(100 * r["mem_slack_rel_pool"], "%.1f %%"),
                f(r["oom_kh"], "%.2f"),
                f(100 * r["oom_traces"], "%.0f %%"),
                f(r["resizes_day"], "%.2f"),
                f(r["osc_day"], "%.2f"),
                ("C" if r["sizer"] in pc else "") + ("M" if r["sizer"] in pm else ""),
            )
        )
    return rows, "\n".join(L) + "\n"


def main():
    ap = argparse.ArgumentParser()
    sub = ap.add_subparsers(dest="cmd", required=True)
    sub.add_parser("list")
    r = sub.add_parser("run")
    r.add_argument("--traces", required=True)
    r.add_argument("--out", required=True)
    r.add_argument("--sizers", default="all")
    r.add_argument("--external", action="append", default=[], help="NAME=CMD, may be repeated")
    r.add_argument("--cpu-mode", choices=["cores", "cpulimit"], default="cpulimit")
    r.add_argument("--cpu-gran", type=float, default=0.1)
    r.add_argument("--mem-gran", type=int, default=32)
    r.add_argument("--backlog", type=float, default=0.0)
    r.add_argument("--swap-mb", type=int, default=0)
    r.add_argument("--local-signals", action="store_true")
    r.add_argument("--no-warmup", action="store_true")
    r.add_argument("--active-mem", choices=["envelope", "raw"], default="envelope")
    r.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    r.add_argument("--resolution", type=int, default=0, help="poll every N s: hold each sample (e.g. 60)")
    r.add_argument("--only", default="", help="only traces whose name contains this")
    a = ap.parse_args()
    if a.cmd == "list":
        print("\n".join(SIZERS))
        return
    paths = [os.path.join(a.traces, f) for f in sorted(os.listdir(a.traces)) if f.endswith(".csv") and f != "MANIFEST.csv" and a.only in f]
    names = list(SIZERS) if a.sizers == "all" else [s for s in a.sizers.split(",") if s]
    cfgd = dict(
        cpu_mode=a.cpu_mode,
        cpu_gran=a.cpu_gran,
        mem_gran=a.mem_gran,
        backlog=a.backlog,
        swap_mb=a.swap_mb,
        local=a.local_signals,
        warmup=not a.no_warmup,
        resolution=a.resolution,
    )
    t0 = time.time()
    res = run_builtin(paths, names, cfgd, a.active_mem, a.jobs)
    order = list(names)
    for e in a.external:
        n, dummy, c = e.partition("=")
        res += run_external(paths, c, n, cfgd, a.active_mem, a.jobs)
        order.append(n)
    os.makedirs(a.out, exist_ok=True)
    json.dump({"options": vars(a), "results": res}, open(os.path.join(a.out, "results.json"), "w"))
    txt = []
    rows, t = table(res, order, "all sources")
    txt.append(t)
    for s in sorted({m["source"] for m in res}):
        txt.append(table([m for m in res if m["source"] == s], order, "source: " + s)[1])
    open(os.path.join(a.out, "tables.md"), "w").write("\n".join(txt))
    print(txt[0])
    print("%.0f s" % (time.time() - t0), file=sys.stderr)


if __name__ == "__main__":
    main()
