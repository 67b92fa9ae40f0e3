"""Monitoring: controls that watch what is asked."""

from casemate.controls.monitoring import envelope as envelope
