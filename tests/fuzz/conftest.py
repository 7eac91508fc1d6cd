import importlib.util

# it is looked through for examples, and its reference is not everywhere
collect_ignore = [] if importlib.util.find_spec("mpmath") else ["functions.py"]
