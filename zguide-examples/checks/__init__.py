"""What each pattern promises, checked on running programs."""

from checks import basics, pirates

ALL = [basics, pirates]
