"""Values: content blocks, message, request, usage; and how events become messages."""

from claude_magic.messages.accumulate import Growing
from claude_magic.messages.values import Block, Message, Request, Usage, as_input, message_from_wire

__all__ = ["Block", "Growing", "Message", "Request", "Usage", "as_input", "message_from_wire"]
