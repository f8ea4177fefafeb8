"""The pure billing core: dated facts in, lines out. No I/O, no clock, no float.

Read in this order: `facts` (what happened), `rules` (under which policy), `fold` (the story of one subscription, day
by day), `changes` and `groups` (how a change becomes lines), `delta` (should-be lines minus issued lines).
"""
