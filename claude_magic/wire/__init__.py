"""The Claude API over HTTP: one client, events, errors as one tree. Importing this imports httpx.

`Client` is the door. Requests and answers are the API's own JSON, as dicts; nothing of httpx shows.
"""

from claude_magic.wire._files import RemoteFile
from claude_magic.wire._http import prepare
from claude_magic.wire._limits import Limit, RateLimits
from claude_magic.wire._messages import Answer
from claude_magic.wire._secret import Secret
from claude_magic.wire._stream import EventStream
from claude_magic.wire.client import Client

__all__ = ["Answer", "Client", "EventStream", "Limit", "RateLimits", "RemoteFile", "Secret", "prepare"]
