"""What the benches of the pipeline have in common: throw-away databases, the programs, what they
cost, and how results are told."""

from rig.databases import Database, Postgresql, Sqlite, database, kinds, write_databases
from rig.places import BENCH, BIN, ROOT
from rig.processes import cpu_of, difference, end, has_ended, run_to_end
from rig.programs import Pipeline, pipeline
from rig.run import arguments, folder, main
from rig.told import CannotMeasure, Goal, median, write, write_ratio
from rig.traffic import Answers, fill, generator, get, send, store, trace_ids

__all__ = [
    "BENCH",
    "BIN",
    "ROOT",
    "Answers",
    "CannotMeasure",
    "Database",
    "Goal",
    "Pipeline",
    "Postgresql",
    "Sqlite",
    "arguments",
    "cpu_of",
    "database",
    "difference",
    "end",
    "fill",
    "folder",
    "generator",
    "get",
    "has_ended",
    "kinds",
    "main",
    "median",
    "pipeline",
    "run_to_end",
    "send",
    "store",
    "trace_ids",
    "write",
    "write_databases",
    "write_ratio",
]
