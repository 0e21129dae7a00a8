"""A mailer that writes messages to files, for development and tests."""

import os
from collections.abc import Callable
from pathlib import Path

from sellout_adapters.mail.messages import Messages, Words
from sellout_core.mail import Letter, MailNotSent


class FolderMailer:
    """`ports.Mailer`: a file for each mail. A mail that is sent twice replaces its file."""

    def __init__(
        self, folder: Path, messages: Messages, announce: Callable[[Letter, Words], None] = lambda *_: None
    ) -> None:
        """Creates a mailer.

        Args:
            folder: The folder, which is created for the first mail.
            messages: Makes the messages.
            announce: Called with each written letter.
        """
        self._folder = folder
        self._messages = messages
        self._announce = announce

    def send(self, letter: Letter) -> None:
        """Writes the file, readable by its owner alone, because it has the token of a link.

        Raises:
            MailNotSent: the file cannot be written.
        """
        message, words = self._messages.message(letter)
        target = self._folder / f"{letter.mail.created_at:%Y%m%dT%H%M%S}-{letter.mail.id}-{letter.mail.template}.eml"
        draft = target.with_suffix(f".{os.getpid()}")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft.touch(mode=0o600)
            draft.write_bytes(message.as_bytes())
            draft.replace(target)
        except OSError as error:
            raise MailNotSent(error.strerror or "the file cannot be written") from None
        self._announce(letter, words)
