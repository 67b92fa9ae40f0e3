"""What holds for every test."""

from hypothesis import settings

settings.register_profile("casemate", deadline=None)  # how long a test takes says how busy the machine is
settings.load_profile("casemate")
