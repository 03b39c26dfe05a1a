"""Models that can forget: how they are trained, judged, released, withdrawn and stopped.

Owns the words *trainer*, *snapshot*, *gate*, *hold-out*, *training run*, *qualification*, *model
release*, *fallback* and *stop*. It knows which people a model must not have seen, never why.
"""
