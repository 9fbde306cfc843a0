#!/usr/bin/python3 -B
"""A front end whose upstream stands in a configuration file, configured.ini beside it."""

import configparser
import pathlib

import reporting

config = configparser.ConfigParser()
config.read_string((pathlib.Path(__file__).parent / "configured.ini").read_text())
upstream = config["upstream"]

reporting.serve(9002, lambda: reporting.fetch(upstream["host"], upstream.getint("port")))
