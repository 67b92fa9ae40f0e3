"""Assess: plan, run and judge attacks on a system."""

from casemate.assess.judge import judge as judge
from casemate.assess.run import Interrupted as Interrupted
from casemate.assess.run import Options as Options
from casemate.assess.run import Override as Override
from casemate.assess.run import Progress as Progress
from casemate.assess.run import assess as assess
