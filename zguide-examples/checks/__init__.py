"""What each pattern promises, checked on running programs."""

from checks import basics, brought, garbage, pirates, pubsub, scripts, stars, titanic

ALL = [basics, pirates, titanic, stars, pubsub, scripts, brought, garbage]
