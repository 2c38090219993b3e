"""What each pattern promises, checked on running programs."""

from checks import basics

ALL = [basics]
