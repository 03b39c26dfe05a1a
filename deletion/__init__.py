"""The whole road of a request, and the only app that sees all of it.

Owns the words *request*, *regime* and its clocks, *hold*, *batch*, *plan*, *obligation*, *run*,
*outcome* and *certificate*. It decides what must be free of whom by when, starts the runs,
compares what was expected with what was done, and says `complete` only when every target has
ended well.
"""
