"""The one kind of error that a user can cause and can mend."""

from __future__ import annotations


class UserError(Exception):
    """Something in the user's hands is wrong: a file, a key, a port, a permission.

    The message says which file and which key, what is allowed and what to do next. The command line prints it without a
    traceback and exits with `exit_code`; every other exception is a defect of the generator and is shown whole.
    """

    exit_code = 1
