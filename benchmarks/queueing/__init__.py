"""How well the dispatcher serves, on a real arrival log: against the stand-ins for peers, and against the
pooled bound.
"""
