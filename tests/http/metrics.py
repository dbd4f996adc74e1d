"""Parses Prometheus' text format 0.0.4 strictly; prints the samples as one JSON object.

Usage: metrics.py < text. Every sample has HELP and TYPE in front, no series stands twice,
and each histogram is cumulative and ends with +Inf = count.
"""
import collections
import json
import re
import sys

SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*",?)*)\} (\S+)')
SUFFIXES = ("_bucket", "_sum", "_count")


def family_of(name, types):
    for suffix in SUFFIXES:
        if name.endswith(suffix) and types.get(name[:-len(suffix)]) == "histogram":
            return name[:-len(suffix)]
    return name


def parse(text):
    helped, types, samples = set(), {}, {}
    assert text.endswith("\n"), "no newline at the end"
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name = line.split(" ", 3)[2]
            assert name not in helped, line
            helped.add(name)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name in helped and kind in ("counter", "gauge", "histogram"), line
            types[name] = kind
        else:
            match = SAMPLE.fullmatch(line)
            assert match, line
            name, labels, value = match.groups()
            family = family_of(name, types)
            assert family in types, line
            assert types[family] != "counter" or name.endswith("_total"), line
            assert line.rsplit(" ", 1)[0] not in samples, line
            samples[line.rsplit(" ", 1)[0]] = float(value)
    return types, samples


def check_histogram(name, samples, worker):
    buckets = [(re.search(r'le="([^"]+)"', key).group(1), value)
               for key, value in samples.items()
               if key.startswith(f"{name}_bucket{{{worker},")]
    bounds = [float(bound) for bound, _ in buckets]
    counts = [value for _, value in buckets]
    assert bounds == sorted(bounds) and bounds[-1] == float("inf"), bounds
    assert counts == sorted(counts), counts
    assert counts[-1] == samples[f"{name}_count{{{worker}}}"], name


def sums(samples):
    """Of all workers: each is the first label of its series."""
    out = collections.Counter()
    for key, value in samples.items():
        out[re.sub(r'\{worker="\d+",?', "{", key)] += value
    return out


TYPES, SAMPLES = parse(sys.stdin.read())
WORKERS = sorted({re.search(r'\{(worker="\d+")', key).group(1) for key in SAMPLES})
for family, family_kind in TYPES.items():
    if family_kind == "histogram":
        for one in WORKERS:
            check_histogram(family, SAMPLES, one)
json.dump(sums(SAMPLES), sys.stdout)
