"""Use cases that bring a catalogue into the shop and out of it."""
