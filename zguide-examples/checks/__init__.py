"""What each pattern promises, checked on running programs."""

from checks import basics, pirates, pubsub, stars, titanic

ALL = [basics, pirates, titanic, stars, pubsub]
