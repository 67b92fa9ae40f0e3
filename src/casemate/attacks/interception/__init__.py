"""Interception: learn or change what travels between clients and the server that runs the model."""

from casemate.attacks.interception import curious_server as curious_server
from casemate.attacks.interception import decryption_replay as decryption_replay
from casemate.attacks.interception import malformed_message as malformed_message
