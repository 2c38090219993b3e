"""What each pattern promises, checked on running programs."""

from checks import basics, pirates, stars, titanic

ALL = [basics, pirates, titanic, stars]
