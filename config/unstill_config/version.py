"""The one place of the version: all distributions have it from here."""

VERSION = "0.1.0"
